package output

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"
	"unicode/utf8"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/output/producer"
)

// Settings are what an operator decides about the records.
type Settings struct {
	Topic        string        // template, for subscriptions that bring none
	Topics       []string      // every name that {channel} {provider} {event_id} may yield; others go to DefaultTopic
	DefaultTopic string        // also for events that lack a value of the template
	DeadTopic    string        // dead letters
	Timestamp    string        // clamped | event | receive
	MaxAge       time.Duration // of a clamped timestamp
	MaxEvent     int           // characters of XML; a larger event is a dead letter
	Identity     Identity
	Node         string
	Severities   Severities // labels other than Severity's
	Routes       []Route    // what becomes of some events beside what their subscription says
}

// Kafka delivers batches: each event as a record, each misfit as a dead letter. Its settings never change; With makes another. Safe for
// concurrent use.
type Kafka struct {
	Settings
	Producer *producer.Producer
	Log      *slog.Logger

	// Delivered, if not nil, is told of each batch when all of it is acknowledged: what its events say about their host, and how many of
	// them became dead letters, and why the first. It keeps neither b nor its texts.
	Delivered func(b *events.Batch, m *events.Marks, dead int, why error)

	topics      *topics
	router      *router
	metrics     *metrics
	workbenches chan *workbench // free list: refilling from the heap costs page faults
}

// New checks the settings. The producer stays the caller's to close.
func New(s Settings, p *producer.Producer, log *slog.Logger) (*Kafka, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	t, err := newTopics(s)
	if err != nil {
		return nil, err
	}
	r, err := newRouter(s.Routes)
	if err != nil {
		return nil, err
	}
	if s.Identity.Mode == "" {
		s.Identity.Mode = "tag"
	}
	k := &Kafka{Settings: s, Producer: p, Log: log, topics: t, router: r, metrics: newMetrics(), workbenches: make(chan *workbench, 4*runtime.GOMAXPROCS(0))}
	return k, nil
}

// With is another Kafka with other settings, which counts where k does; deliveries that k has begun end as they began.
func (k *Kafka) With(s Settings) (*Kafka, error) {
	n, err := New(s, k.Producer, k.Log)
	if err != nil {
		return nil, err
	}
	n.metrics, n.Delivered = k.metrics, k.Delivered
	return n, nil
}

// Deliver returns nil when every event of b is acknowledged by all in-sync replicas, as a record or as a dead letter. After any
// error some of b may be stored: the source must send all of it again. Only after events.ErrIdentity none of it is, and sending it again
// does not help. b.Raw is borrowed until Deliver returns.
func (k *Kafka) Deliver(ctx context.Context, b *events.Batch) error {
	var d producer.Delivery
	sent, err := k.send(ctx, &d, b)
	if err != nil {
		return err
	}
	refused, err := d.Wait(ctx)
	if err != nil {
		return fmt.Errorf("deliver to kafka: %w", err)
	}
	dead := sent.dead
	for _, r := range refused {
		m := misfit{event: sent.event(r.Index), reason: "refused", err: r.Err}
		if r.TooLarge {
			m.reason, m.err = "oversize", fmt.Errorf("more than max.message.bytes of the topic, which can be raised: %w", r.Err)
		}
		dead = append(dead, m)
	}
	if err := k.bury(ctx, b, dead); err != nil {
		return fmt.Errorf("deliver to the dead-letter topic: %w", err)
	}
	k.count(b, sent, dead)
	k.delivered(b, sent, dead)
	return nil
}

// sent is what send leaves for the time after the wait.
type sent struct {
	dead    []misfit
	drops   int       // events that a route dropped
	dropped []dropped // the same for each
	mode    string    // of Identity
	order   []int32   // event of each appended record; nil: the records are the events, in order
	oldest  time.Time
	bytes   int
	flaws   flaws
	marks   events.Marks
}

func (s *sent) event(index int) int {
	if s.order == nil {
		return index
	}
	return int(s.order[index])
}

// dropped is how many events a route dropped.
type dropped struct {
	route string
	n     int
}

// misfit is an event that cannot be a record.
type misfit struct {
	event  int // index into Batch.Raw
	reason string
	err    error
}

// send decodes, encodes and appends the events of b. When it returns, the producer has copied all it needs.
func (k *Kafka) send(ctx context.Context, d *producer.Delivery, b *events.Batch) (*sent, error) {
	w, err := k.take(b)
	if err != nil {
		return nil, err
	}
	defer k.give(w)
	s := &sent{}
	if k.Delivered != nil {
		w.marks = &s.marks
	}
	for i, raw := range b.Raw {
		s.bytes += len(raw)
		if n := k.tooLong(raw); n > 0 {
			s.dead = append(s.dead, misfit{i, "oversize", fmt.Errorf("event of %d characters, limits.event is %d", n, k.MaxEvent)})
			continue
		}
		if err := w.add(i, raw); err != nil {
			reason := "parse"
			if errors.Is(err, events.ErrIdentity) {
				reason = "identity"
			}
			s.dead = append(s.dead, misfit{i, reason, err})
		}
	}
	s.oldest, s.flaws, s.mode = w.oldest, w.flaws, w.sender.identity.Mode
	if err := w.refusal(s.dead); err != nil {
		return nil, err
	}
	for i, n := range w.dropped {
		if n > 0 {
			s.drops += n
			s.dropped = append(s.dropped, dropped{w.router.rules[i].Name, n})
		}
	}
	if len(w.groups) > 1 || len(s.dead)+s.drops > 0 {
		s.order = make([]int32, 0, len(b.Raw))
	}
	for _, topic := range w.groups {
		records, order := w.records(topic, s.order)
		s.order = order
		if err := k.Producer.Append(ctx, d, topic, w.key, records); err != nil {
			return nil, fmt.Errorf("append to topic %s: %w", topic, err)
		}
	}
	return s, nil
}

// tooLong is how many characters an event has, if that is more than it may have; else 0.
func (k *Kafka) tooLong(raw []byte) int {
	if k.MaxEvent <= 0 || len(raw) <= k.MaxEvent {
		return 0
	}
	if n := utf8.RuneCount(raw); n > k.MaxEvent {
		return n
	}
	return 0
}

func (k *Kafka) delivered(b *events.Batch, s *sent, dead []misfit) {
	if k.Delivered == nil {
		return
	}
	s.marks.Mismatched = s.flaws.mismatched
	var why error
	if len(dead) > 0 {
		why = fmt.Errorf("%s: %w", dead[0].reason, dead[0].err)
	}
	k.Delivered(b, &s.marks, len(dead), why)
}

func (k *Kafka) count(b *events.Batch, s *sent, dead []misfit) {
	m := k.metrics
	m.events.WithLabelValues(b.Subscription, "published").Add(float64(len(b.Raw) - len(dead) - s.drops))
	m.bytes.WithLabelValues(b.Subscription).Add(float64(s.bytes))
	add := func(result string, n int) {
		if n > 0 {
			m.events.WithLabelValues(b.Subscription, result).Add(float64(n))
		}
	}
	add("dead", len(dead))
	add("withheld", b.Withheld)
	flaw := func(reason string, n int) {
		if n > 0 {
			m.errors.WithLabelValues(b.Subscription, reason).Add(float64(n))
		}
	}
	flaw("bad_utf16", b.BadUTF16)
	flaw("control_char", s.flaws.illegal)
	flaw("truncated", s.flaws.truncated)
	for _, d := range dead {
		flaw(d.reason, 1)
		m.dead.WithLabelValues(d.reason).Inc()
	}
	if s.flaws.mismatched > 0 {
		m.mismatches.WithLabelValues(b.Subscription, s.mode).Add(float64(s.flaws.mismatched))
	}
	for _, d := range s.dropped {
		m.dropped.WithLabelValues(d.route).Add(float64(d.n))
	}
	if !s.oldest.IsZero() {
		m.latency.WithLabelValues(b.Subscription).Observe(time.Since(s.oldest).Seconds())
	}
}
