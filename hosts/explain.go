package hosts

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Facts are what an explanation needs beside the Book: how the collector stands, and what the name service says of the host.
type Facts struct {
	Kafka         error // why Kafka does not take events now; nil: it does, as far as known
	Subscriptions []Policy
	Listeners     []Listener
	Addresses     []netip.Addr // of the host
	Lookup        error        // why there are none
}

// Policy is a subscription in force.
type Policy struct {
	Name, ID string
	Enabled  bool
}

// Listener is where hosts come in.
type Listener struct{ Name, Address, Auth, Advertise string }

// Explanation says why nothing arrives from a host, or that something does.
type Explanation struct {
	Source   string
	Verdict  string
	Findings []Finding // the first broken link of the chain first, what only deserves a look last
}

// Unknown says that nobody of this name, or from these addresses, was ever here.
func (e *Explanation) Unknown() bool {
	return len(e.Findings) > 0 && e.Findings[0].Cause.ID == "reach-never"
}

// Finding is a cause and what speaks for it.
type Finding struct {
	Cause    *Cause
	Evidence string
}

// Explain walks the chain for a host: by its identity in any case, by the first part of that, or by its address.
func (b *Book) Explain(name string, facts Facts) Explanation {
	q := b.inquire(name, facts)
	var e Explanation
	e.Source = q.name
	for i := range causes {
		if evidence := causes[i].find(q); evidence != "" {
			e.Findings = append(e.Findings, Finding{&causes[i], evidence})
		}
	}
	slices.SortStableFunc(e.Findings, func(a, b Finding) int { return cmp.Compare(a.Cause.rank(), b.Cause.rank()) })
	e.Verdict = q.verdict(e.Findings)
	return e
}

// inquiry is one question: everything that causes look at.
type inquiry struct {
	name     string
	now      time.Time
	facts    Facts
	host     Host      // zero: not known
	known    bool      // by its identity
	state    State     // of the host, when known
	unproven []Refusal // of those who may be it and proved nothing, since it last proved itself; newest first
	requests []Refusal // of requests of the proven host, since the same last went well; newest first
}

func (b *Book) inquire(name string, facts Facts) *inquiry {
	q := &inquiry{name: name, now: b.now(), facts: facts}
	if h := b.Get(b.identity(name)); h != nil {
		q.host, q.known, q.name, q.state = *h, true, h.Source, h.State
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		q.facts.Addresses = []netip.Addr{addr.Unmap()}
	}
	if q.host.Address.IsValid() {
		q.facts.Addresses = append(q.facts.Addresses, q.host.Address)
	}
	q.unproven = b.unproven(q)
	for _, r := range q.host.Refusals {
		if r.Time.After(q.wentWell(r.Action)) {
			q.requests = append(q.requests, r)
		}
	}
	return q
}

// identity completes the first part of one: PC-1 is PC-1$@REALM or pc-1.corp.example, if there is one such.
func (b *Book) identity(name string) string {
	name = strings.ToLower(name)
	names := b.names()
	i, found := slices.BinarySearch(names, name)
	if found {
		return name
	}
	for ; i < len(names) && strings.HasPrefix(names[i], name); i++ {
		if rest := names[i][len(name):]; strings.HasPrefix(rest, "$@") || strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "@") {
			return names[i]
		}
	}
	return name
}

// unproven gathers refusals of strangers that claimed to be the host, or came from its address and claimed nothing.
func (b *Book) unproven(q *inquiry) []Refusal {
	_, err := netip.ParseAddr(q.name)
	byAddr := err == nil
	healthy := q.state == Active || q.state == Alive
	var found []Refusal
	b.mu.Lock()
	defer b.mu.Unlock()
	for e := b.strangers.order.Front(); e != nil; e = e.Next() {
		who := e.Value.(*stranger)
		here := slices.Contains(q.facts.Addresses, who.addr)
		for _, r := range who.refusals {
			named := r.Claimed != "" && sameMachine(r.Claimed, q.name)
			if r.Time.After(q.host.Proven) && (named || here && (byAddr || r.Claimed == "" && !healthy)) {
				found = append(found, r)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b Refusal) int { return b.Time.Compare(a.Time) })
	return found
}

// sameMachine compares names whatever their domain or realm, as far as one of them says none.
func sameMachine(a, b string) bool {
	if strings.EqualFold(a, b) {
		return true
	}
	first := func(s string) (string, bool) {
		if name, _, ok := strings.Cut(s, "@"); ok {
			return strings.TrimSuffix(name, "$"), true
		}
		name, _, ok := strings.Cut(s, ".")
		return name, ok
	}
	x, xWhole := first(a)
	y, yWhole := first(b)
	return strings.EqualFold(x, y) && !(xWhole && yWhole)
}

// wentWell is when a request of this kind was last answered well.
func (q *inquiry) wentWell(action string) time.Time {
	switch action {
	case "enumerate":
		return q.host.LastEnumerate
	case "heartbeat":
		return q.host.LastHeartbeat
	case "events":
		return q.host.LastDelivery
	}
	return latest(q.host.LastEnumerate, q.host.LastHeartbeat, q.host.LastDelivery) // nobody knows what it would have been
}

// verdict is one sentence.
func (q *inquiry) verdict(found []Finding) string {
	for _, f := range found {
		if !f.Cause.Mild {
			return fmt.Sprintf("broken at %s: %s", f.Cause.Link, f.Cause.Text)
		}
	}
	said := "events arrive"
	switch {
	case !q.known:
		said = "nothing is known of it" // never: reach-never says so
	case q.state == Alive:
		said = "it is alive and has nothing to send"
	case !q.host.LastDelivery.IsZero():
		said += ", the last " + q.ago(q.host.LastDelivery)
	}
	if len(found) > 0 {
		return said + "; worth a look: " + found[0].Cause.Text
	}
	return said
}

func (q *inquiry) ago(t time.Time) string {
	d := q.now.Sub(t)
	switch {
	case d < time.Second:
		return "just now"
	case d < time.Hour:
		return d.Round(time.Second).String() + " ago"
	}
	return d.Round(time.Minute).String() + " ago, at " + t.UTC().Format(time.RFC3339)
}

func latest(times ...time.Time) time.Time {
	var t time.Time
	for _, other := range times {
		if other.After(t) {
			t = other
		}
	}
	return t
}
