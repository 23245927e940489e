package store

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNameBytes is the longest name that the common file systems take.
const maxNameBytes = 255

// The names of our part files: partPrefix, sixteen hexadecimal digits, partSuffix.
const (
	partPrefix = ".uft-"
	partSuffix = ".part"
	partDigits = 16
)

// CheckName reports whether a name that a peer gave may become, or name, a
// file of this machine. The answer is the same on every operating system, so
// what one receiver takes another one takes as well: a name that is dangerous
// or impossible on Windows is refused on Linux too. Every error is an
// ErrBadName whose text says what is wrong.
//
// The name is a single one: separators of either kind are refused, hence
// every path. A colon is refused only where it makes a drive ("C:…"); the
// Folder refuses the rest of Windows' reserved characters where they matter.
func CheckName(name string) error {
	if problem := nameProblem(name); problem != "" {
		return &Error{Op: "use", Name: name, Kind: ErrBadName, Err: errors.New(problem)}
	}
	return nil
}

// nameProblem says what is wrong with a name, or returns "".
func nameProblem(name string) string {
	switch {
	case name == "":
		return "the name is empty"
	case len(name) > maxNameBytes:
		return fmt.Sprintf("the name has %d bytes, more than %d", len(name), maxNameBytes)
	case !utf8.ValidString(name):
		return "the name is not valid UTF-8"
	case name == "." || name == "..":
		return "the name is a folder's"
	case strings.ContainsAny(name, `/\`):
		return "the name contains a path separator"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "the name contains a control character"
	case len(name) >= 2 && name[1] == ':' && isLetter(name[0]):
		return "the name begins with a drive"
	case strings.HasSuffix(name, ".") || strings.HasSuffix(name, " "):
		// Windows drops both, and so would write another file than the one that was checked.
		return "the name ends with a dot or a space"
	case isDeviceName(name):
		return "the name is a device's on Windows"
	}
	return ""
}

func isLetter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// isDeviceName reports whether Windows takes the name for a device. It looks
// only at what stands before the first dot or colon, without the spaces
// between: "nul .tar.gz" is the device NUL. The list is the one of Microsoft's
// "Naming Files, Paths, and Namespaces", with the superscript digits and the
// console's own names.
func isDeviceName(name string) bool {
	if end := strings.IndexAny(name, ".:"); end >= 0 {
		name = name[:end]
	}
	name = strings.ToUpper(strings.TrimRight(name, " "))
	switch name {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	for _, port := range []string{"COM", "LPT"} {
		if digit, ok := strings.CutPrefix(name, port); ok {
			return utf8.RuneCountInString(digit) == 1 && strings.Contains("0123456789¹²³", digit)
		}
	}
	return false
}

// IsHidden reports whether a name is neither written nor served unless the
// user said so: names with a leading dot, which hold settings and keys, and
// our own part files, which begin with one too.
func IsHidden(name string) bool {
	return strings.HasPrefix(name, ".")
}

// isPartName reports whether the name is one that Create gives to the file it
// collects bytes in.
func isPartName(name string) bool {
	middle, ok := strings.CutPrefix(name, partPrefix)
	if !ok {
		return false
	}
	digits, ok := strings.CutSuffix(middle, partSuffix)
	return ok && len(digits) == partDigits && strings.Trim(digits, "0123456789abcdef") == ""
}
