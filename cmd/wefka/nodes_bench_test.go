package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/wefka/wefka/internal/kafkatest"
	"github.com/wefka/wefka/internal/storetest"
	"github.com/wefka/wefka/output/fetch"
)

// BenchmarkNodeStart measures how long a node needs before it serves, over a topic with the state of 100,000 hosts in three
// subscriptions, compacted by a real Apache Kafka.
//
//	go test -run '^$' -bench NodeStart -benchtime 1x ./cmd/wefka
func BenchmarkNodeStart(b *testing.B) {
	const hosts, perHost = 100_000, 3
	kafka := kafkatest.Start(b, kafkatest.Setting("log.cleaner.backoff.ms", "200"))
	kafka.CreateTopic("wef.lab", 6, nil)
	kafka.CreateTopic("wef.dead", 1, nil)
	kafka.CreateTopic("wef.state", 12, map[string]string{"cleanup.policy": "compact", "retention.ms": "-1", "segment.bytes": "1048576",
		"min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "1000"})
	l := newLab(b, kafka.Addr(), "lab", sysmonQuery, "json")
	l.share()
	config := defaults()
	config.Kafka.Brokers = []string{kafka.Addr()}
	state, err := openPlace(b.Context(), config, "kafka", false, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	for delivery := range 2 {
		var wait sync.WaitGroup
		for w := range copiers {
			wait.Go(func() {
				for host := w; host < hosts; host += copiers {
					for s := range perHost {
						k, st := storetest.Host(host, s, delivery)
						if err := state.Put(context.Background(), k, st); err != nil {
							b.Error(err)
							return
						}
					}
				}
			})
		}
		wait.Wait()
		if err := state.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	if err := state.close(); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d records are left after compaction", compactedTo(b, config, hosts*perHost*3/2))
	for b.Loop() {
		began := time.Now()
		s := l.serve()
		listening := time.Since(began)
		waitReady(b, l, "ok\n")
		b.ReportMetric(listening.Seconds(), "s/listening")
		b.ReportMetric(time.Since(began).Seconds(), "s/ready")
		b.ReportMetric(float64(s.resident(b)), "MiB-peak-rss")
		var loaded struct {
			States   int
			Duration float64 `json:"duration_ms"`
		}
		if err := json.Unmarshal([]byte(s.wait(b, `"msg":"state loaded"`)), &loaded); err != nil || loaded.States != hosts*perHost {
			b.Error(loaded.States, "states loaded", err)
		}
		b.ReportMetric(loaded.Duration/1000, "s/load")
		s.stop(b)
	}
}

// compactedTo waits until the cleaner has left no more than most records of the state topic, and counts them.
func compactedTo(b *testing.B, config *Config, most int) (records int) {
	p, err := config.producer([]string{config.State.Topic}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close(b.Context())
	topic := &fetch.Topic{Transport: p.Transport(config.State.Topic), Brokers: p.Brokers(), Name: config.State.Topic}
	ctx, cancel := context.WithTimeout(b.Context(), 3*time.Minute)
	defer cancel()
	for {
		records = 0
		for i := range int32(12) {
			part := &fetch.Partition{Topic: topic, Index: i, Bytes: 8 << 20}
			for end := false; !end; {
				if end, err = part.Fetch(ctx, func(*fetch.Record) error { records++; return nil }); err != nil {
					b.Fatal(err)
				}
			}
		}
		if records <= most {
			return records
		}
	}
}
