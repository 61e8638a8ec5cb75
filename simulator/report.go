package simulator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"maps"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Report is what a fleet saw.
type Report struct {
	Hosts        int     `json:"hosts"`
	Seed         uint64  `json:"seed"`
	Seconds      float64 `json:"seconds"`
	Enumerations int64   `json:"enumerations"` // answered as Windows wants it
	Heartbeats   int64   `json:"heartbeats"`   // Acked

	Batches struct {
		Sent    int64 `json:"sent"`    // each once
		Acked   int64 `json:"acked"`   //
		Retried int64 `json:"retried"` // requests that sent one again
		Refused int64 `json:"refused"` // requests that were answered with a status other than 2xx
	} `json:"batches"`
	Events struct {
		Sent    int64 `json:"sent"` // each once
		Acked   int64 `json:"acked"`
		Unacked int64 `json:"unacked"` // sent, and not Acked when the fleet left
	} `json:"events"`
	Bytes struct {
		Wire int64 `json:"wire"` // of all request bodies, as sent
		Text int64 `json:"text"` // of their messages in UTF-8
	} `json:"bytes"`

	Status  map[string]int64 `json:"status"` // answers by HTTP status; those to SubscriptionEnd, which a source ignores, are not among them
	Errors  map[string]int64 `json:"errors"` // by reason
	Latency struct {
		P50 float64 `json:"p50"`
		P99 float64 `json:"p99"`
		Max float64 `json:"max"`
	} `json:"latency_ms"` // from when a batch was due to be sent to its Ack
	EventsPerSecond float64 `json:"events_per_second"` // Acked
	CPUSeconds      float64 `json:"cpu_seconds"`       // of this process
}

// OK says whether something was sent and all of it was Acked.
func (r *Report) OK() bool { return r.Events.Sent > 0 && r.Events.Unacked == 0 }

// Snapshot is how far a fleet is.
type Snapshot struct {
	Hosts                int // with a subscription at work
	Sent, Acked, Retried int64
	Elapsed              time.Duration
	Done                 bool // this is the last one
}

// tally counts for all hosts.
type tally struct {
	started time.Time
	cpu     time.Duration

	enumerations, heartbeats, hosts         atomic.Int64
	batches, ackedBatches, retried, refused atomic.Int64
	events, ackedEvents                     atomic.Int64
	wire, text                              atomic.Int64
	latency                                 latency

	mu       sync.Mutex // guards what follows
	status   map[int]int64
	errors   map[string]int64
	acks     io.Writer
	lines    []byte
	parts    []byte
	ackedErr error // the first one of acks
}

func newTally(acks io.Writer) *tally {
	return &tally{started: time.Now(), cpu: cpuTime(), status: map[int]int64{}, errors: map[string]int64{}, acks: acks}
}

// note counts an error, and logs the first of each reason loudly.
func (t *tally) note(log *slog.Logger, reason string, err error) {
	t.mu.Lock()
	t.errors[reason]++
	first := t.errors[reason] == 1
	t.mu.Unlock()
	level := slog.LevelDebug
	if first {
		level = slog.LevelWarn
	}
	log.Log(context.Background(), level, "host in trouble", "reason", reason, "error", err)
}

func (t *tally) answered(status int) {
	t.mu.Lock()
	t.status[status]++
	t.mu.Unlock()
}

// acked notes that an Ack for a batch was read, and writes down what it stands for.
func (t *tally) acked(m *machine, batch []stamp, late time.Duration) {
	t.ackedBatches.Add(1)
	t.ackedEvents.Add(int64(len(batch)))
	t.latency.observe(late)
	if t.acks == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = t.lines[:0]
	for i := range batch {
		id := t.id(m, &batch[i])
		t.lines = append(hex.AppendEncode(t.lines, id[:]), '\n')
	}
	if _, err := t.acks.Write(t.lines); err != nil && t.ackedErr == nil {
		t.ackedErr = err
	}
}

// id is the wef.id of an event: the first 16 bytes of SHA-256 over the identity and what is in the event. t.mu is held.
func (t *tally) id(m *machine, s *stamp) ID {
	text := append(t.parts[:0], m.identity...)
	if text = append(text, 0); s.has(computerValue) {
		text = append(text, m.name...)
	}
	text = append(append(text, 0), s.channel...)
	text = append(append(text, 0), s.provider...)
	if text = append(text, 0); s.has(recordValue) {
		text = strconv.AppendUint(text, s.record, 10)
	}
	if text = append(text, 0); s.has(createdValue) {
		text = s.created.AppendFormat(text, createdLayout)
	}
	t.parts = text
	sum := sha256.Sum256(text)
	return ID(sum[:16])
}

func (t *tally) snapshot() Snapshot {
	return Snapshot{Hosts: int(t.hosts.Load()), Sent: t.events.Load(), Acked: t.ackedEvents.Load(), Retried: t.retried.Load(), Elapsed: time.Since(t.started)}
}

func (t *tally) report(hosts int, seed uint64) *Report {
	seconds := time.Since(t.started).Seconds()
	r := &Report{Hosts: hosts, Seed: seed, Seconds: round(seconds), Enumerations: t.enumerations.Load(), Heartbeats: t.heartbeats.Load(), CPUSeconds: round((cpuTime() - t.cpu).Seconds())}
	r.Batches.Sent, r.Batches.Acked, r.Batches.Retried, r.Batches.Refused = t.batches.Load(), t.ackedBatches.Load(), t.retried.Load(), t.refused.Load()
	r.Events.Sent, r.Events.Acked = t.events.Load(), t.ackedEvents.Load()
	r.Events.Unacked = r.Events.Sent - r.Events.Acked
	r.Bytes.Wire, r.Bytes.Text = t.wire.Load(), t.text.Load()
	r.Latency.P50, r.Latency.P99, r.Latency.Max = t.latency.quantile(0.5), t.latency.quantile(0.99), t.latency.quantile(1)
	if seconds > 0 {
		r.EventsPerSecond = round(float64(r.Events.Acked) / seconds)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r.Errors = maps.Clone(t.errors)
	r.Status = map[string]int64{}
	for code, n := range t.status {
		r.Status[strconv.Itoa(code)] = n
	}
	return r
}

// round keeps three digits behind the point.
func round(x float64) float64 { return math.Round(x*1000) / 1000 }

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
