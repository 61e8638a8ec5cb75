package producer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/createtopics"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

const (
	loadEvery    = 5 * time.Second        // what the transport has learnt by itself
	loadAgain    = 500 * time.Millisecond // after a failure
	forceAgain   = time.Second            // while a topic or a partition is not as it should be
	refreshEvery = 50 * time.Millisecond  // at most
	// metadataTTL is the mean interval of the transport's own refreshes, doubled, and the time limit of each.
	metadataTTL = 10 * time.Second
)

// catalog is the topics. It is replaced, never changed.
type catalog struct {
	open map[string]*topic // may be appended to
	all  []*topic          // also those that only wait for their last acknowledgements
	gone []*topic          // the others there ever were: should one come back, its partitions go on numbering where they were
}

// find returns the topic of a name, if there ever was one.
func (c *catalog) find(name string) *topic {
	for _, topics := range [][]*topic{c.all, c.gone} {
		for _, t := range topics {
			if t.name == name {
				return t
			}
		}
	}
	return nil
}

func (c *catalog) names() []string {
	names := make([]string, len(c.all))
	for i, t := range c.all {
		names[i] = t.name
	}
	return names
}

// SetTopics replaces the set of topics. Batches of topics that are gone are delivered all the same.
func (p *Producer) SetTopics(topics []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old, c := p.catalog.Load(), &catalog{open: map[string]*topic{}}
	for _, name := range topics {
		if c.open[name] != nil {
			continue
		}
		t := old.find(name)
		if t == nil {
			t = newTopic(name, p.metrics)
		}
		c.open[name] = t
		c.all = append(c.all, t)
	}
	for _, t := range append(slices.Clone(old.all), old.gone...) {
		switch {
		case c.open[t.name] != nil:
		case t.holds():
			c.all = append(c.all, t)
		default:
			c.gone = append(c.gone, t)
		}
	}
	p.catalog.Store(c)
	// The transport asks for the metadata of these topics only; without a list each refresh fetches the whole cluster's.
	previous := p.transport.Swap(p.newTransport(c.names()))
	if previous != nil {
		previous.CloseIdleConnections()
	}
	p.refresh()
}

// holds says whether any partition holds records.
func (t *topic) holds() bool {
	return slices.ContainsFunc(t.partitions(), func(part *partition) bool {
		part.mu.Lock()
		defer part.mu.Unlock()
		return len(part.queue) > 0
	})
}

func (p *Producer) newTransport(topics []string) *kafka.Transport {
	return &kafka.Transport{Dial: p.network.dial, DialTimeout: min(5*time.Second, p.attempt), ClientID: p.config.ClientID, SASL: p.sasl,
		MetadataTTL: metadataTTL, MetadataTopics: topics, Context: p.ctx}
}

// refresh asks for fresh metadata.
func (p *Producer) refresh() {
	select {
	case p.stale <- struct{}{}:
	default:
	}
}

// refreshing keeps the topics' partitions and leaders up to date.
func (p *Producer) refreshing(ctx context.Context) {
	for {
		wait, unsettled := loadEvery, false
		if err := p.load(ctx); err != nil {
			wait = loadAgain
		} else if unsettled = p.unsettled(); unsettled {
			wait = forceAgain
		}
		if p.identify(ctx); p.identity.Load() == nil {
			wait = min(wait, loadAgain)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
			if unsettled {
				p.force(ctx)
			}
		case <-p.stale:
			p.force(ctx)
			timer.Reset(refreshEvery)
			<-timer.C
		}
		timer.Stop()
	}
}

// unsettled says whether metadata has something against a topic, or knows no leader of a partition.
func (p *Producer) unsettled() bool {
	return slices.ContainsFunc(p.catalog.Load().all, func(t *topic) bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.problem != nil || slices.ContainsFunc(t.partitions()[:t.count.Load()], (*partition).leaderless)
	})
}

// load takes over what the transport knows.
func (p *Producer) load(ctx context.Context) error {
	limit, cancel := context.WithTimeout(ctx, metadataTTL)
	defer cancel()
	transport, c := p.transport.Load(), p.catalog.Load()
	res, err := transport.RoundTrip(limit, p.brokers, &metadata.Request{TopicNames: c.names()})
	answer, ok := res.(*metadata.Response)
	if err == nil && !ok {
		err = errSilent
	}
	now := time.Now()
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		if p.outage.Swap(&err) == nil {
			p.log.Error("no metadata from kafka", "error", explain(err))
		}
		if judge(err).action == refuseAll {
			p.refuseAll(fmt.Errorf("kafka refuses: %w", explain(err)))
		}
		transport.CloseIdleConnections() // it would keep the error until its next refresh; a new pool asks at once
	} else {
		for _, t := range c.all {
			for i := range answer.Topics {
				if answer.Topics[i].Name == t.name {
					t.update(&answer.Topics[i], now)
				}
			}
		}
		p.admission.known()
		if p.outage.Swap(nil) != nil {
			p.gate.open()
			p.log.Info("metadata from kafka again")
		}
	}
	p.announce()
	p.stir()
	return err
}

// announce wakes those who wait for a topic's partitions.
func (p *Producer) announce() {
	next := make(chan struct{})
	close(*p.news.Swap(&next))
}

// force makes the transport ask for metadata now. It has no call for that, but it does so after every CreateTopics: one that
// creates nothing.
func (p *Producer) force(ctx context.Context) {
	p.metrics.refreshes.Inc()
	limit, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	transport := p.transport.Load()
	if _, err := transport.RoundTrip(limit, p.brokers, &createtopics.Request{TimeoutMs: 1000, ValidateOnly: true}); err != nil {
		transport.CloseIdleConnections() // the next request builds a new pool, and asks
	}
}

// partition waits until the partition of key is known.
func (p *Producer) partition(ctx context.Context, t *topic, key []byte) (*partition, error) {
	for {
		news := *p.news.Load()
		if n := t.count.Load(); n > 0 {
			return t.partitions()[PartitionOf(key, n)], nil
		}
		if err := p.gate.refusal(); err != nil {
			return nil, err
		}
		now := time.Now()
		if err := t.unusable(now); err != nil {
			return nil, err
		}
		if err := p.admission.await(now); err != nil {
			return nil, err
		}
		select {
		case <-news:
		case <-p.stopping:
			return nil, ErrClosed
		case <-ctx.Done():
			p.circuitIs(p.admission.troubled(time.Now()), nil)
			err := fmt.Errorf("partitions of topic %s are not known: %w", t.name, context.Cause(ctx))
			if outage := p.outage.Load(); outage != nil {
				err = fmt.Errorf("%w: %w", err, explain(*outage))
			}
			return nil, err
		}
	}
}
