// Package doctor examines a machine, and on request the way to a server, for
// what makes transfers slow or impossible, and says of each fault how it is
// mended. It measures rather than asks wherever a measurement takes no more than
// a moment: offloads are tried with real datagrams, ciphers and disk with a
// stopwatch.
//
// Nothing is changed by it: what it writes it removes, and a server's key is
// looked at and not remembered.
package doctor

import (
	"context"
	"time"
)

// A Verdict is what a finding means.
type Verdict string

// The verdicts.
const (
	OK   Verdict = "ok"   // as it should be
	Note Verdict = "note" // worth knowing, and nothing that has to be mended
	Fix  Verdict = "fix"  // not as it should be: Finding.Fix says what to do
)

// A Finding is the outcome of one check.
type Finding struct {
	// Check names the check, in at most MaxCheckName columns.
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	// Text is what was found, for people.
	Text string `json:"finding"`
	// Fix is the command that mends it, or an instruction where no command
	// does. It is set where the verdict is Fix.
	Fix string `json:"fix,omitempty"`
	// Keep is the command that makes the fix outlast a restart of the machine.
	Keep string `json:"keep,omitempty"`
	// Values are the figures behind the text, for programs; each name ends in
	// its unit.
	Values map[string]any `json:"values,omitempty"`
}

// MaxCheckName is the longest name of a check, in columns.
const MaxCheckName = 16

// Options say what is examined besides the machine.
type Options struct {
	// Dir is the folder whose disk is measured.
	Dir string
	// Key is the file of the server's key, KnownHosts that of the known
	// servers; empty means the usual place.
	Key, KnownHosts string

	// Host is a server to examine the way to, empty for none; Port is its port.
	Host string
	Port uint16
	// Fingerprint is the identity that the server must have; without it
	// KnownHosts is asked.
	Fingerprint string
	// Timeout is how long the server may take to answer.
	Timeout time.Duration
}

// A Report is the outcome of all checks.
type Report struct {
	Findings []Finding `json:"findings"`
	// Silent: the server that was asked for gave no answer at all.
	Silent bool `json:"host_silent"`
	// IdentityChanged: the server is not who it should be.
	IdentityChanged bool `json:"identity_changed"`
}

// Faults is how many findings have to be mended.
func (r *Report) Faults() int {
	faults := 0
	for _, f := range r.Findings {
		if f.Verdict == Fix {
			faults++
		}
	}
	return faults
}

// examination is a run of checks.
type examination struct {
	options Options
	report  Report
	tell    func(Finding)
}

// checks are those of the machine, in the order of the report.
var checks = []func(context.Context, Options) []Finding{
	checkBuffers, checkOffload, checkLoopback, checkInterfaces, checkIPv6,
	checkCiphers, checkHash, checkClock,
	checkDisk, checkDescriptors, checkMemory, checkState,
}

// Run examines the machine, and the way to the server where there is one. tell
// is given each finding as soon as it is there. At the end of ctx Run returns
// what it has found so far, with nothing left behind on the disk.
func Run(ctx context.Context, options Options, tell func(Finding)) Report {
	e := &examination{options: options, tell: tell}
	for _, check := range checks {
		if ctx.Err() != nil {
			return e.report
		}
		e.add(ctx, check(ctx, options)...)
	}
	if options.Host != "" && ctx.Err() == nil {
		e.examineHost(ctx)
	}
	return e.report
}

// add takes findings into the report. What a check found while it was being
// interrupted means nothing.
func (e *examination) add(ctx context.Context, findings ...Finding) {
	for _, f := range findings {
		if ctx.Err() != nil {
			return
		}
		e.report.Findings = append(e.report.Findings, f)
		e.tell(f)
	}
}
