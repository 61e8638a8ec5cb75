package simulator

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/wefka/wefka/wsman"
)

// worker delivers for one subscription of one host, on one connection, one request at a time.
type worker struct {
	m      *machine
	offer  *wsman.Offer
	log    *slog.Logger
	client *wsman.Client
	life   context.Context // ends when the subscription is no longer offered as it is
	cancel context.CancelFunc

	query   *query
	events  []*recording // that the query wants
	at      int          // the next of them
	stands  bookmark     // behind the newest event of batch
	contact time.Time    // of the last Ack
	batch   batch
	allMade bool      // the host makes no more events
	stopped time.Time // when the run's time was over
}

// newWorker checks an offer as Windows does. nil: it is refused, for the reason that is counted.
func newWorker(m *machine, o *wsman.Offer) *worker {
	w := &worker{m: m, offer: o, log: m.Log.With("source", m.identity, "subscription", o.Name)}
	refuse := func(reason string, err error) *worker {
		m.tally.note(w.log, reason, err)
		return nil
	}
	if err := m.permits(o); errors.Is(err, wsman.ErrIssuer) {
		return refuse("issuer", err)
	} else if err != nil {
		return refuse("policy", err)
	}
	for _, address := range []string{o.NotifyTo, o.EndTo} {
		if err := m.reachable(m.sending, address); errors.Is(err, errRemote) {
			return refuse("remote", err)
		} else if err != nil {
			return refuse("address", err)
		}
	}
	var err error
	if w.query, err = parseQuery(o.Query); err != nil {
		return refuse("query", err)
	}
	if len(w.query.unknown) > 0 {
		m.warn("condition of a query taken as *", o.Name, "condition", w.query.unknown[0])
	}
	w.defaults()
	w.life, w.cancel = context.WithCancel(m.sending)
	return w
}

// defaults fills in what an offer may leave out, and what the fleet has its own mind about.
func (w *worker) defaults() {
	o, m := w.offer, w.m
	if o.RetryInterval == 0 {
		o.RetryInterval, o.RetryCount = time.Minute, 5
	}
	if m.RetryInterval > 0 {
		o.RetryInterval = m.RetryInterval
	}
	if o.Heartbeats == 0 {
		o.Heartbeats = time.Hour
	}
	if o.MaxEnvelopeSize == 0 {
		o.MaxEnvelopeSize = 512000
	}
	w.client = m.client(o.NotifyTo)
	w.client.SLDC, w.client.Quirks = m.SLDC == On || m.SLDC == Auto && o.Compression, m.Quirks
	if m.UTF8 || o.ContentEncoding == "UTF-8" {
		w.client.Encoding = wsman.UTF8
	}
}

// work is the life of a subscription: connect, Heartbeat, take position, deliver, leave.
func (w *worker) work() {
	defer w.cancel()
	defer w.client.Close()
	w.batch.rest = w.m.log.take(w.offer.ID)
	defer func() { w.m.log.keep(w.offer.ID, append(w.batch.events, w.batch.rest...)) }()
	if w.insist(w.beat) != nil {
		w.m.tally.note(w.log, "heartbeat", errors.New("2150858901: the first heartbeat failed, the subscription is not established"))
		return
	}
	if !w.position() || !w.choose() {
		return
	}
	w.m.log.open()
	status := w.deliver()
	w.m.log.close()
	if status != "" {
		w.farewell(status)
	}
}

// position finds out where to begin: behind the bookmark, at the beginning, or, with event 111 that says so, at the end.
func (w *worker) position() bool {
	o := w.offer
	if o.Bookmark != nil {
		b, err := parseBookmark(o.Bookmark)
		if err != nil {
			w.m.tally.note(w.log, "bookmark", err)
			return false
		}
		w.stands = b
		w.m.log.reached(b)
		return true
	}
	if o.Earliest || o.ReadExistingEvents {
		return true
	}
	channels := w.query.channels()
	if len(channels) == 0 {
		return true
	}
	w.stands = w.m.log.end(channels)
	fragment := w.fragment(w.stands.append(nil, channels[len(channels)-1], true))
	entry := bookmarkEvent(w.m.computer, time.Now())
	return w.insist(func(ctx context.Context) error {
		return w.client.Events(ctx, o, fragment, func(dst []byte) []byte { return append(dst, entry...) })
	}) == nil
}

// fragment is b if the subscription wants bookmarks.
func (w *worker) fragment(b []byte) []byte {
	if !w.offer.SendBookmarks {
		return nil
	}
	return b
}

// choose takes the recordings that the query wants and an envelope can hold.
func (w *worker) choose() bool {
	o, channels := w.offer, w.stands
	for _, r := range w.m.recordings {
		if w.query.wants(r) {
			w.events = append(w.events, r)
			channels = channels.at(r.channel, 1<<63)
		}
	}
	largest := w.client.Overhead(o, w.fragment(channels.append(nil, "", false))) + len(` IsCurrent="true"`)
	w.batch.prepare(w.m, o, w.client.Encoding, largest)
	events := w.events
	w.events = nil
	for _, r := range events {
		if w.batch.cost(&stamp{recording: r, record: 1 << 63}) <= w.batch.room {
			w.events = append(w.events, r)
		}
	}
	if len(w.events) < len(events) {
		w.m.warn("recorded events left out", o.Name, "events", len(events)-len(w.events), "reason", "larger than MaxEnvelopeSize")
	}
	if len(w.events) == 0 {
		w.m.tally.note(w.log, "no_events", errors.New("the query wants none of the recorded events"))
		return w.m.Events == 0 // heartbeats are all that there is to do
	}
	w.at = w.m.log.place(o.ID, len(w.events))
	return true
}

// deliver sends what the host makes until it makes no more or the subscription is over. It gives the status to leave with, or "" when
// the collector would not hear it.
func (w *worker) deliver() string {
	for {
		w.fill()
		now := time.Now()
		var err error
		switch {
		case w.life.Err() != nil:
		case w.batch.ripe(now, w.allMade):
			err = w.flush()
		case w.allMade && w.batch.empty():
			return wsman.SourceShuttingDown
		case !now.Before(w.contact.Add(w.offer.Heartbeats)):
			err = w.insist(w.beat)
		default:
			w.wait(w.wake())
		}
		switch {
		case w.m.sending.Err() != nil:
			return wsman.SourceShuttingDown
		case w.life.Err() != nil:
			return wsman.SourceCancelling
		case err != nil:
			return ""
		}
	}
}

// fill takes events into the batch, as far as they are made by now and there is room.
func (w *worker) fill() {
	b := &w.batch
	if w.m.Gate != nil && b.empty() && !w.allMade && w.m.Gate(w.m.making) != nil {
		w.allMade = true
	}
	now := w.clock()
	for !b.full {
		if len(b.rest) > 0 {
			b.add()
			continue
		}
		if w.allMade || len(w.events) == 0 {
			return
		}
		s, ok := w.m.log.write(w.events[w.at], now)
		if !ok {
			_, more := w.m.log.next(1)
			w.allMade = !more || !w.stopped.IsZero()
			return
		}
		w.at = (w.at + 1) % len(w.events)
		b.rest = append(b.rest, s)
	}
}

// clock is the time up to which events are made. It stands still when the run's time is over. What was due by then is still made,
// but with no rate all is due at any time, and after an interrupt there is one last batch.
func (w *worker) clock() time.Time {
	now := time.Now()
	switch {
	case w.m.making.Err() == nil:
		return now
	case w.stopped.IsZero():
		w.stopped = now
		w.allMade = w.allMade || w.m.Rate == 0 || len(w.events) == 0
	case w.m.interrupted():
		w.allMade = true
	}
	return w.stopped
}

// wake is when there will be something to do.
func (w *worker) wake() time.Time {
	b, at := &w.batch, w.contact.Add(w.offer.Heartbeats)
	sooner := func(t time.Time) {
		if t.Before(at) {
			at = t
		}
	}
	if len(w.events) == 0 {
		return at
	}
	if len(b.events) > 0 {
		sooner(b.events[0].created.Add(w.offer.MaxTime))
	} else if first, ok := w.m.log.next(1); ok {
		sooner(first.Add(w.offer.MaxTime))
	}
	if full, ok := w.m.log.next(max(b.fits-len(b.events), 1)); ok {
		sooner(full)
	}
	return at
}

func (w *worker) wait(until time.Time) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	making := w.m.making.Done()
	if !w.stopped.IsZero() {
		making = nil
	}
	select {
	case <-timer.C:
	case <-making:
	case <-w.life.Done():
	}
}

// flush delivers the batch.
func (w *worker) flush() error {
	b := &w.batch
	due := b.due(w.allMade)
	for i := range b.events {
		w.stands = w.stands.at(b.events[i].channel, b.events[i].record)
	}
	b.bookmark = w.stands.append(b.bookmark[:0], b.events[len(b.events)-1].channel, false)
	t := w.m.tally
	err := w.insist(func(ctx context.Context) error {
		w.m.again(b.events)
		if fresh := b.mark(); fresh > 0 {
			t.events.Add(int64(fresh))
			t.batches.Add(1)
		} else {
			t.retried.Add(1)
		}
		err := w.client.Events(ctx, w.offer, w.fragment(b.bookmark), b.append)
		if status := (*wsman.StatusError)(nil); errors.As(err, &status) {
			t.refused.Add(1)
		}
		b.failed(err)
		return err
	})
	if err != nil {
		return err
	}
	t.acked(w.m, b.events, time.Since(due))
	w.m.testify(b.events, "", func(*stamp) bool { return true })
	b.clear()
	return nil
}

func (w *worker) beat(ctx context.Context) error {
	err := w.client.Heartbeat(ctx, w.offer)
	if err == nil {
		w.m.tally.heartbeats.Add(1)
	}
	return err
}

// insist sends until it is Acked, as often and with the pauses that ConnectionRetry says. send makes a new request of the same content.
func (w *worker) insist(send func(context.Context) error) error {
	for failures := 0; ; failures++ {
		err := w.once(send)
		if err == nil {
			w.contact = time.Now()
			return nil
		}
		w.m.trouble(err)
		var status *wsman.StatusError
		if failures >= w.offer.RetryCount || errors.As(err, &status) && status.Subcode == "DeliveryRefused" {
			w.m.tally.note(w.log, "gave_up", err)
			return err
		}
		select {
		case <-time.After(w.offer.RetryInterval):
		case <-w.life.Done():
			return err
		}
	}
}

// once sends, and at once again when a connection that was open before turns out to be gone, or its proof to be no longer good.
func (w *worker) once(send func(context.Context) error) error {
	open := w.client.Connected()
	err := send(w.m.sending)
	var status *wsman.StatusError
	expired := errors.As(err, &status) && status.Code == http.StatusUnauthorized
	if open && (expired || errors.Is(err, wsman.ErrLost) && !errors.Is(err, os.ErrDeadlineExceeded)) && w.m.sending.Err() == nil {
		w.m.trouble(err)
		err = send(w.m.sending)
	}
	return err
}

// farewell ends the subscription on the collector's side. A source does not care for the answer, and does not wait long for it.
func (w *worker) farewell(status string) {
	w.client.Trace = nil
	err := w.client.SubscriptionEnd(context.WithoutCancel(w.m.sending), w.offer, &wsman.SubscriptionEnd{Status: status})
	if err != nil {
		w.log.Debug("subscription end", "status", status, "error", err)
	}
}
