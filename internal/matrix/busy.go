package matrix

import (
	"time"

	"example.com/uft/internal/sim"
)

const groupBusy = "Busy machines: both ends are late by up to 2 ms to look at their sockets and timers"

// lateness is how late the programs are.
const lateness = 2 * time.Millisecond

// Busy are links on which it matters when packets came: those of the race where
// a transfer is short in comparison to its round trips, and others.
var Busy = []Link{
	{"100M 100ms 1%", Path{Rate: 100 * mbit, RTT: 100 * ms, Loss: 0.01}, 32 * mebibyte},
	{"100M 200ms 5%", Path{Rate: 100 * mbit, RTT: 200 * ms, Loss: 0.05}, 16 * mebibyte},
	{"50M 600ms 2%", Path{Rate: 50 * mbit, RTT: 600 * ms, Loss: 0.02}, 16 * mebibyte},
	{"20M 50ms 20%", Path{Rate: 20 * mbit, RTT: 50 * ms, Loss: 0.20}, 4 * mebibyte},
	{"1G 20ms 0.1%", Path{Rate: gbit, RTT: 20 * ms, Loss: 0.001}, 256 * mebibyte},
	{"100M 50ms ±10ms 0.1%", Path{Rate: 100 * mbit, RTT: 50 * ms, Jitter: 10 * ms, Loss: 0.001}, 32 * mebibyte},
	{"5M 80ms 0%", Path{Rate: 5 * mbit, RTT: 80 * ms}, 4 * mebibyte},
	{"30M 400ms 0%, queue 0.5 BDP", Path{Rate: 30 * mbit, RTT: 400 * ms, Queue: 0.5}, 12 * mebibyte},
	{"200M 60ms 0.5%, queue 0.25 BDP", Path{Rate: 200 * mbit, RTT: 60 * ms, Loss: 0.005, Queue: 0.25}, 64 * mebibyte},
	{"300M 150ms 2%", Path{Rate: 300 * mbit, RTT: 150 * ms, Loss: 0.02}, 96 * mebibyte},
}

// busyScenarios measure them with nothing known of the server, and to one known
// from before.
func busyScenarios() (all []Scenario) {
	for _, l := range Busy {
		for _, mode := range []Mode{First, Known} {
			s := l.scenario(groupBusy, mode, func(c *sim.Config) { c.Late = lateness })
			s.Name = "busy, " + s.Name
			s.Seeds = 11
			all = append(all, s)
		}
	}
	return all
}
