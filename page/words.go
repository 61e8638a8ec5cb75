package page

import (
	"fmt"
	"strconv"
	"time"
)

// count writes a number with thin spaces between thousands.
func count[N ~int | ~int64 | ~uint64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	var out []byte
	for i, d := range []byte(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out = append(out, "\u202f"...)
		}
		out = append(out, d)
	}
	return string(out)
}

// size writes bytes in the largest unit that keeps a digit.
func size(n int64) string {
	const units = "KMGT"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1024, 0
	for value >= 1024 && unit < len(units)-1 {
		value /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", value, units[unit])
}

// ago says how long before now a time was, in its largest unit.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	if now.Sub(t) < time.Second {
		return "now"
	}
	return span(now.Sub(t)) + " ago"
}

// span writes a duration in its largest unit.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// rate writes events a second.
func rate(samples []float64) string {
	last := 0.0
	if len(samples) > 0 {
		last = samples[len(samples)-1]
	}
	if last > 0 && last < 10 {
		return strconv.FormatFloat(last, 'f', 1, 64)
	}
	return count(int64(last + 0.5))
}

// seconds writes the newest of samples as a duration.
func seconds(samples []float64) string {
	for i := len(samples) - 1; i >= 0; i-- {
		if samples[i] > 0 {
			return span(time.Duration(samples[i] * float64(time.Second)))
		}
	}
	return "–"
}

// expiry is the class of a date: past, soon or fine.
func expiry(now, t time.Time) string {
	switch left := t.Sub(now); {
	case left < 0:
		return "bad"
	case left < 30*24*time.Hour:
		return "warn"
	}
	return "ok"
}
