package witness

import (
	"math"
	"sync"

	"github.com/wefka/wefka/simulator"
)

// ledger is what is known of each event. Go's maps of such keys and values hold no pointers and grow piece by piece.
type ledger struct {
	mu      sync.Mutex
	marks   map[simulator.ID]mark
	reasons []string // 0 is "": as far as we know, never sent again
	nodes   []string
	hosts   map[string]bool // that were heard
	acked   int64
}

// mark is what is known of one event: 8 bytes.
type mark struct {
	request uint32 // hash of the request that brought the first copy
	copies  uint8  // read from Kafka; 255 is many
	node    uint8  // of the first copy
	again   uint8  // why a host sent it again
	acked   bool
}

func newLedger() *ledger {
	return &ledger{marks: map[simulator.ID]mark{}, reasons: []string{""}, hosts: map[string]bool{}}
}

func (l *ledger) hear(t simulator.Testimony) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hosts[t.Host] = true
	why := number(&l.reasons, t.Again)
	for _, id := range t.IDs {
		m := l.marks[id]
		switch {
		case t.Again != "":
			m.again = why
		case !m.acked:
			m.acked = true
			l.acked++
		}
		l.marks[id] = m
	}
}

// read notes a copy; before is what was known.
func (l *ledger) read(id simulator.ID, request uint32, node string) (before mark, moved bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before = l.marks[id]
	at := number(&l.nodes, node)
	m := before
	if m.copies == 0 {
		m.request, m.node = request, at
	}
	if m.copies < math.MaxUint8 {
		m.copies++
	}
	l.marks[id] = m
	return before, before.copies > 0 && before.node != at
}

// number is the place of a name in a short list, which grows; the last stands for all that are too many.
func number(list *[]string, name string) uint8 {
	for i, known := range *list {
		if known == name {
			return uint8(i)
		}
	}
	if len(*list) <= math.MaxUint8 {
		*list = append(*list, name)
	}
	return uint8(len(*list) - 1)
}
