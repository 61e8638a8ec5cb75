package strict

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time in a file: 30s, 1h30m, 2160h. It is never negative.
type Duration time.Duration

// Duration is d for computing.
func (d Duration) Duration() time.Duration { return time.Duration(d) }

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText is String without zeros at the end: 1h, not 1h0m0s.
func (d Duration) MarshalText() ([]byte, error) {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return []byte(s), nil
}

// UnmarshalText parses what String writes.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	switch {
	case err == nil && v < 0:
		return fmt.Errorf("%q is negative", text)
	case err == nil:
		*d = Duration(v)
		return nil
	}
	if n, err := strconv.ParseUint(string(text), 10, 32); err == nil {
		return fmt.Errorf("%q has no unit; write %ds, %dm or %dh", text, n, n, n)
	}
	if n, err := strconv.ParseUint(strings.TrimSuffix(string(text), "d"), 10, 16); err == nil {
		return fmt.Errorf("%q: days have no fixed length; write %dh", text, 24*n)
	}
	return fmt.Errorf("%q is no duration; write 30s, 5m or 1h", text)
}

// Size is a number of bytes in a file: 512KiB, 2MiB, 1GiB, or plain 512000.
type Size int64

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"", 1}} // "" fits everything: last

// String uses the largest unit that gives a whole number.
func (s Size) String() string {
	for i := len(sizeUnits) - 2; i >= 0; i-- {
		if u := sizeUnits[i]; s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText is String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText parses what String writes.
func (s *Size) UnmarshalText(text []byte) error {
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(string(text), u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		switch {
		case errors.Is(err, strconv.ErrRange), err == nil && n > math.MaxInt64/u.bytes:
			return fmt.Errorf("%q is too large", text)
		case err != nil || digits[0] == '+':
			return fmt.Errorf("%q is no size; write 512KiB, 2MiB or 1GiB, or plain bytes", text)
		case n < 0:
			return fmt.Errorf("%q is negative", text)
		}
		*s = Size(n * u.bytes)
		return nil
	}
	return nil // not reached: the last unit fits everything
}
