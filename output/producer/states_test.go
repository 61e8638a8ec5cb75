package producer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/rawproduce"

	"github.com/wefka/wefka/internal/kafkatest"
)

func TestCircuitStates(t *testing.T) {
	at := func(seconds float64) time.Time {
		return time.Unix(1000, 0).Add(time.Duration(seconds * float64(time.Second)))
	}
	c := circuit{state: Closed, patience: 10 * time.Second, limit: 10 * maxBatch}
	is := func(state string, room int64) {
		t.Helper()
		if c.state != state || c.room() != room {
			t.Errorf("%s with room for %d, want %s with %d", c.state, c.room(), state, room)
		}
	}
	if c.trouble(at(0)) {
		t.Error("opens although nothing waits")
	}
	c.wait(at(0))
	if c.trouble(at(9.9)) {
		t.Error("opens without patience")
	}
	c.answer(at(9.9))
	if c.trouble(at(19.8)) {
		t.Error("opens although something was acknowledged")
	}
	is(Closed, c.limit)
	if !c.trouble(at(19.9)) {
		t.Error("does not open")
	}
	if c.trouble(at(20)) {
		t.Error("opens twice")
	}
	is(Open, 0)
	if c.grow(at(25)) || !c.answer(at(30)) {
		t.Error("an answer does not half open it")
	}
	is(HalfOpen, firstWindow)
	if c.grow(at(30.9)) {
		t.Error("closed at once")
	}
	is(HalfOpen, firstWindow)
	c.grow(at(31))
	is(HalfOpen, 2*firstWindow)
	if !c.trouble(at(41)) {
		t.Error("half open does not open again")
	}
	is(Open, 0)
	c.answer(at(50))
	if !c.grow(at(53)) {
		t.Error("does not close")
	}
	is(Closed, c.limit)
	c.idle()
	if c.trouble(at(1000)) {
		t.Error("opens although nothing waits")
	}
}

func TestGate(t *testing.T) {
	now := time.Unix(1000, 0)
	var g gate
	if g.pass(now) != nil || g.shuts(now) || g.open() {
		t.Error("shut from the start")
	}
	if refused := errors.New("no"); !g.shut(refused, now) || g.shut(refused, now) || !errors.Is(g.pass(now.Add(4*time.Second)), refused) || !g.shuts(now.Add(4*time.Second)) {
		t.Error("not shut")
	}
	if later := now.Add(probeEvery); g.shuts(later) || g.pass(later) != nil || g.pass(later) == nil || !g.shuts(later) {
		t.Error("not one probe")
	}
	if !g.open() || g.open() || g.pass(now) != nil {
		t.Error("not open")
	}
}

// TestTogether: what one Append brings lies in one batch, as long as that holds it.
func TestTogether(t *testing.T) {
	p := testProducer()
	p.config.DeliveryTimeout = time.Hour
	p.admission = &admission{share: 64 << 20, circuit: circuit{state: Closed, limit: 256 << 20}}
	part := &partition{topic: newTopic("events", newMetrics()), leader: -1, listed: -1, identity: anonymous}
	deliveries := make([]Delivery, 50)
	for i := range deliveries {
		records := make([]Record, 1+i%7)
		for k := range records {
			records[k].Value = make([]byte, 1+i*2_000)
		}
		if n, _ := p.run(nil, records); n != len(records) {
			t.Fatal("more than a batch holds")
		}
		if err := p.append(part, &deliveries[i], nil, records, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	in := map[*Delivery]*batch{}
	for _, b := range part.queue {
		if b.records.size > maxBatch {
			t.Errorf("a batch of %d bytes", b.records.size)
		}
		for _, s := range b.shares {
			if in[s.d] != nil {
				t.Errorf("records %d to %d lie in another batch than those before", s.first, s.first+s.count-1)
			}
			in[s.d] = b
		}
	}
	if len(in) != len(deliveries) || len(part.queue) < 10 {
		t.Errorf("%d deliveries in %d batches", len(in), len(part.queue))
	}
}

// explosive panics once.
type explosive struct{ codec }

func (e *explosive) attribute() int16 { return 0 }

func (e *explosive) compress(dst, src *rope) error {
	if e.codec == nil {
		e.codec, _ = newCodec("snappy")
		panic("boom")
	}
	_, err := src.WriteTo(dst)
	return err
}

// TestPanic: a panic in a sender costs an attempt.
func TestPanic(t *testing.T) {
	cluster := kafkatest.Fake(t, 1, 1, "events")
	p, err := New(Config{Brokers: cluster.ListenAddrs(), Topics: []string{"events"}})
	if err != nil {
		t.Fatal(err)
	}
	p.sender(cluster.LeaderFor("events", 0)).codec = &explosive{}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var d Delivery
	if err := p.Append(ctx, &d, "events", []byte("k"), []Record{{Value: []byte("v")}}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Wait(ctx); err != nil {
		t.Error(err)
	}
	if err := p.Close(ctx); err != nil {
		t.Error(err)
	}
	if n := len(kafkatest.ReadAll(t, cluster.ListenAddrs()[0], "events")); n != 1 {
		t.Errorf("%d records", n)
	}
}

// TestJudge: what we make of errors that are not Kafka's own.
func TestJudge(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for _, test := range []struct {
		err    error
		reason string
		action action
		stale  bool
	}{
		{fmt.Errorf("fetch request error: %w", protocol.NewErrNoTopic("t")), "unknown_topic", retry, true},
		{protocol.NewErrNoLeader("t", 1), "no_leader", retry, true},
		{protocol.NewErrNoPartition("t", 1), "no_leader", retry, true},
		{rawproduce.NewError(errors.New("mismatching leaders (1!=2)")), "network", retry, true},
		{fmt.Errorf("x: %w", kafka.SASLAuthenticationFailed), "sasl", refuseAll, false},
		{kafka.Error(-1), "other", retry, false},
		{kafka.Error(9999), "other", retry, false},
		{refused, "network", retry, true},
		{context.DeadlineExceeded, "timeout", retry, true},
		{os.ErrDeadlineExceeded, "timeout", retry, true},
		{io.ErrUnexpectedEOF, "network", retry, true},
		{errForeign, "protocol", retry, true},
		{&net.DNSError{Name: "kafka"}, "dns", retry, true},
	} {
		if v := judge(test.err); v.reason != test.reason || v.action != test.action || v.stale != test.stale {
			t.Errorf("%v: %+v", test.err, v)
		}
	}
}

// TestSilence: a read for which nobody has set a deadline ends all the same.
func TestSilence(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	n := &network{silence: 20 * time.Millisecond, conns: map[*connection]struct{}{}}
	c := &connection{Conn: here, network: n}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Time{}); err != nil { // as kafka-go does before SASL
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}
