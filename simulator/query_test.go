package simulator_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/simulator"
)

func TestQuery(t *testing.T) {
	list := func(inner string) string { return `<QueryList><Query Id="0">` + inner + `</Query></QueryList>` }
	for _, c := range []struct {
		name, query, channel string
		id, level            int
		want                 bool
		unknown              int
	}{
		{"all", list(`<Select Path="Security">*</Select>`), "Security", 1, 0, true, 0},
		{"other channel", list(`<Select Path="Security">*</Select>`), "System", 1, 0, false, 0},
		{"case of the channel", list(`<Select Path="security">*</Select>`), "Security", 1, 0, true, 0},
		{"path of the query", `<QueryList><Query Id="0" Path="Security"><Select>*</Select></Query></QueryList>`, "Security", 1, 0, true, 0},
		{"id", list(`<Select Path="S">*[System[(EventID=1 or EventID=2)]]</Select>`), "S", 2, 0, true, 0},
		{"other id", list(`<Select Path="S">*[System[(EventID=1 or EventID=2)]]</Select>`), "S", 3, 0, false, 0},
		{"range", list(`<Select Path="S">*[System[(EventID &gt;= 10 and EventID &lt;= 20)]]</Select>`), "S", 15, 0, true, 0},
		{"outside", list(`<Select Path="S">*[System[(EventID &gt;= 10 and EventID &lt;= 20)]]</Select>`), "S", 21, 0, false, 0},
		{"level", list(`<Select Path="S">*[System[(Level=1 or Level=2 or Level=3) and (EventID!=5)]]</Select>`), "S", 6, 3, true, 0},
		{"level and id", list(`<Select Path="S">*[System[(Level=1 or Level=2 or Level=3) and (EventID!=5)]]</Select>`), "S", 5, 3, false, 0},
		{"path form", list(`<Select Path="S">Event/System[EventID&lt;5 or Level&gt;3]</Select>`), "S", 4, 0, true, 0},
		{"event form", list(`<Select Path="S">Event[System[EventID=4]]</Select>`), "S", 4, 0, true, 0},
		{"suppressed", list(`<Select Path="S">*</Select><Suppress Path="S">*[System[(EventID=4)]]</Suppress>`), "S", 4, 0, false, 0},
		{"not suppressed", list(`<Select Path="S">*</Select><Suppress Path="S">*[System[(EventID=4)]]</Suppress>`), "S", 5, 0, true, 0},
		{"second query", `<QueryList><Query Id="0"><Select Path="A">*</Select></Query><Query Id="1"><Select Path="B">*</Select></Query></QueryList>`, "B", 5, 0, true, 0},
		{"unknown selects", list(`<Select Path="S">*[EventData[Data[@Name='x']='1']]</Select>`), "S", 4, 0, true, 1},
		{"unknown suppresses nothing", list(`<Select Path="S">*</Select><Suppress Path="S">*[EventData[Data[@Name='x']='1']]</Suppress>`), "S", 4, 0, true, 1},
		{"half unknown", list(`<Select Path="S">*[System[EventID=4 and TimeCreated[timediff(@SystemTime) &lt;= 86400000]]]</Select>`), "S", 9, 0, true, 1},
		{"broken", list(`<Select Path="S">*[System[(EventID=4]]</Select>`), "S", 9, 0, true, 1},
		{"no number", list(`<Select Path="S">*[System[EventID=]]</Select>`), "S", 9, 0, true, 1},
		{"no operator", list(`<Select Path="S">*[System[EventID]]</Select>`), "S", 9, 0, true, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, unknown, err := simulator.Wants(c.query, c.channel, c.id, c.level)
			if err != nil || got != c.want || len(unknown) != c.unknown {
				t.Errorf("%v, %v, %v", got, unknown, err)
			}
		})
	}
	if _, _, err := simulator.Wants("<Query/>", "S", 1, 1); err == nil {
		t.Error("no QueryList is accepted")
	}
	got, err := simulator.Channels(list(`<Select Path="B">*</Select><Select Path="a">*</Select><Select Path="b">*[System[EventID=1]]</Select><Suppress Path="C">*</Suppress>`))
	if d := cmp.Diff([]string{"B", "a"}, got); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestBookmark(t *testing.T) {
	got, err := simulator.Rewrite(`<BookmarkList Direction="backward" xmlns:w="urn:w" w:z="1"><Bookmark Channel="a &amp; b" RecordId="18446744073709551615"/><Bookmark Channel="C" RecordId="2" IsCurrent="true"/></BookmarkList>`, "a & b", false)
	if d := cmp.Diff(`<BookmarkList><Bookmark Channel="a &amp; b" RecordId="18446744073709551615" IsCurrent="true"/><Bookmark Channel="C" RecordId="2"/></BookmarkList>`, got); d != "" || err != nil {
		t.Error(d, err)
	}
	for _, bad := range []string{"", "x", "<Bookmark/>", `<BookmarkList><Bookmark Channel="a" RecordId="-1"/></BookmarkList>`} {
		if got, err := simulator.Rewrite(bad, "", false); err == nil {
			t.Errorf("%q is read as %s", bad, got)
		}
	}
}

func TestQuantiles(t *testing.T) {
	var linear []time.Duration
	for i := range 1000 {
		linear = append(linear, time.Duration(i+1)*time.Millisecond)
	}
	near := func(got, want float64) bool { return got >= want && got <= want*1.04 }
	if got := simulator.Quantiles(linear, 0.5, 0.99, 1); !near(got[0], 500) || !near(got[1], 990) || got[2] != 1000 {
		t.Errorf("%v", got)
	}
	for _, d := range []time.Duration{0, 7 * time.Microsecond, 31 * time.Microsecond, 32 * time.Microsecond, 63 * time.Microsecond, 64 * time.Microsecond, time.Second, time.Hour, 24 * 365 * time.Hour} {
		want := float64(d.Microseconds()) / 1000
		if got := simulator.Quantiles([]time.Duration{d}, 0.5, 1); got[0] != want || got[1] != want {
			t.Errorf("%v: %v", d, got)
		}
	}
	if got := simulator.Quantiles([]time.Duration{-time.Second}, 1); got[0] != 0 {
		t.Errorf("%v", got)
	}
	if got := simulator.Quantiles(nil, 0.5); got[0] != 0 {
		t.Errorf("%v", got)
	}
}
