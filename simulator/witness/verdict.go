package witness

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Verdict counts events of the hosts that were heard. OK is its point.
type Verdict struct {
	Acked      int64            `json:"acked"`        // events that a host has an Ack for
	Found      int64            `json:"found"`        // of them
	Missing    int64            `json:"missing"`      // of them
	Duplicated int64            `json:"duplicated"`   // records beyond the first of an event
	Causes     map[string]int64 `json:"causes"`       // of duplicates, see docs/delivery.md
	Moved      int64            `json:"moved"`        // duplicates that came through another node than the first copy
	OutOfOrder int64            `json:"out_of_order"` // first copies that came after a later one of the same host, channel, subscription and topic
	Records    int64            `json:"records"`      // read
	Others     int64            `json:"others"`       // of them passed over: of hosts that were not heard, or without wef.id

	Which struct {
		Missing    []string `json:"missing"`      // wef.id
		Duplicated []string `json:"duplicated"`   // wef.id
		OutOfOrder []string `json:"out_of_order"` // wef.id
	} `json:"which"`
}

// OK says that nothing is missing of what was Acked.
func (v *Verdict) OK() bool { return v.Missing == 0 }

func (v *Verdict) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%d acked, %d found, %d missing, %d duplicated", v.Acked, v.Found, v.Missing, v.Duplicated)
	between := " ("
	for _, cause := range slices.Sorted(maps.Keys(v.Causes)) {
		fmt.Fprintf(&s, "%s%s %d", between, cause, v.Causes[cause])
		between = ", "
	}
	if between == ", " {
		fmt.Fprintf(&s, "; %d through another node)", v.Moved)
	}
	fmt.Fprintf(&s, ", %d out of order", v.OutOfOrder)
	return s.String()
}

// count fills in what only the whole ledger shows.
func (l *ledger) count(v *Verdict) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v.Acked = l.acked
	for id, m := range l.marks {
		text := func() string { return hex.EncodeToString(id[:]) }
		switch {
		case m.acked && m.copies == 0:
			v.Missing++
			v.Which.Missing = append(v.Which.Missing, text())
		case m.acked:
			v.Found++
		}
		if m.copies > 1 {
			v.Which.Duplicated = append(v.Which.Duplicated, text())
		}
	}
	slices.Sort(v.Which.Missing)
	slices.Sort(v.Which.Duplicated)
}

// missing is how many Acked events no record was read of.
func (l *ledger) missing() (n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.marks {
		if m.acked && m.copies == 0 {
			n++
		}
	}
	return n
}
