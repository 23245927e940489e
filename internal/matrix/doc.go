// Package matrix holds the named scenarios with which the transport is proved
// in the simulator (package sim): what the network does in each, what is asked
// of a transfer over it, and the line that has to be passed.
//
// Everything happens in virtual time and comes from a seed, so the same seed
// gives the same figures on every machine, and a figure that changed was
// changed by the code. The program in the folder report runs the scenarios and
// prints the table; the tests of this package run a fast part of them.
package matrix
