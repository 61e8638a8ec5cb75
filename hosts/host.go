package hosts

import (
	"net/netip"
	"strings"
	"time"
	"unique"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/wsman"
)

// host is the memory of one identity. There may be some hundred thousand: texts that hosts share are kept once, times are numbers.
type host struct {
	name        string // as it was proven, case included
	machine     string // MachineID, claimed
	addr        netip.Addr
	method      word
	issuer      word
	listener    word
	etype       word
	withheld    word // subscriptions that its last Enumerate did not get, and why
	sysmon      word
	config      word  // of Sysmon
	sysmonAt    stamp // when events of its channel last came
	certificate stamp
	skew        time.Duration // of its clock, as far as known; positive: ahead
	first, seen stamp
	proven      stamp // last proof in this process
	enumerated  stamp
	heartbeat   stamp
	delivered   stamp
	other       stamp // last of anything else that was served
	events      uint64
	newest      stamp // TimeCreated of its newest event
	offered     int32
	stored      bool // subscriptions remembers it too
	why         string
	troubles    [troubleKinds]trouble
	marks       []mark
	refusals    []Refusal
	reports     []events.Report
	end         *End
}

// Kinds of trouble that a host is in though its events arrive.
const (
	dropped = iota
	bookmarkIgnored
	deadLetters
	mismatched
	gaps
	cleared
	troubleKinds
)

// trouble counts what happened, and when it last did.
type trouble struct{ count, at uint32 } // at: seconds since 1970

func (t *trouble) add(n int, now time.Time) {
	t.count += uint32(n)
	t.at = uint32(now.Unix())
}

// mark is how far one channel has come in one subscription.
type mark struct {
	subscription, channel word
	record                uint64
	newest                stamp
	gaps                  uint32
}

// End is why a source said that it stops.
type End struct {
	Time         time.Time
	Subscription string // name
	Status       string // URI of WS-Eventing
	Code         string // of the WSManFault; "" = none
	Message      string
}

// visited notes who is there and how it was proven.
func (h *host) visited(v *wsman.Visit, now time.Time) {
	s := &v.Source
	h.name = same(h.name, s.Name)
	h.seen, h.proven = at(now), at(now)
	h.addr, h.method, h.issuer, h.listener, h.etype = s.Addr.Addr().Unmap(), wordOf(string(s.Method)), wordOf(s.Issuer), wordOf(v.Listener), wordOf(s.Etype)
	if v.Machine != "" {
		h.machine = same(h.machine, v.Machine)
	}
	if s.Leaf != nil {
		h.certificate = at(s.Leaf.NotAfter)
	} else {
		h.certificate, h.skew = 0, s.Skew
	}
}

// served notes a request that was answered well.
func (h *host) served(v *wsman.Visit, now time.Time) {
	switch v.Action {
	case "enumerate":
		h.enumerated = at(now)
	case "heartbeat":
		h.heartbeat = at(now)
	case "events":
		h.delivered = at(now)
	default:
		h.other = at(now)
	}
}

// same keeps the text that is there, and else a copy.
func same(old, text string) string {
	if old == text {
		return old
	}
	return strings.Clone(text)
}

// word is a text that many hosts share.
type word struct{ h unique.Handle[string] }

func wordOf(s string) word {
	if s == "" {
		return word{}
	}
	return word{unique.Make(s)}
}

func (w word) String() string {
	if w == (word{}) {
		return ""
	}
	return w.h.Value()
}

// stamp is a time in nanoseconds since 1970; 0 = none.
type stamp int64

func at(t time.Time) stamp {
	if t.IsZero() {
		return 0
	}
	return stamp(t.UnixNano())
}

// Time is zero for none.
func (s stamp) Time() time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(s)).UTC()
}

// clip bounds a text that hosts or libraries wrote.
func clip(s string) string {
	const most = 300
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(strings.Clone(s), "")
}
