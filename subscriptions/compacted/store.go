package compacted

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unique"

	"github.com/wefka/wefka/output/fetch"
	"github.com/wefka/wefka/output/producer"
	"github.com/wefka/wefka/subscriptions"
)

// Round is how often a State is written at most, and so how old the bookmarks are that a killed node leaves.
const Round = 30 * time.Second

const (
	loaders   = 4  // partitions that are loaded at once: each takes some MB
	loadingGC = 30 // GOGC until everything is loaded
)

// Producer is what a Store writes with.
type Producer interface {
	Append(ctx context.Context, d *producer.Delivery, topic string, key []byte, records []producer.Record) error
}

// Store is a subscriptions.Store. Make one with New, then Start it.
type Store struct {
	topic   *fetch.Topic
	log     *slog.Logger
	metrics *subscriptions.StoreMetrics
	round   time.Duration
	shelf   shelf
	write   func(ctx context.Context, records []entry) (refused map[int]error, err error) // append; tests put themselves in between
	seen    func(subscriptions.Key, subscriptions.State)

	parts   atomic.Pointer[[]*part] // nil until the topic has answered
	start   trouble                 // why the topic cannot be used
	grown   trouble                 // it has other partitions than those we know
	loading atomic.Int32            // partitions that are not loaded
	loaded  chan struct{}           // closed when all are, for the first time
	loaders chan struct{}           // holds a token for each that is at work

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
	closed atomic.Bool
}

// entry is a record as it goes into the topic; a nil value deletes.
type entry struct{ key, value []byte }

// New makes a Store over topic, to be written with p, which must know the topic. log may be nil.
func New(topic *fetch.Topic, p Producer, log *slog.Logger) *Store {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Store{topic: topic, log: log, round: Round, loaded: make(chan struct{}), loaders: make(chan struct{}, loaders), seen: func(subscriptions.Key, subscriptions.State) {}}
	s.write = func(ctx context.Context, records []entry) (map[int]error, error) {
		return appendTo(ctx, p, topic.Name, records)
	}
	s.metrics = subscriptions.NewStoreMetrics("kafka", s.Ready, s.lag)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Start begins to load, and does not wait for it. seen, if not nil, gets what the log says of each key as it is read, this node's own writes
// included, from several goroutines; the zero State is a deletion. It must not call the Store.
func (s *Store) Start(seen func(subscriptions.Key, subscriptions.State)) {
	if seen != nil {
		s.seen = seen
	}
	s.wg.Go(s.run)
}

// run finds the topic's partitions, however long it takes, and then follows each.
func (s *Store) run() {
	began := time.Now()
	n := 0
	for n == 0 {
		var err error
		if n, err = s.examine(s.ctx); err != nil {
			n = 0
			s.note(&s.start, err)
			s.pause(time.Second)
		}
		if s.ctx.Err() != nil {
			return
		}
	}
	s.start.Store(nil)
	parts := make([]*part, n)
	for i := range parts {
		parts[i] = newPart(s, int32(i))
	}
	s.loading.Store(int32(n))
	s.parts.Store(&parts)
	// Loading leaves little of what it takes in: a node's memory should not be sized by its start.
	percent := debug.SetGCPercent(loadingGC)
	defer debug.SetGCPercent(percent)
	for _, p := range parts {
		s.wg.Go(func() { p.reading(s.ctx) })
		s.wg.Go(func() { p.writing(s.ctx) })
	}
	select {
	case <-s.loaded:
		states := 0
		for _, p := range parts {
			states += p.size()
		}
		s.log.Info("state loaded", "topic", s.topic.Name, "states", states, "duration_ms", time.Since(began).Milliseconds())
	case <-s.ctx.Done():
	}
}

// Loaded returns when everything is loaded, or says why not when ctx ends.
func (s *Store) Loaded(ctx context.Context) error {
	select {
	case <-s.loaded:
		return nil
	case <-s.ctx.Done():
		return subscriptions.ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("load state: %w", errors.Join(ctx.Err(), s.Trouble()))
	}
}

// Ready says whether everything is loaded and nothing stands in the way of writing.
func (s *Store) Ready() bool {
	return s.parts.Load() != nil && s.loading.Load() == 0 && s.Trouble() == nil
}

// Loading says whether there are keys that cannot be asked for yet.
func (s *Store) Loading() bool { return s.parts.Load() == nil || s.loading.Load() > 0 }

// Trouble is why the Store is not loaded or not up to date, or its newest write failed; nil: all is well, or not known to be otherwise.
func (s *Store) Trouble() error {
	if err := cmp.Or(s.start.get(), s.grown.get()); err != nil {
		return err
	}
	if parts := s.parts.Load(); parts != nil {
		for _, p := range *parts {
			if err := cmp.Or(p.reads.get(), p.writes.get()); err != nil {
				return err
			}
		}
	}
	return nil
}

// trouble is the error that something last ended with.
type trouble struct{ atomic.Pointer[error] }

func (t *trouble) get() error {
	if err := t.Load(); err != nil {
		return *err
	}
	return nil
}

// note sets t, and logs it if all was well before.
func (s *Store) note(t *trouble, err error) {
	if s.ctx.Err() != nil {
		return
	}
	if s.Trouble() == nil {
		s.log.Error("state topic", "topic", s.topic.Name, "error", err)
	}
	t.Store(&err)
}

func (s *Store) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ctx.Done():
	}
}

// of is the partition that k lives in.
func (s *Store) of(k subscriptions.Key) (*part, error) {
	if s.closed.Load() {
		return nil, subscriptions.ErrClosed
	}
	if s.Loading() {
		return nil, subscriptions.ErrLoading
	}
	if err := s.grown.get(); err != nil {
		return nil, err
	}
	parts := s.parts.Load()
	return (*parts)[producer.PartitionOf(nameOf(k), int32(len(*parts)))], nil
}

// Get answers ErrLoading until all is loaded: after partitions were added, a key may be anywhere.
func (s *Store) Get(k subscriptions.Key) (subscriptions.State, error) {
	p, err := s.of(k)
	if err != nil {
		return subscriptions.State{}, err
	}
	if packed := p.get(k); packed != nil {
		return s.shelf.unpack(packed), nil
	}
	return subscriptions.State{}, nil
}

// Put waits for Kafka where the package says so. After an error st will be written all the same, unless another Put or Delete comes first.
func (s *Store) Put(ctx context.Context, k subscriptions.Key, st subscriptions.State) error {
	return s.change(ctx, k, s.shelf.pack(st))
}

// Delete waits for Kafka.
func (s *Store) Delete(ctx context.Context, k subscriptions.Key) error { return s.change(ctx, k, nil) }

func (s *Store) change(ctx context.Context, k subscriptions.Key, packed []byte) error {
	p, err := s.of(k)
	if err != nil {
		return err
	}
	done := p.put(k, packed, time.Now())
	if done == nil {
		return nil
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("write state: %w", ctx.Err())
	}
}

// All ranges over what is loaded, a partition at a time.
func (s *Store) All() iter.Seq2[subscriptions.Key, subscriptions.State] {
	return func(yield func(subscriptions.Key, subscriptions.State) bool) {
		parts := s.parts.Load()
		if parts == nil {
			return
		}
		for _, p := range *parts {
			for _, e := range p.all() {
				if !yield(e.k, s.shelf.unpack(e.packed)) {
					return
				}
			}
		}
	}
}

// Lag is the age of the oldest State that Kafka does not have.
func (s *Store) Lag() time.Duration {
	_, oldest := s.waiting()
	if oldest.IsZero() {
		return 0
	}
	return time.Since(oldest)
}

func (s *Store) lag() int {
	n, _ := s.waiting()
	return n
}

func (s *Store) waiting() (n int, oldest time.Time) {
	parts := s.parts.Load()
	if parts == nil {
		return 0, oldest
	}
	for _, p := range *parts {
		count, since := p.waiting()
		n += count
		if !since.IsZero() && (oldest.IsZero() || since.Before(oldest)) {
			oldest = since
		}
	}
	return n, oldest
}

// Flush writes all that waits, and returns when it is written or ctx ends. The producer must still be there.
func (s *Store) Flush(ctx context.Context) error {
	parts := s.parts.Load()
	if parts == nil {
		return nil
	}
	errs := make([]error, len(*parts))
	var wait sync.WaitGroup
	for i, p := range *parts {
		wait.Go(func() { errs[i] = p.flush(ctx) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// Close ends the Store; what was not flushed is not written. It returns when its goroutines have ended.
func (s *Store) Close() error {
	s.closed.Store(true)
	s.cancel()
	s.wg.Wait()
	return nil
}

const prefix = "b/"

// nameOf is a record's key. A UUID holds no slash.
func nameOf(k subscriptions.Key) []byte {
	return slices.Concat([]byte(prefix), []byte(k.Subscription), []byte("/"), []byte(k.Source))
}

// keyOf reads a record's key; ok is false for barriers, and whatever else there may be.
func keyOf(name []byte) (k subscriptions.Key, ok bool) {
	rest, ok := strings.CutPrefix(string(name), prefix)
	if !ok {
		return k, false
	}
	subscription, source, ok := strings.Cut(rest, "/")
	return subscriptions.Key{Subscription: unique.Make(subscription).Value(), Source: strings.Clone(source)}, ok
}

// appendTo writes records, in order, and waits until all replicas have them. refused are those that Kafka will never take, by their index.
func appendTo(ctx context.Context, p Producer, topic string, records []entry) (refused map[int]error, err error) {
	var d producer.Delivery
	for _, r := range records {
		if err := p.Append(ctx, &d, topic, r.key, []producer.Record{{Value: r.value}}); err != nil {
			return nil, err // what was appended may be stored; its Delivery is nobody's
		}
	}
	lost, err := d.Wait(ctx)
	for _, l := range lost {
		if refused == nil {
			refused = map[int]error{}
		}
		refused[l.Index] = l.Err
	}
	return refused, err
}
