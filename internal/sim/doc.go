// Package sim runs connections of package core in virtual time over a pair of
// bad links (package link): one server endpoint, any number of clients, and an
// application on both sides that checks every byte. Nothing waits, so a minute
// of network passes in milliseconds; and nothing is left to chance, so the same
// Config and the same script give the same datagrams at the same times, which
// Network.Transcript proves.
//
// A script reads like this:
//
//	n := sim.New(sim.Config{Seed: seed, Up: up, Down: down})
//	client, err := n.Dial(sim.DialOptions{})
//	client.SendFile(5 << 20)
//	err = n.Run(10*time.Second, client.Delivered)
//
// Run calls the connections in the order that the package comment of core asks
// of every shell, each only when something has happened to it, and returns an
// error as soon as one of these breaks: a wrong byte, a byte handed out twice, a
// stream out of order, more in flight than the window allows, or a connection
// that wants to be called again and again without time passing.
package sim
