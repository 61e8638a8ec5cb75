package main

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/wefka/wefka/hosts"
)

const (
	pulseStep   = 10 * time.Second
	pulseLength = 360 // an hour
)

// pulse remembers an hour of rates for the status page, read from our own metrics as a scrape would.
type pulse struct {
	registry prometheus.Gatherer

	mu       sync.Mutex
	events   []float64 // a second
	latency  []float64 // seconds, the mean of event requests
	previous reading
	states   map[hosts.State]int // of the newest look
	all      int
	looked   time.Time
}

// hosts counts hosts by state, at most once a step: with 100,000 of them that takes longer than all the rest of the page.
func (p *pulse) hosts(book *hosts.Book, now time.Time) (states map[hosts.State]int, all int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if stale := now.Sub(p.looked) >= pulseStep; stale || p.all < 1000 {
		p.states, p.all = book.Counts()
		p.looked = now
	}
	return p.states, p.all
}

// reading is what the counters said.
type reading struct {
	published, dead float64
	requests, spent float64 // event requests, and the seconds that they took
	at              time.Time
}

func (p *pulse) run(ctx context.Context) error {
	p.beat(time.Now())
	tick := time.NewTicker(pulseStep)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			p.beat(now)
		}
	}
}

// beat takes a sample; the first only remembers where the counters stand.
func (p *pulse) beat(now time.Time) {
	r := p.read(now)
	p.mu.Lock()
	defer p.mu.Unlock()
	last := p.previous
	p.previous = r
	if last.at.IsZero() {
		return
	}
	p.events = remember(p.events, (r.published-last.published)/now.Sub(last.at).Seconds())
	mean := 0.0
	if n := r.requests - last.requests; n > 0 {
		mean = (r.spent - last.spent) / n
	}
	p.latency = remember(p.latency, mean)
}

func remember(samples []float64, s float64) []float64 {
	if len(samples) == pulseLength {
		copy(samples, samples[1:])
		samples = samples[:pulseLength-1]
	}
	return append(samples, s)
}

// past are copies of the samples, oldest first.
func (p *pulse) past() (events, latency []float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]float64(nil), p.events...), append([]float64(nil), p.latency...)
}

// read sums what the page shows over all labels.
func (p *pulse) read(now time.Time) reading {
	r := reading{at: now}
	families, err := p.registry.Gather()
	if err != nil {
		return r // a metric that contradicts itself: /metrics says so
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			label := labels(m)
			switch f.GetName() {
			case "wefka_events_total":
				switch label["result"] {
				case "published":
					r.published += m.GetCounter().GetValue()
				case "dead":
					r.dead += m.GetCounter().GetValue()
				}
			case "wefka_http_request_duration_seconds":
				if label["action"] == "events" {
					r.requests += float64(m.GetHistogram().GetSampleCount())
					r.spent += m.GetHistogram().GetSampleSum()
				}
			}
		}
	}
	return r
}

func labels(m *dto.Metric) map[string]string {
	found := map[string]string{}
	for _, l := range m.GetLabel() {
		found[l.GetName()] = l.GetValue()
	}
	return found
}
