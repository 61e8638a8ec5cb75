package main

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// readBack prints the topic as it grows and remembers which events came.
type readBack struct {
	p      *program
	format string

	mu       sync.Mutex
	changed  *sync.Cond
	seen     map[string]int  // wef.id → how often
	promised map[string]bool // Acked
	pending  bytes.Buffer
}

func newReadBack(p *program, format string) *readBack {
	r := &readBack{p: p, format: format, seen: map[string]int{}, promised: map[string]bool{}}
	r.changed = sync.NewCond(&r.mu)
	return r
}

// start reads every partition from its present end.
func (r *readBack) start(ctx context.Context, broker string) error {
	client := &kafka.Client{Addr: kafka.TCP(broker), Timeout: 10 * time.Second}
	var requests []kafka.OffsetRequest
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{quickTopic}})
	if err != nil {
		return fmt.Errorf("read back from %s: %w", broker, err)
	}
	for _, t := range meta.Topics {
		for _, p := range t.Partitions {
			requests = append(requests, kafka.LastOffsetOf(p.ID))
		}
	}
	ends, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{quickTopic: requests}})
	if err != nil {
		return fmt.Errorf("read back from %s: %w", broker, err)
	}
	for _, end := range ends.Topics[quickTopic] {
		reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{broker}, Topic: quickTopic, Partition: end.Partition, MaxWait: 200 * time.Millisecond, MaxBytes: 8 << 20})
		if err := reader.SetOffset(end.LastOffset); err != nil {
			return fmt.Errorf("read back from %s: %w", broker, err)
		}
		go r.read(ctx, reader)
	}
	return nil
}

func (r *readBack) read(ctx context.Context, reader *kafka.Reader) {
	defer reader.Close()
	for {
		m, err := reader.ReadMessage(ctx)
		if err != nil {
			if ctx.Err() == nil {
				fmt.Fprintf(r.p.stderr, "read back: %v\n", err)
			}
			return
		}
		r.mu.Lock()
		for _, h := range m.Headers {
			if h.Key == "wef.id" {
				r.seen[string(h.Value)]++
			}
		}
		value := m.Value
		if r.format == "xml" {
			value = bytes.ReplaceAll(bytes.ReplaceAll(value, []byte("\r"), []byte("&#13;")), []byte("\n"), []byte("&#10;"))
		}
		fmt.Fprintf(r.p.stdout, "%s\n", value)
		r.changed.Broadcast()
		r.mu.Unlock()
	}
}

// acked takes what the hosts were promised: a wef.id a line.
func (r *readBack) acked() *promises { return (*promises)(r) }

type promises readBack

func (p *promises) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending.Write(b)
	for {
		line, err := p.pending.ReadString('\n')
		if err != nil {
			p.pending.WriteString(line)
			return len(b), nil
		}
		p.promised[line[:len(line)-1]] = true
	}
}

// wait gives the reader time to see what was promised.
func (r *readBack) wait(limit time.Duration) {
	timer := time.AfterFunc(limit, func() { r.mu.Lock(); limit = 0; r.changed.Broadcast(); r.mu.Unlock() })
	defer timer.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.missing() > 0 && limit > 0 {
		r.changed.Wait()
	}
}

func (r *readBack) missing() (n int) {
	for id := range r.promised {
		if r.seen[id] == 0 {
			n++
		}
	}
	return n
}

func (r *readBack) count() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, times := range r.seen {
		n += times
	}
	return n
}

func (r *readBack) verdict() (lost, twice int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, times := range r.seen {
		twice += times - 1
	}
	return r.missing(), twice
}
