package producer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
)

// Config is what a Producer needs to know. Only Brokers and Topics have no default.
type Config struct {
	Brokers         []string // host:port
	ClientID        string
	TLS             *tls.Config // nil: plain text
	SASL            SASL
	Topics          []string      // every topic that may be produced to
	Compression     string        // zstd (at its fastest level) | lz4 | snappy | gzip | none; "" = none
	DeliveryTimeout time.Duration // from Append to giving up; 0 = 25 s
	Linger          time.Duration // how long a request waits for company
	Buffer          int64         // bytes of all unacknowledged batches; one partition at most a quarter; 0 = 128 MiB
	Log             *slog.Logger  // nil: silent
}

// Producer produces to the topics of one cluster.
type Producer struct {
	config    Config
	log       *slog.Logger
	metrics   *metrics
	brokers   net.Addr
	sasl      sasl.Mechanism
	attempt   time.Duration // time limit of a request
	network   *network
	pool      *pool
	admission *admission
	gate      gate // for all topics

	catalog   atomic.Pointer[catalog]
	transport atomic.Pointer[kafka.Transport]
	outage    atomic.Pointer[error]         // why there is no metadata; nil: there is
	news      atomic.Pointer[chan struct{}] // closed when metadata has been asked for again
	identity  atomic.Pointer[identity]      // that new batches are numbered under; nil: Kafka is asked for one, and nothing new is sent
	asking    asking
	lastAck   atomic.Int64  // Unix ns; 0: never
	stale     chan struct{} // wakes the refresher
	agitated  chan struct{} // wakes the sweeper

	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	stopping chan struct{}
	close    sync.Once

	mu   sync.Mutex // guards changes of catalog and transport, and below
	lent []*kafka.Transport

	sending sync.Mutex // guards below; taken inside a partition's lock
	senders map[int32]*sender
	stopped bool
}

// New checks the configuration and starts. It waits for nothing: whether Kafka can be reached, Check says.
func New(c Config) (*Producer, error) {
	if len(c.Brokers) == 0 {
		return nil, errors.New("no Kafka brokers")
	}
	for _, b := range c.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			return nil, fmt.Errorf("broker %q: want host:port: %w", b, err)
		}
	}
	if len(c.Topics) == 0 {
		return nil, errors.New("no Kafka topics")
	}
	if _, err := newCodec(c.Compression); err != nil {
		return nil, err
	}
	mechanism, err := c.SASL.mechanism()
	if err != nil {
		return nil, err
	}
	if c.DeliveryTimeout < 0 || c.Linger < 0 || c.Buffer < 0 {
		return nil, errors.New("a Kafka time or size is negative")
	}
	if c.DeliveryTimeout == 0 {
		c.DeliveryTimeout = 25 * time.Second
	}
	if c.Buffer == 0 {
		c.Buffer = 128 << 20
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	p := &Producer{config: c, log: c.Log, metrics: newMetrics(), brokers: kafka.TCP(c.Brokers...), sasl: mechanism,
		attempt: min(10*time.Second, c.DeliveryTimeout*2/5), pool: &pool{keep: int(c.Buffer / 4 / pieceSize)},
		stale: make(chan struct{}, 1), agitated: make(chan struct{}, 1), stopping: make(chan struct{}), senders: map[int32]*sender{}}
	p.admission = &admission{share: max(1, c.Buffer/4), circuit: circuit{state: Closed, patience: p.attempt, limit: c.Buffer}}
	p.network = &network{tls: c.TLS, silence: silence, metrics: p.metrics, conns: map[*connection]struct{}{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	news := make(chan struct{})
	p.news.Store(&news)
	p.catalog.Store(&catalog{})
	p.SetTopics(c.Topics)
	<-p.stale // nothing is stale yet
	p.wg.Go(func() { p.refreshing(p.ctx) })
	p.wg.Go(func() { p.sweeping(p.ctx) })
	return p, nil
}

// Append copies records into the open batch of the partition that key selects and adds them to d; all of a call go to one
// partition, in order, and nothing of key and records is kept. It waits for room until ctx ends, DeliveryTimeout at most. After an error d's Wait fails too,
// although some of the records may be stored.
func (p *Producer) Append(ctx context.Context, d *Delivery, topic string, key []byte, records []Record) error {
	ctx, cancel := context.WithTimeout(ctx, p.config.DeliveryTimeout)
	defer cancel()
	err := p.enter(ctx, d, topic, key, records)
	if err != nil {
		d.abandon(err)
	}
	return err
}

func (p *Producer) enter(ctx context.Context, d *Delivery, name string, key []byte, records []Record) error {
	now := time.Now()
	t := p.catalog.Load().open[name]
	if t == nil {
		return fmt.Errorf("%w: %s", ErrTopic, name)
	}
	if err := p.gate.pass(now); err != nil {
		return err
	}
	if err := t.gate.pass(now); err != nil {
		return err
	}
	part, err := p.partition(ctx, t, key)
	if err != nil {
		return err
	}
	for len(records) > 0 {
		n, cost := p.run(key, records)
		if err := p.admission.enter(ctx, entrant{part: part, bytes: cost, records: int64(n)}); err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
		if err := p.append(part, d, key, records[:n], now); err != nil {
			p.admission.leave(part, cost, int64(n))
			return err
		}
		records = records[n:]
	}
	return nil
}

// run is how many records are let in together, at least one, and their cost.
func (p *Producer) run(key []byte, records []Record) (n int, cost int64) {
	most := p.admission.cost(maxBatch)
	for i := range records {
		c := p.admission.cost(recordCost(key, &records[i]))
		if n > 0 && cost+c > most {
			break
		}
		n, cost = n+1, cost+c
	}
	return n, cost
}

// sender returns the sender of a broker, and starts it.
func (p *Producer) sender(broker int32) *sender {
	p.sending.Lock()
	defer p.sending.Unlock()
	s := p.senders[broker]
	if s == nil {
		c, _ := newCodec(p.config.Compression) // New has tried
		s = &sender{p: p, broker: broker, codec: c, wake: make(chan struct{}, 1)}
		p.senders[broker] = s
		if !p.stopped {
			p.wg.Go(func() { s.run(p.ctx) })
		}
	}
	return s
}

// Stats is what the producer knows of its own state.
type Stats struct {
	Circuit         string        // Closed, HalfOpen, Open
	LastAck         time.Time     // zero: never
	OldestUnacked   time.Duration // age of the oldest batch; 0: none
	BufferedBytes   int64         // at most
	BufferedRecords int64
	Idempotent      bool  // Kafka stores a batch once, however often it is sent again
	Outage          error // why nothing is known of the cluster; nil: it answers, or has not been asked yet
}

// Stats looks at every partition.
func (p *Producer) Stats() Stats {
	var s Stats
	s.Circuit, s.BufferedBytes, s.BufferedRecords = p.admission.state()
	if outage := p.outage.Load(); outage != nil {
		s.Outage = explain(*outage)
	}
	if id := p.identity.Load(); id != nil {
		s.Idempotent = id.id >= 0
	}
	if at := p.lastAck.Load(); at != 0 {
		s.LastAck = time.Unix(0, at)
	}
	var oldest time.Time
	for _, t := range p.catalog.Load().all {
		for _, part := range t.partitions() {
			part.mu.Lock()
			if len(part.queue) > 0 && (oldest.IsZero() || part.queue[0].created.Before(oldest)) {
				oldest = part.queue[0].created
			}
			part.mu.Unlock()
		}
	}
	if !oldest.IsZero() {
		s.OldestUnacked = time.Since(oldest)
	}
	return s
}

// Accepting is false while an Append would be turned away whatever it brings: the circuit is open, or Kafka refuses us.
func (p *Producer) Accepting() bool {
	return !p.gate.shuts(time.Now()) && p.admission.accepting(p.outage.Load() == nil)
}

// Close lets no more in, waits for what is in flight until ctx ends, gives up the rest, and returns when the producer's
// goroutines have ended. The error says how much was given up.
func (p *Producer) Close(ctx context.Context) (err error) {
	p.close.Do(func() {
		close(p.stopping)
		select {
		case <-p.admission.close():
		case <-ctx.Done():
		}
		p.sending.Lock()
		p.stopped = true
		p.sending.Unlock()
		p.cancel()
		p.transport.Load().CloseIdleConnections()
		p.mu.Lock()
		for _, t := range p.lent {
			t.CloseIdleConnections()
		}
		p.mu.Unlock()
		p.network.close()
		p.wg.Wait()
		lost := 0
		for _, t := range p.catalog.Load().all {
			for _, part := range t.partitions() {
				for _, b := range part.close(ErrClosed) {
					lost += int(b.count)
					p.settle(part, b, ErrClosed)
				}
			}
		}
		if lost > 0 {
			err = fmt.Errorf("%d records are given up", lost)
		}
	})
	return err
}
