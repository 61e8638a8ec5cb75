package output

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/output/producer"
)

// workbench is where one batch is worked on. It lives from the first event to the last Append, then serves another batch.
type workbench struct {
	k        *Kafka
	b        *events.Batch
	template *Topic
	named    string // the subscription that static is for
	static   string // the topic's name when it does not depend on the event
	shape    *shape // of the subscription's format
	shapes   [3]shape
	router   *router
	sender   sender
	statics  []string // name of each rule's static topic; "" = not asked yet
	dropped  []int    // events that each rule dropped

	decoder events.Decoder
	record  events.Record

	key     []byte
	id      []byte // of the event at hand
	arena   []byte // values and header texts; slices of it are taken only when it has stopped growing
	entries []entry
	headers []producer.Header
	out     []producer.Record
	groups  []string // the topics of this batch
	scratch []byte

	oldest time.Time
	flaws  flaws
	marks  *events.Marks // nil: nobody wants to know
}

// flaws counts what was wrong with events that could be read.
type flaws struct{ illegal, truncated, mismatched int }

// shape is a format as this batch needs it.
type shape struct {
	format  string
	encoder Encoder
	headers []producer.Header // the same for every record of the batch in that format, in the contract's order
	text    []byte            // their values
	ready   bool              // the headers are this batch's
}

// entry is one encoded event.
type entry struct {
	event int32
	shape *shape
	topic string
	value span
	raw   []byte // the value when it is the text as sent
	texts [own]span
	time  time.Time
}

type span struct{ from, to int }

// The headers that belong to a single event; their order is that of ownKeys.
const own = 8

var ownKeys = [own]string{"wef.id", "wef.computer", "wef.identity", "wef.time", "wef.channel", "wef.provider", "wef.event_id", "wef.record_id"}

// keepArena is the largest arena that is worth keeping for the next batch.
const keepArena = 4 << 20

func (k *Kafka) take(b *events.Batch) (*workbench, error) {
	template, err := k.topics.template(b.Topic)
	if err != nil {
		return nil, err
	}
	var w *workbench
	select {
	case w = <-k.workbenches:
	default:
		w = &workbench{k: k}
	}
	w.b, w.router = b, k.router
	w.sender.is(b.Source, &k.Identity)
	for i := range w.shapes {
		w.shapes[i].ready = false
	}
	if w.shape, err = w.shaped(b.Format); err != nil {
		return nil, err
	}
	w.statics, w.dropped = clean(w.statics, len(w.router.rules)), clean(w.dropped, len(w.router.rules))
	if w.template != template || w.named != b.Subscription {
		w.template, w.named, w.static = template, b.Subscription, ""
		if template.Static() {
			w.static = template.Name(b.Subscription)
		}
	}
	w.key = append(w.key[:0], b.Source...)
	w.arena, w.entries, w.groups = w.arena[:0], w.entries[:0], w.groups[:0]
	w.oldest, w.flaws, w.marks = time.Time{}, flaws{}, nil
	return w, nil
}

// clean is a slice of n zero values, in the place of old if that is large enough.
func clean[T any](old []T, n int) []T {
	if cap(old) < n {
		return make([]T, n)
	}
	old = old[:n]
	clear(old)
	return old
}

// shaped is a format ready for this batch.
func (w *workbench) shaped(format string) (*shape, error) {
	i := slices.Index(Formats, format)
	if i < 0 {
		_, err := NewEncoder(format, w.k.Settings)
		return nil, err
	}
	s := &w.shapes[i]
	if s.encoder == nil {
		s.format = format
		s.encoder, _ = NewEncoder(format, w.k.Settings) // it knows all Formats
	}
	if !s.ready {
		s.headers, s.text = w.k.shared(s.headers[:0], s.text[:0], w.b, format)
		s.ready = true
	}
	return s, nil
}

func (k *Kafka) give(w *workbench) {
	w.b, w.marks = nil, nil
	clear(w.entries[:cap(w.entries)]) // they hold raw texts
	clear(w.headers[:cap(w.headers)])
	clear(w.out[:cap(w.out)])
	if cap(w.arena) > keepArena {
		w.arena = nil
	}
	select {
	case k.workbenches <- w:
	default:
	}
}

// add decodes and encodes one event. The error is why it cannot be a record: events.ErrIdentity, or it cannot be read.
func (w *workbench) add(i int, raw []byte) error {
	r := &w.record
	if err := w.decoder.Decode(raw, r); err != nil {
		return err
	}
	if w.b.BadUTF16 > 0 && bytes.Contains(raw, replacement) {
		r.Illegal = true // not there when the host wrote it, as far as we can tell
	}
	r.Identity = w.sender.compare(r.Computer)
	w.note(r)
	if w.sender.identity.strict() && bytes.Equal(r.Identity, mismatch) {
		return w.sender.foreign(r.Computer)
	}
	e := entry{event: int32(i), shape: w.shape, time: w.k.timestamp(r.Time, w.b.Received)}
	template, static := w.template, w.static
	if rule := w.router.find(w.b.Subscription, r); rule != nil {
		if rule.Then.Drop {
			w.dropped[rule.number]++
			return nil
		}
		if rule.topic != nil {
			template, static = rule.topic, w.staticOf(rule)
		}
		if rule.Then.Format != "" {
			e.shape, _ = w.shaped(rule.Then.Format) // checked when the rule was compiled
		}
	}
	e.topic, w.scratch = w.k.topics.of(template, static, w.b.Subscription, r, w.scratch)
	if !slices.Contains(w.groups, e.topic) {
		w.groups = append(w.groups, e.topic)
	}
	if e.shape.format == "xml" {
		e.raw = raw
	} else {
		from := len(w.arena)
		var err error
		if w.arena, err = e.shape.encoder.Append(w.arena, w.b, r); err != nil {
			w.arena = w.arena[:from]
			return err
		}
		e.value = span{from, len(w.arena)}
	}
	w.describe(&e)
	w.entries = append(w.entries, e)
	return nil
}

// staticOf is the topic of a rule whose name depends on the subscription at most, "" if it depends on the event.
func (w *workbench) staticOf(r *rule) string {
	if w.statics[r.number] == "" && r.topic.Static() {
		w.statics[r.number] = r.topic.Name(w.b.Subscription)
	}
	return w.statics[r.number]
}

var replacement = []byte("\uFFFD")

// describe writes the event's own headers, in the order of ownKeys.
func (w *workbench) describe(e *entry) {
	w.id = AppendID(w.id[:0], w.b.Source, &w.record)
	for i, text := range ownTexts(&w.record, w.id) {
		from := len(w.arena)
		w.arena = append(w.arena, text...)
		e.texts[i] = span{from, len(w.arena)}
	}
}

// ownTexts are those of the headers in ownKeys; those without a value are empty. They alias r and id.
func ownTexts(r *events.Record, id []byte) [own][]byte {
	return [own][]byte{id, r.Computer, r.Identity, r.TimeCreated, r.Channel, r.Provider, r.EventID, r.EventRecordID}
}

func (w *workbench) note(r *events.Record) {
	if w.marks != nil {
		w.marks.Note(r)
	}
	if r.Illegal {
		w.flaws.illegal++
	}
	if r.Truncated {
		w.flaws.truncated++
	}
	if bytes.Equal(r.Identity, mismatch) {
		w.flaws.mismatched++
	}
	if !r.Time.IsZero() && (w.oldest.IsZero() || r.Time.Before(w.oldest)) {
		w.oldest = r.Time
	}
}

// refusal is the error of a batch that nothing of may be written; its events of other computers are among dead and are counted here.
func (w *workbench) refusal(dead []misfit) error {
	if w.sender.identity.Mode != "reject" || w.flaws.mismatched == 0 {
		return nil
	}
	w.k.metrics.mismatches.WithLabelValues(w.b.Subscription, "reject").Add(float64(w.flaws.mismatched))
	first := slices.IndexFunc(dead, func(m misfit) bool { return m.reason == "identity" })
	return fmt.Errorf("%d of %d events: %w", w.flaws.mismatched, len(w.b.Raw), dead[first].err)
}

// records builds the records of one topic, in order, and appends their events to order unless that is nil. They alias the
// workbench: Append must have copied them before the next call.
func (w *workbench) records(topic string, order []int32) ([]producer.Record, []int32) {
	w.out = w.out[:0]
	w.headers = slices.Grow(w.headers[:0], len(w.entries)*(len(w.shape.headers)+own)) // no growth below: records hold slices of it
	for i := range w.entries {
		e := &w.entries[i]
		if e.topic != topic {
			continue
		}
		from := len(w.headers)
		w.headers = append(w.headers, e.shape.headers...)
		for h, s := range e.texts {
			if text := w.arena[s.from:s.to:s.to]; len(text) > 0 {
				w.headers = append(w.headers, producer.Header{Key: ownKeys[h], Value: text})
			}
		}
		value := e.raw
		if value == nil {
			value = w.arena[e.value.from:e.value.to:e.value.to]
		}
		w.out = append(w.out, producer.Record{Value: value, Headers: w.headers[from:len(w.headers):len(w.headers)], Time: e.time})
		if order != nil {
			order = append(order, e.event)
		}
	}
	return w.out, order
}

// shared appends the headers that every record of b carries in a format to h, and their values to text, of which they are slices.
func (k *Kafka) shared(h []producer.Header, text []byte, b *events.Batch, format string) ([]producer.Header, []byte) {
	from := len(text)
	end := func(key string) {
		if value := text[from:len(text):len(text)]; len(value) > 0 {
			h = append(h, producer.Header{Key: key, Value: value})
		}
		from = len(text)
	}
	put := func(key string, value ...string) {
		for _, v := range value {
			text = append(text, v...)
		}
		end(key)
	}
	lower := func(key, uuid string) {
		for _, c := range []byte(uuid) {
			if 'A' <= c && c <= 'Z' {
				c |= 0x20
			}
			text = append(text, c)
		}
		end(key)
	}
	if format == "xml" {
		put("content-type", "application/xml")
	} else {
		put("content-type", "application/json")
	}
	if format == "ecs" {
		put("wef.schema", "ecs/", ECSVersion)
	} else {
		put("wef.schema", format, "/1")
	}
	put("wef.client", b.Source)
	put("wef.auth", b.Auth)
	if b.Addr.IsValid() {
		text = b.Addr.Unmap().AppendTo(text)
		end("wef.remote_addr")
	}
	put("wef.machine_id", b.MachineID)
	put("wef.subscription", b.Subscription)
	lower("wef.subscription_id", b.SubscriptionID)
	lower("wef.revision", b.Revision)
	put("wef.node", k.Node)
	text = b.Received.UTC().AppendFormat(text, "2006-01-02T15:04:05.000Z")
	end("wef.received_at")
	return h, text
}

// timestamp is the record's: Kafka refuses times too far ahead and deletes those too far back, so the default keeps the
// event's own only within reach of the clock (wef.time has it in any case).
func (k *Kafka) timestamp(event, received time.Time) time.Time {
	switch {
	case event.IsZero() || k.Timestamp == "receive":
		return received
	case k.Timestamp == "event":
		return event
	case event.Before(received.Add(-k.MaxAge)) || event.After(received.Add(5*time.Minute)):
		return received
	}
	return event
}
