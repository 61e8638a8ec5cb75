package hosts

import (
	"container/list"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/wefka/wefka/wsman"
)

// Refusal is a request that was not answered well, or a connection that came to none. Equal ones in a row are one, counted.
type Refusal struct {
	Time         time.Time // of the newest
	Count        int
	Listener     string
	Addr         netip.Addr
	Source       string // proven; "" = nothing was
	Claimed      string // the name that an unproven one was about; "" = not known
	Auth         string // how it was proven
	Action       string // metric label; connect: it came to no request
	Subscription string // GUID, claimed
	Path         string // of the URL
	Status       int    // of the answer; 0: none
	Reason       string // as in log and metrics
	Message      string // the same in words
}

func refusal(v *wsman.Visit, now time.Time) Refusal {
	r := Refusal{Time: now.UTC(), Count: 1, Listener: v.Listener, Addr: v.Addr.Addr().Unmap(), Source: strings.Clone(v.Source.Name), Claimed: clip(v.Claimed),
		Auth: string(v.Source.Method), Action: v.Action, Subscription: strings.Clone(v.Subscription), Path: clip(v.Path), Status: v.Status, Reason: v.Reason}
	if v.Err != nil {
		r.Message = clip(v.Err.Error())
	}
	return r
}

// like says whether two differ only in when they happened.
func (r *Refusal) like(o *Refusal) bool {
	return r.Reason == o.Reason && r.Status == o.Status && r.Action == o.Action && r.Addr == o.Addr && r.Source == o.Source && r.Claimed == o.Claimed && r.Subscription == o.Subscription
}

// kept is how many refusals a host or a stranger has, newest last.
const kept = 6

func note(rs []Refusal, r Refusal) []Refusal {
	if i := slices.IndexFunc(rs, func(o Refusal) bool { return o.like(&r) }); i >= 0 {
		r.Count += rs[i].Count
		rs = slices.Delete(rs, i, i+1)
	}
	if len(rs) == kept {
		rs = slices.Delete(rs, 0, 1)
	}
	return append(rs, r)
}

// strangers are those who proved nothing, by address; who was not seen for longest gives way.
type strangers struct {
	byAddr map[netip.Addr]*list.Element // of *stranger
	order  list.List                    // newest first
}

type stranger struct {
	addr     netip.Addr
	refusals []Refusal
}

const maxStrangers = 4096

func (s *strangers) add(r Refusal) {
	if s.byAddr == nil {
		s.byAddr = map[netip.Addr]*list.Element{}
	}
	e := s.byAddr[r.Addr]
	if e == nil {
		if len(s.byAddr) >= maxStrangers {
			s.remove(s.order.Back())
		}
		e = s.order.PushFront(&stranger{addr: r.Addr})
		s.byAddr[r.Addr] = e
	}
	s.order.MoveToFront(e)
	who := e.Value.(*stranger)
	who.refusals = note(who.refusals, r)
}

func (s *strangers) remove(e *list.Element) {
	delete(s.byAddr, e.Value.(*stranger).addr)
	s.order.Remove(e)
}

// settle forgets that a conversation began without a proof, when one has followed.
func (s *strangers) settle(addr netip.Addr) {
	e := s.byAddr[addr.Unmap()]
	if e == nil {
		return
	}
	who := e.Value.(*stranger)
	who.refusals = slices.DeleteFunc(who.refusals, func(r Refusal) bool { return r.Reason == unauthenticated })
	if len(who.refusals) == 0 {
		s.remove(e)
	}
}

// recent are the newest refusals of all.
type recent struct {
	ring []Refusal
	next int
}

const maxRecent = 256

func (q *recent) add(r Refusal) {
	if len(q.ring) > 0 {
		if last := &q.ring[(q.next+len(q.ring)-1)%len(q.ring)]; last.like(&r) {
			r.Count += last.Count
			*last = r
			return
		}
	}
	if len(q.ring) < maxRecent {
		q.ring = append(q.ring, r)
		return
	}
	q.ring[q.next] = r
	q.next = (q.next + 1) % maxRecent
}

func (q *recent) newest(n int) []Refusal {
	n = max(0, min(n, len(q.ring)))
	out := make([]Refusal, n)
	for i := range out {
		out[i] = q.ring[(q.next+2*len(q.ring)-1-i)%len(q.ring)]
	}
	return out
}
