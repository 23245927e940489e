package term

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Bytes prints an amount of data with binary prefixes, as files are measured:
// "64.0 MiB". Below one KiB it is exact: "1023 B".
func Bytes(n int64) string {
	if -1024 < n && n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	return scaled(float64(n), 1024, []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"})
}

// Rate prints a rate in bit/s with decimal prefixes, as lines are measured:
// "93.1 Mbit/s".
func Rate(bitsPerSecond float64) string {
	if math.IsNaN(bitsPerSecond) || math.IsInf(bitsPerSecond, 0) {
		return "? bit/s"
	}
	if math.Round(math.Abs(bitsPerSecond)) < 1000 {
		return strconv.FormatFloat(bitsPerSecond, 'f', 0, 64) + " bit/s"
	}
	return scaled(bitsPerSecond/1000, 1000, []string{"kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"})
}

// scaled prints value with one decimal and the first unit that leaves it below
// base. 1023.96 KiB would round to "1024.0 KiB", so the rounding comes first.
func scaled(value, base float64, units []string) string {
	i := 0
	for i < len(units)-1 && math.Round(math.Abs(value)*10)/10 >= base {
		value /= base
		i++
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + " " + units[i]
}

// Duration prints a time span for people: "340 µs", "45 ms", "12.3 s",
// "2 min 05 s", "3 h 07 min".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Duration(-max(d, -math.MaxInt64))
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d.Round(100*time.Millisecond) < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d.Round(time.Second) < time.Hour:
		d = d.Round(time.Second)
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	default:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
	}
}

// Percent prints a share between 0 and 1: "5.1 %". A share that would round to
// nothing without being nothing is "<0.1 %".
func Percent(share float64) string {
	switch {
	case math.IsNaN(share):
		return "? %"
	case share > 0 && share < 0.0005:
		return "<0.1 %"
	default:
		return strconv.FormatFloat(share*100, 'f', 1, 64) + " %"
	}
}
