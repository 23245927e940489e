// Package rate reads and prints bit rates the way people write them:
// `2500000`, `10M`, `1.5Gbit/s`.
//
// Prefixes are decimal (k = 1000, M = 1000 k and so on), as is usual for
// lines, and a rate is always in bits: a capital B, which many read as bytes,
// is refused rather than guessed at.
package rate

import (
	"fmt"
	"strconv"
	"strings"
)

// Max is the highest rate that Parse accepts, in bit/s. It leaves callers
// room to multiply the bits of one datagram by 10⁹ in an int64.
const Max = 1_000_000_000_000_000

// prefixes are the decimal prefixes, from none upwards.
var prefixes = [...]struct {
	symbol string
	factor int64
}{
	{"", 1},
	{"k", 1_000},
	{"M", 1_000_000},
	{"G", 1_000_000_000},
	{"T", 1_000_000_000_000},
}

// Parse returns the rate written in s in bit/s. It takes a whole or decimal
// number, a prefix k, M, G or T in either case, and one of the units `bit/s`,
// `bit`, `bps` and `b/s`, or none. The number is read exactly, without
// floating point; what is left below one bit/s is cut off. A rate of zero is
// an error. The text of the error is one line that names s and shows what to
// write instead.
func Parse(s string) (bitsPerSecond int64, err error) {
	text := strings.TrimSpace(s)
	digits := 0
	for digits < len(text) && (text[digits] == '.' || isDigit(text[digits])) {
		digits++
	}
	factor, err := parseUnit(strings.TrimSpace(text[digits:]))
	if err != nil {
		return 0, fmt.Errorf("rate %q: %w", s, err)
	}
	bits, err := scale(text[:digits], factor)
	if err != nil {
		return 0, fmt.Errorf("rate %q: %w", s, err)
	}
	return bits, nil
}

// Format prints a rate with the largest prefix that leaves a number of at
// least one, rounded to three decimals: `12.346 Mbit/s`. Parse reads it back.
func Format(bitsPerSecond int64) string {
	chosen := prefixes[0]
	for _, prefix := range prefixes[1:] {
		// The comparison asks whether the number would still be at least
		// 1.000 with this prefix after rounding.
		if bitsPerSecond < prefix.factor-prefix.factor/2000 {
			break
		}
		chosen = prefix
	}
	number := strconv.FormatFloat(float64(bitsPerSecond)/float64(chosen.factor), 'f', 3, 64)
	number = strings.TrimSuffix(strings.TrimRight(number, "0"), ".")
	return number + " " + chosen.symbol + "bit/s"
}

// parseUnit returns the factor of a prefix and a unit.
func parseUnit(unit string) (factor int64, err error) {
	rest := unit
	for _, name := range [...]string{"bit/s", "bps", "b/s", "bit"} {
		if cut, found := strings.CutSuffix(rest, name); found {
			rest = cut
			break
		}
	}
	for _, prefix := range prefixes {
		if strings.EqualFold(rest, prefix.symbol) {
			return prefix.factor, nil
		}
	}
	if strings.ContainsRune(unit, 'B') {
		return 0, fmt.Errorf("rates are in bits per second, not bytes; write for example 10M or 1.5Gbit/s")
	}
	return 0, fmt.Errorf("write a number of bit/s, for example 2500000, 10M or 1.5Gbit/s")
}

// scale multiplies a decimal number by factor, exactly.
func scale(number string, factor int64) (int64, error) {
	whole, fraction, _ := strings.Cut(number, ".")
	if whole == "" && fraction == "" || strings.Contains(fraction, ".") {
		return 0, fmt.Errorf("write a number of bit/s, for example 2500000, 10M or 1.5Gbit/s")
	}
	var bits int64
	for _, digit := range []byte(whole) {
		bits = bits*10 + int64(digit-'0')
		if bits > Max/factor {
			return 0, fmt.Errorf("the highest rate is %s", Format(Max))
		}
	}
	bits *= factor
	for _, digit := range []byte(fraction) {
		// Each digit is worth a tenth of the one before. The factors are
		// powers of ten, so nothing is lost until one bit/s is reached.
		factor /= 10
		bits += int64(digit-'0') * factor
	}
	if bits > Max {
		return 0, fmt.Errorf("the highest rate is %s", Format(Max))
	}
	if bits == 0 {
		return 0, fmt.Errorf("the rate must be at least 1 bit/s")
	}
	return bits, nil
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }
