package witness

import (
	"encoding/hex"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/wefka/wefka/output/fetch"
	"github.com/wefka/wefka/simulator"
)

// tally is what one partition adds to a Verdict.
type tally struct {
	records, others, duplicated, moved int64
	causes                             map[string]int64
	disordered                         []string
}

func (t *tally) add(v *Verdict) {
	v.Records += t.records
	v.Others += t.others
	v.Duplicated += t.duplicated
	v.Moved += t.moved
	v.OutOfOrder += int64(len(t.disordered))
	v.Which.OutOfOrder = append(v.Which.OutOfOrder, t.disordered...)
	for cause, n := range t.causes {
		v.Causes[cause] += n
	}
}

// header are the values of a record that matter here.
type header struct {
	id, client, node, received, channel, record, subscription []byte
	dead                                                      bool
}

func headerOf(r *fetch.Record) (h header) {
	for i := range r.Headers {
		value := r.Headers[i].Value
		switch string(r.Headers[i].Key) {
		case "wef.id":
			h.id = value
		case "wef.client":
			h.client = value
		case "wef.node":
			h.node = value
		case "wef.received_at":
			h.received = value
		case "wef.channel":
			h.channel = value
		case "wef.record_id":
			h.record = value
		case "wef.subscription_id":
			h.subscription = value
		case "wef.reason":
			h.dead = true
		}
	}
	return h
}

// record takes in one record of a partition.
func (w *Witness) record(p *part, r *fetch.Record) {
	if r.Offset < p.seen {
		return // of a batch that was given before, and then was found damaged
	}
	p.seen = r.Offset + 1
	t := &p.tally
	t.records++
	h := headerOf(r)
	var id simulator.ID
	if n, err := hex.Decode(id[:], h.id[:min(len(h.id), 2*len(id))]); err != nil || n != len(id) || !w.ledger.heard(h.client) {
		t.others++
		return
	}
	before, moved := w.ledger.read(id, h.request(), string(h.node))
	if before.copies == 0 {
		if !h.dead { // dead letters come after the rest of their batch
			p.order(&h)
		}
		return
	}
	t.duplicated++
	if moved {
		t.moved++
	}
	if t.causes == nil {
		t.causes = map[string]int64{}
	}
	t.causes[w.ledger.cause(before, &h)]++
}

// order checks that a stream's numbers rise: a host's, of a channel, in a subscription, in a topic.
func (p *part) order(h *header) {
	n, err := strconv.ParseUint(string(h.record), 10, 64)
	if err != nil {
		return
	}
	p.stream = append(append(append(append(append(p.stream[:0], h.client...), 0), h.channel...), 0), h.subscription...)
	if n <= p.last[string(p.stream)] {
		p.tally.disordered = append(p.tally.disordered, string(h.id))
		return
	}
	p.last[string(p.stream)] = n
}

// request tells deliveries apart: no host makes two to one node within a millisecond.
func (h *header) request() uint32 {
	f := fnv.New32a()
	f.Write(h.node)
	f.Write(h.received)
	return f.Sum32()
}

func (l *ledger) heard(client []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hosts[string(client)] || l.hosts[strings.ToLower(string(client))]
}

// cause of a duplicate: the producer wrote one request's events twice; or the host sent them again, and says why; or nobody knows of that, so it
// began again from an older bookmark.
func (l *ledger) cause(first mark, h *header) string {
	if first.request == h.request() {
		return "producer"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch why := l.reasons[first.again]; why {
	case "":
		return "bookmark"
	case "lost", "timeout":
		return "no_answer"
	default:
		return why
	}
}
