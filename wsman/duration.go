package wsman

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// parseDuration reads an xs:duration such as PT60.000S or P1DT2H. A year counts 365 days, a month 30. What is larger than a
// time.Duration becomes the largest; negative ones are refused.
func parseDuration(text string) (time.Duration, bool) {
	rest, ok := strings.CutPrefix(text, "P")
	if !ok || rest == "" {
		return 0, false
	}
	const day = 24 * time.Hour
	units := []struct {
		letter byte
		of     time.Duration
	}{{'Y', 365 * day}, {'M', 30 * day}, {'D', day}, {'T', 0}, {'H', time.Hour}, {'M', time.Minute}, {'S', time.Second}}
	var seconds float64
	for u, inTime := 0, false; rest != ""; {
		if rest[0] == 'T' {
			if inTime || len(rest) == 1 {
				return 0, false
			}
			rest, inTime, u = rest[1:], true, 4
			continue
		}
		n := strings.IndexFunc(rest, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if n <= 0 || n > 32 {
			return 0, false
		}
		for u < len(units) && (units[u].letter != rest[n] || (u > 3) != inTime) {
			u++
		}
		v, err := strconv.ParseFloat(rest[:n], 64)
		if err != nil || u == len(units) || strings.Contains(rest[:n], ".") && units[u].letter != 'S' {
			return 0, false
		}
		seconds += v * units[u].of.Seconds()
		rest = rest[n+1:]
		u++
	}
	if seconds >= math.MaxInt64/1e9 {
		return math.MaxInt64, true
	}
	return time.Duration(math.Round(seconds * 1e9)), true
}

// formatDuration writes seconds the way Windows does: PT3600.000S.
func formatDuration(d time.Duration) string {
	return "PT" + strconv.FormatFloat(d.Seconds(), 'f', 3, 64) + "S"
}
