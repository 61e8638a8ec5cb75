package hosts

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/wefka/wefka/events"
)

// State is what the silence of a host means.
type State string

// States, the liveliest first.
const (
	Active        State = "active"         // events within the heartbeat interval
	Alive         State = "alive"          // any message within it
	Late          State = "late"           // silent for up to two
	NotDelivering State = "not_delivering" // asks for its subscriptions, and never delivered
	Ended         State = "ended"          // said that it stops
	Dead          State = "dead"           // silent for longer
)

// States are all of them, the liveliest first.
var States = []State{Active, Alive, Late, NotDelivering, Ended, Dead}

// Stream is how a host stands in one subscription.
type Stream struct {
	Subscription     string // name
	State            State
	Version, Current string // that it delivered under, and that is in force
	FirstSeen        time.Time
	LastEvents       time.Time
	LastHeard        time.Time
	Enumerated       time.Time // when it was last offered; zero: not by this process
}

// Host is what is known of one identity.
type Host struct {
	Source              string // proven; in lower case while only the state remembers it
	State               State  // the liveliest of Streams
	Auth                string // tls | kerberos | negotiate; "" = not seen by this process
	Issuer              string // TLS: thumbprint of the CA
	Etype               string // Kerberos: of the ticket
	Listener            string
	Address             netip.Addr
	Machine             string // MachineID, claimed
	CertificateNotAfter time.Time
	Skew                time.Duration // how far its clock is ahead, as far as known
	FirstSeen, LastSeen time.Time
	LastEnumerate       time.Time
	LastHeartbeat       time.Time
	LastDelivery        time.Time
	NewestEvent         time.Time // TimeCreated
	Proven              time.Time // last proof in this process
	Offered             int       // subscriptions at its last Enumerate
	Withheld            []string  // the others: NAME: KEY of its file that keeps it away
	Events              uint64    // in this process
	Dropped             Trouble   // events that it says fit no envelope
	BookmarkIgnored     Trouble
	DeadLetters         Trouble
	DeadLetter          string  // why the newest became one
	Mismatched          Trouble // events of other computers
	Gaps, Cleared       Trouble
	SysmonVersion       string
	SysmonConfig        string // hashes of its configuration's file
	Channels            []Channel
	Refusals            []Refusal       // newest first
	Reports             []events.Report // newest first: what its forwarder says
	End                 *End
	Streams             []Stream
}

// Trouble is how often something happened in this process, and when it last did.
type Trouble struct {
	Count int
	Last  time.Time
}

// Channel is how far a channel has come in a subscription.
type Channel struct {
	Subscription, Name string
	Record             uint64 // EventRecordID of the newest event
	Newest             time.Time
	Gaps               int // places where events are missing
}

// view copies all but Streams and State; b.mu is held.
func (h *host) view() *Host {
	v := &Host{Source: h.name, Auth: h.method.String(), Issuer: h.issuer.String(), Etype: h.etype.String(), Listener: h.listener.String(), Address: h.addr,
		Machine: h.machine, CertificateNotAfter: h.certificate.Time(), Skew: h.skew, FirstSeen: h.first.Time(), LastSeen: h.seen.Time(), LastEnumerate: h.enumerated.Time(),
		LastHeartbeat: h.heartbeat.Time(), LastDelivery: h.delivered.Time(), NewestEvent: h.newest.Time(), Proven: h.proven.Time(), Offered: int(h.offered),
		Events: h.events, DeadLetter: h.why, SysmonVersion: h.sysmon.String(), SysmonConfig: h.config.String(),
		Dropped: h.troubles[dropped].view(), BookmarkIgnored: h.troubles[bookmarkIgnored].view(), DeadLetters: h.troubles[deadLetters].view(),
		Mismatched: h.troubles[mismatched].view(), Gaps: h.troubles[gaps].view(), Cleared: h.troubles[cleared].view()}
	if w := h.withheld.String(); w != "" {
		v.Withheld = strings.Split(w, ", ")
	}
	for _, m := range h.marks {
		v.Channels = append(v.Channels, Channel{m.subscription.String(), m.channel.String(), m.record, m.newest.Time(), int(m.gaps)})
	}
	v.Refusals, v.Reports = slices.Clone(h.refusals), slices.Clone(h.reports)
	slices.Reverse(v.Refusals)
	slices.Reverse(v.Reports)
	if h.end != nil {
		end := *h.end
		v.End = &end
	}
	return v
}

func (t trouble) view() Trouble {
	if t.count == 0 {
		return Trouble{}
	}
	return Trouble{int(t.count), time.Unix(int64(t.at), 0).UTC()}
}

// Filter says which hosts are wanted; a zero field admits all.
type Filter struct {
	State        State
	Subscription string // name; with State: in that state there
	Search       string // part of identity, machine or address, in any case
}

// Get is one host, by its identity in any case; nil: unknown.
func (b *Book) Get(source string) *Host {
	b.mu.Lock()
	h := b.hosts[strings.ToLower(source)]
	var v *Host
	if h != nil {
		v = h.view()
	}
	b.mu.Unlock()
	if v != nil {
		v.Streams = b.streams(nil, v.Source)
		v.State = liveliest(v.Streams)
	}
	return v
}

// List gives at most limit hosts behind after, in the order of their identities, and what to give as after for the next ones; "" =
// there are no more.
func (b *Book) List(f Filter, after string, limit int) (page []*Host, next string) {
	names := b.names()
	i, found := slices.BinarySearch(names, strings.ToLower(after))
	if found {
		i++
	}
	f.Search = strings.ToLower(f.Search)
	var streams []Stream
	for ; i < len(names); i++ {
		if f.Search != "" && !b.has(names[i], f.Search) {
			continue
		}
		streams = b.streams(streams[:0], names[i])
		if !f.admits(streams) {
			continue
		}
		if len(page) == limit {
			return page, strings.ToLower(page[limit-1].Source)
		}
		b.mu.Lock()
		h := b.hosts[names[i]]
		if h == nil { // forgotten meanwhile
			b.mu.Unlock()
			continue
		}
		v := h.view()
		b.mu.Unlock()
		v.Streams, v.State = slices.Clone(streams), liveliest(streams)
		page = append(page, v)
	}
	return page, ""
}

// Counts gives the number of hosts in each state, and in all: each host once, by the liveliest of its streams.
func (b *Book) Counts() (counts map[State]int, all int) {
	counts = map[State]int{}
	var streams []Stream
	for _, name := range b.names() {
		streams = b.streams(streams[:0], name)
		counts[liveliest(streams)]++
		all++
	}
	return counts, all
}

func (f *Filter) admits(streams []Stream) bool {
	if f.Subscription == "" {
		return f.State == "" || liveliest(streams) == f.State || slices.ContainsFunc(streams, func(s Stream) bool { return s.State == f.State })
	}
	return slices.ContainsFunc(streams, func(s Stream) bool { return s.Subscription == f.Subscription && (f.State == "" || s.State == f.State) })
}

func liveliest(streams []Stream) State {
	best := len(States)
	for i := range streams {
		if n := slices.Index(States, streams[i].State); n >= 0 && n < best {
			best = n
		}
	}
	if best == len(States) {
		return NotDelivering // it came, and no subscription has anything of it
	}
	return States[best]
}

// has says whether a host fits a search.
func (b *Book) has(name, search string) bool {
	if strings.Contains(name, search) {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.hosts[name]
	return h != nil && (strings.Contains(strings.ToLower(h.machine), search) || h.addr.IsValid() && strings.Contains(h.addr.String(), search))
}

func (b *Book) streams(into []Stream, source string) []Stream {
	if b.Streams == nil {
		return into
	}
	return b.Streams(into, source)
}

// index is the sorted names of hosts, brought up to date when somebody looks.
type index struct {
	sorted []string // never changed, only replaced
	fresh  []string
}

func (x *index) add(key string) { x.fresh = append(x.fresh, key) }

// names are the keys of b.hosts, sorted; read only.
func (b *Book) names() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := &b.index
	if len(x.fresh) == 0 && len(x.sorted) == len(b.hosts) {
		return x.sorted
	}
	slices.Sort(x.fresh)
	merged := make([]string, 0, len(b.hosts))
	i, j := 0, 0
	for i < len(x.sorted) || j < len(x.fresh) {
		var name string
		if j == len(x.fresh) || i < len(x.sorted) && x.sorted[i] <= x.fresh[j] {
			name, i = x.sorted[i], i+1
		} else {
			name, j = x.fresh[j], j+1
		}
		if n := len(merged); b.hosts[name] != nil && (n == 0 || merged[n-1] != name) {
			merged = append(merged, name)
		}
	}
	x.sorted, x.fresh = merged, nil
	return merged
}
