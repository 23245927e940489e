// Package e2e is the test of the built programs: uft, serveur, client and
// medium's relay run as a user would run them, over networks that misbehave,
// and are judged by what a user sees: the copies, the exit codes, the time it
// took, the size of the process. It has tests only.
//
// The tests build the programs once (main_test.go) and run each of them on a
// host (host_test.go): a folder and a home of its own and, where root and the
// program ip are at hand, a network namespace of its own. The bad network is
// package medium, in this process, so that its counters can be read.
//
// Plain `go test` runs a small form of every scenario that needs little time.
// With UFT_E2E=all in the environment (`make e2e`) the scenarios have the size
// at which the project promises something, and the promises about time and
// rate are held too; they mean nothing on a machine that does other work at
// the same time, which is the case when all packages are tested at once.
package e2e
