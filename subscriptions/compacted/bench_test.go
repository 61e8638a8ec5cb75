package compacted_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wefka/wefka/internal/kafkatest"
	"github.com/wefka/wefka/internal/storetest"
	"github.com/wefka/wefka/output/fetch"
)

const (
	hosts   = 100_000
	perHost = 3
)

const childAddr = "WEFKA_TEST_LOAD" // makes the test binary a child that loads what is there

// figures are what a child found.
type figures struct {
	States  int
	Seconds float64
	CPU     float64
	Heap    uint64 // bytes after a collection
	Peak    int64  // resident, bytes
}

// BenchmarkLoad measures a start over a large topic on a real Apache Kafka, after its cleaner has run: each of 300,000 keys written
// twice, then read by a process of its own.
//
//	go test -run '^$' -bench Load -benchtime 1x ./subscriptions/compacted
func BenchmarkLoad(b *testing.B) {
	if addr := os.Getenv(childAddr); addr != "" {
		child(b, addr)
		return
	}
	broker := kafkatest.Start(b, kafkatest.Setting("log.cleaner.backoff.ms", "200"))
	broker.CreateTopic(topic, 12, map[string]string{"cleanup.policy": "compact", "retention.ms": "-1", "segment.bytes": "1048576",
		"min.cleanable.dirty.ratio": "0.01", "min.compaction.lag.ms": "0", "max.compaction.lag.ms": "1000"})
	n := start(b, broker.Addr())
	began := time.Now()
	for delivery := range 2 {
		fill(b, n, delivery)
		must(b, n.Flush(b.Context()))
	}
	written := time.Since(began)
	records := compactedTo(b, n.topic, hosts*perHost*3/2)
	must(b, n.Close())
	b.Logf("600,000 states written in %.1f s; %d records are left after compaction", written.Seconds(), records)
	for b.Loop() {
		cmd := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkLoad$", "-test.benchtime=1x")
		cmd.Env = append(os.Environ(), childAddr+"="+broker.Addr())
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		var f figures
		must(b, json.Unmarshal(out[bytes.IndexByte(out, '{'):bytes.IndexByte(out, '}')+1], &f))
		if f.States != hosts*perHost {
			b.Errorf("%d states loaded", f.States)
		}
		b.ReportMetric(f.Seconds, "s/load")
		b.ReportMetric(f.CPU, "cpu-s/load")
		b.ReportMetric(float64(f.Heap)/1e6, "MB-heap")
		b.ReportMetric(float64(f.Peak)/1e6, "MB-peak-rss")
	}
}

// fill puts a State of every key.
func fill(b *testing.B, n *node, delivery int) {
	var wait sync.WaitGroup
	const writers = 256
	for w := range writers {
		wait.Go(func() {
			for host := w; host < hosts; host += writers {
				for s := range perHost {
					k, st := storetest.Host(host, s, delivery)
					if err := n.Put(b.Context(), k, st); err != nil {
						b.Error(err)
						return
					}
				}
			}
		})
	}
	wait.Wait()
}

// compactedTo waits until the cleaner has left no more than most records, and then counts them.
func compactedTo(b *testing.B, topic *fetch.Topic, most int) (records int) {
	ctx, cancel := context.WithTimeout(b.Context(), 3*time.Minute)
	defer cancel()
	for {
		records = 0
		for i := range int32(12) {
			p := &fetch.Partition{Topic: topic, Index: i, Bytes: 8 << 20}
			for end := false; !end; {
				var err error
				end, err = p.Fetch(ctx, func(*fetch.Record) error { records++; return nil })
				must(b, err)
			}
		}
		if records <= most {
			return records
		}
	}
}

func child(b *testing.B, addr string) {
	n := newNode(b, addr)
	began, before := time.Now(), cpu()
	n.Start(nil)
	n.loaded(b)
	f := figures{Seconds: time.Since(began).Seconds(), CPU: cpu() - before, Peak: peak(b)}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f.Heap = m.HeapAlloc
	for range n.All() {
		f.States++
	}
	out, err := json.Marshal(f)
	must(b, err)
	fmt.Println(string(out))
}

// peak is the process's largest resident size.
func peak(b *testing.B) int64 {
	status, err := os.ReadFile("/proc/self/status")
	must(b, err)
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	var kb int64
	fmt.Sscan(string(rest), &kb)
	return kb << 10
}

// cpu is the process's time on processors, in seconds.
func cpu() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
