package matrix

import (
	"time"

	"example.com/uft/internal/sim"
)

const groupBusy = "Busy machines: both ends are late by up to 2 ms to look at their sockets and timers"

// lateness is how late the programs are.
const lateness = 2 * time.Millisecond

// Busy are links on which it matters when packets came: those on which the peers
// were measured, and others.
var Busy = append(Table[:6:6],
	Link{"5M 80ms 0%", Path{Rate: 5 * mbit, RTT: 80 * ms}, 4 * mebibyte},
	Link{"30M 400ms 0%, queue 0.5 BDP", Path{Rate: 30 * mbit, RTT: 400 * ms, Queue: 0.5}, 12 * mebibyte},
	Link{"200M 60ms 0.5%, queue 0.25 BDP", Path{Rate: 200 * mbit, RTT: 60 * ms, Loss: 0.005, Queue: 0.25}, 64 * mebibyte},
	Link{"300M 150ms 2%", Path{Rate: 300 * mbit, RTT: 150 * ms, Loss: 0.02}, 96 * mebibyte},
)

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
