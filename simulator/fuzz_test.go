package simulator_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wefka/wefka/simulator"
)

// FuzzCut: whatever a corpus holds, what is not replaced stays, and the sizes are right.
func FuzzCut(f *testing.F) {
	seeds := 0
	for line := range bytes.Lines(simulator.Sample) {
		f.Add(line)
		seeds++
	}
	if seeds == 0 {
		f.Fatal("the sample is empty")
	}
	f.Add([]byte(`<Event><System><Channel>C</Channel><TimeCreated RawTime='1' SystemTime = "x"/><Computer/><EventRecordID><!-- a -->1</EventRecordID></System>]]>`))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.ContainsAny(line, "\x00\n") || bytes.HasPrefix(line, []byte("\x1f\x8b")) {
			return
		}
		entries, sizes, _, err := simulator.Cut(bytes.NewReader(line), "host", 7, created)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range entries {
			if sizes[i][0] != len(e) {
				t.Fatalf("%d bytes, said to be %d", len(e), sizes[i][0])
			}
			// Cut again: a stamped event is stamped to itself.
			again, _, _, err := simulator.Cut(strings.NewReader(eventOf(t, e)), "host", 7, created)
			if err != nil || len(again) != 1 || again[0] != e {
				t.Fatalf("%q becomes %q", e, again)
			}
		}
	})
}

// FuzzQuery: a collector may offer any query.
func FuzzQuery(f *testing.F) {
	f.Add(sysmonOnly)
	f.Add(`<QueryList><Query Id="0" Path="S"><Select>*[System[(EventID=1 or Level&lt;=3) and EventID!=5]]</Select><Suppress Path="S">Event/System[Level&gt;1]</Suppress></Query></QueryList>`)
	f.Add(`<QueryList><Query><Select Path="S">*[System[((((]]</Select></Query></QueryList>`)
	f.Fuzz(func(t *testing.T, query string) {
		wanted, _, err := simulator.Wants(query, "S", 1, 2)
		channels, _ := simulator.Channels(query)
		if wanted && len(channels) == 0 || err != nil && wanted {
			t.Fatalf("wanted %v of channels %q: %v", wanted, channels, err)
		}
	})
}

// FuzzBookmark: what is read is written so that it reads the same.
func FuzzBookmark(f *testing.F) {
	f.Add(`<BookmarkList Direction="backward"><Bookmark Channel="a &amp; b" RecordId="5" IsCurrent="true"/></BookmarkList>`)
	f.Add(`<BookmarkList><Bookmark Channel="a" RecordId="x"/></BookmarkList>`)
	f.Fuzz(func(t *testing.T, fragment string) {
		once, err := simulator.Rewrite(fragment, "", false)
		if err != nil {
			return
		}
		if twice, err := simulator.Rewrite(once, "", false); err != nil || twice != once {
			t.Fatalf("%q becomes %q, %v", once, twice, err)
		}
	})
}
