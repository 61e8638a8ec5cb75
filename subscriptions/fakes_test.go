package subscriptions_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"log/slog"
	"maps"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/subscriptions"
	"github.com/wefka/wefka/wsman"
)

var errFault = errors.New("fault on order")

// fault says how a step fails: not at all, before it had an effect, or after.
type fault int

const (
	none fault = iota
	notStored
	stored
)

// fakeStore is a map that fails on order.
type fakeStore struct {
	mu         sync.Mutex
	states     map[subscriptions.Key]subscriptions.State
	get, put   fault
	puts, gets int
	onPut      func()
}

func newStore() *fakeStore {
	return &fakeStore{states: map[subscriptions.Key]subscriptions.State{}}
}

func (f *fakeStore) Get(k subscriptions.Key) (subscriptions.State, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gets++
	if f.get != none {
		return subscriptions.State{}, errFault
	}
	return f.states[k], nil
}

func (f *fakeStore) Put(_ context.Context, k subscriptions.Key, s subscriptions.State) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.puts++
	if f.onPut != nil {
		f.onPut()
	}
	if f.put == notStored {
		return errFault
	}
	f.states[k] = s
	if f.put == stored {
		return errFault
	}
	return nil
}

func (f *fakeStore) Delete(_ context.Context, k subscriptions.Key) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.states, k)
	return nil
}

func (f *fakeStore) All() iter.Seq2[subscriptions.Key, subscriptions.State] {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.All(maps.Clone(f.states))
}

// fakeSink keeps what it got; the bytes are the request's, so it copies.
type fakeSink struct {
	mu      sync.Mutex
	batches []events.Batch
	fail    fault
	deliver func(ctx context.Context, b *events.Batch) error // instead
}

func (f *fakeSink) Deliver(ctx context.Context, b *events.Batch) error {
	if f.deliver != nil {
		return f.deliver(ctx, b)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail == notStored {
		return errFault
	}
	c := *b
	c.Raw = nil
	for _, raw := range b.Raw {
		c.Raw = append(c.Raw, bytes.Clone(raw))
	}
	f.batches = append(f.batches, c)
	if f.fail == stored {
		return errFault
	}
	return nil
}

// bench is a Manager with everything around it.
type bench struct {
	*subscriptions.Manager
	t     testing.TB
	store *fakeStore
	sink  *fakeSink
	log   *bytes.Buffer
	clock time.Time
}

var start = time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC)

func newBench(t testing.TB, subs ...*subscriptions.Subscription) *bench {
	b := &bench{t: t, store: newStore(), sink: &fakeSink{}, log: &bytes.Buffer{}, clock: start}
	b.Manager = subscriptions.NewManager(b.store, b.sink, slog.New(slog.NewTextHandler(b.log, nil)))
	b.Now = func() time.Time { return b.clock }
	if len(subs) > 0 {
		b.Replace(subs)
	}
	t.Cleanup(func() { b.Close(context.Background()) })
	return b
}

var pc1 = wsman.Source{Name: "PC-1$@CORP.EXAMPLE", Method: wsman.Kerberos, Addr: netip.MustParseAddrPort("[::ffff:192.0.2.7]:50000")}

const (
	id1 = "5f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a11"
	up1 = "5F1C0D1E-2F7D-4A55-9B7E-6F6D6C1F0A11"
)

var key1 = subscriptions.Key{Subscription: id1, Source: "pc-1$@corp.example"}

const (
	ordinary = `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon'/><EventID>1</EventID><EventRecordID>7</EventRecordID><Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>pc-1</Computer></System></Event>`
	opening  = `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-EventForwarder'/><EventID>111</EventID><TimeCreated SystemTime='2026-03-05T09:14:22.107Z'/><Computer>PC-1.CORP.EXAMPLE</Computer></System><SubscriptionBookmarkEvent><SubscriptionId></SubscriptionId></SubscriptionBookmarkEvent></Event>`
	mark1    = `<BookmarkList><Bookmark Channel="Security" RecordId="1" IsCurrent="true"/></BookmarkList>`
	mark2    = `<BookmarkList><Bookmark Channel="Security" RecordId="2" IsCurrent="true"/></BookmarkList>`
	backward = `<BookmarkList Direction="backward"><Bookmark Channel="Security" RecordId="72205" IsCurrent="true"/></BookmarkList>`
)

func message(bookmark string, items ...string) *wsman.Events {
	m := &wsman.Events{Header: wsman.Header{MessageID: "uuid:1", MachineID: "claimed.example", Identifier: up1, Revision: "66f4039e-9228-50a4-9ca8-8c192d73a9b7", Path: "/wsman/subscriptions/" + up1}}
	if bookmark != "" {
		m.Bookmark = []byte(bookmark)
	}
	for _, i := range items {
		m.Items = append(m.Items, []byte(i))
	}
	return m
}

func (b *bench) enumerate(from wsman.Source) []wsman.Subscribe {
	b.t.Helper()
	offers, err := b.Enumerate(context.Background(), from, &wsman.Enumerate{Header: wsman.Header{Path: "/wsman/SubscriptionManager/WEC"}})
	must(b.t, err)
	return offers
}

func (b *bench) events(bookmark string, items ...string) {
	b.t.Helper()
	must(b.t, b.Events(context.Background(), pc1, message(bookmark, items...)))
}

func (b *bench) heartbeat(from wsman.Source) error {
	return b.Heartbeat(context.Background(), from, &wsman.Heartbeat{Header: wsman.Header{Identifier: up1}})
}

func (b *bench) end() {
	b.t.Helper()
	must(b.t, b.End(context.Background(), pc1, &wsman.SubscriptionEnd{Header: wsman.Header{Identifier: up1}, Status: "http://schemas.xmlsoap.org/ws/2004/08/eventing/SourceCancelling",
		Code: "5004", Machine: "pc-1.corp.example", Message: "no readable channel"}))
}

// status is what the source would see of err.
func status(err error) int {
	var f *wsman.Fault
	switch {
	case err == nil:
		return 200
	case errors.As(err, &f):
		return f.Status
	}
	return 503
}

// check is must for other goroutines than the test's.
func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}
