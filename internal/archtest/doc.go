// Package archtest holds the rules of the house as tests: which package may
// import which, what a pure package must not touch, what the public packages
// may show, and how large a file and a function may grow.
//
// The rules read the source text, so a rule that is broken names the file and
// the line. Every rule is a function on sources, tried on a violating source
// beside the run over the module: a rule that cannot fail would be noticed.
//
// The package has no code of its own, only tests.
package archtest
