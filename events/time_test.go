package events_test

import (
	"testing"
	"time"

	"github.com/wefka/wefka/events"
)

func TestParseTime(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"2026-03-04T05:06:07Z", "2026-03-04T05:06:07Z"},
		{"2026-03-04T05:06:07.089Z", "2026-03-04T05:06:07.089Z"},
		{"2026-03-04T05:06:07.0890001Z", "2026-03-04T05:06:07.0890001Z"},
		{"2026-03-04T05:06:07.089000012Z", "2026-03-04T05:06:07.089000012Z"},
		{"2026-03-04T05:06:07.08900001299999Z", "2026-03-04T05:06:07.089000012Z"},
		{"2026-03-04 05:06:07.5", "2026-03-04T05:06:07.5Z"},
		{"2026-03-04T05:06:07,5z", "2026-03-04T05:06:07.5Z"},
		{"2026-03-04T05:06:07+02:30", "2026-03-04T02:36:07Z"},
		{"2026-03-04T22:06:07-02:30", "2026-03-05T00:36:07Z"},
		{"1601-01-01T00:00:00Z", "1601-01-01T00:00:00Z"},
		{"0000-02-29T00:00:00Z", "0000-02-29T00:00:00Z"},
		{"9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.9999999Z"},
		{"2000-02-29T12:00:00Z", "2000-02-29T12:00:00Z"},
		{"2026-12-31T23:59:60Z", "2027-01-01T00:00:00Z"},
		{"1900-02-29T12:00:00Z", ""},
		{"2026-02-30T12:00:00Z", ""},
		{"2026-13-01T12:00:00Z", ""},
		{"2026-01-00T12:00:00Z", ""},
		{"2026-01-01T24:00:00Z", ""},
		{"2026-01-01T12:00:00.Z", ""},
		{"2026-01-01T12:00:00 Z", ""},
		{"2026-01-01T12:0a:00Z", ""},
		{"2026-01-01T12:00:00+0100", ""},
		{"2026-01-01", ""},
		{"not a time", ""},
		{"", ""},
	} {
		got, ok := events.ParseTime([]byte(c.text))
		if c.want == "" {
			if ok {
				t.Errorf("%q: %v, want none", c.text, got)
			}
			continue
		}
		want, err := time.Parse(time.RFC3339Nano, c.want)
		if err != nil {
			t.Fatal(err)
		}
		if !ok || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%q: %v %v, want %v", c.text, got, ok, want)
		}
	}
}

// TestParseTimeDays compares days with package time: all of a cycle of 400 years, and the ends of what four digits can say.
func TestParseTimeDays(t *testing.T) {
	for _, years := range [][2]int{{0, 5}, {1599, 2002}, {9995, 9999}} {
		for day := time.Date(years[0], 1, 1, 0, 0, 0, 0, time.UTC); day.Year() <= years[1]; day = day.AddDate(0, 0, 1) {
			text := day.Format(time.RFC3339)
			if got, ok := events.ParseTime([]byte(text)); !ok || !got.Equal(day) {
				t.Fatalf("%s: %v %v", text, got, ok)
			}
		}
	}
}
