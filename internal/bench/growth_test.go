package bench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkGrowth measures what an event costs when it is one of few hosts that sends, or one of many, 50 events a request.
func BenchmarkGrowth(b *testing.B) {
	raiseFiles()
	kafka := newBroker(b)
	var lines []string
	for _, hosts := range []int{1, 100, 1000, 10_000} {
		b.Run(number(hosts), func(b *testing.B) {
			for range b.N {
				const events = 50
				l, people := newCrowd(b, kafka, fmt.Sprintf("growth-%d", hosts), crowd{Hosts: hosts, Events: events}, nil)
				people.tell(b, "warm")
				people.tell(b, "connect")
				before := l.account()
				rounds := max(1, 4000/hosts)
				for range rounds {
					people.tell(b, "send")
				}
				after := l.account()
				if got, want := after.events-before.events, float64(rounds*hosts*events); got != want {
					b.Fatalf("no figures: %g events published, %g sent", got, want)
				}
				resident := l.collector.usage(b).resident
				l.stop()
				if n, _ := kafka.consumed(l.topic); float64(n) != after.events {
					b.Fatalf("no figures: %g events published, %d consumed", after.events, n)
				}
				cost := (after.cpu - before.cpu) / (after.events - before.events) * 1e6
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(cost, "cpu-µs/event")
				b.ReportMetric(float64(resident)/1024, "MiB")
				lines = append(lines, fmt.Sprintf("| %d | **%.1f** | %d |", hosts, cost, resident/1024))
			}
		})
	}
	save(b, "growth.md", "| hosts | CPU-s a million events | MiB |\n|---|---|---|\n"+strings.Join(lines, "\n")+"\n")
}

// BenchmarkBacklog measures hosts that were cut off for long and send as fast as they may: memory must not depend on how much they have.
func BenchmarkBacklog(b *testing.B) {
	kafka := newBroker(b)
	for range b.N {
		kafka.create("wef.backlog")
		l := newLab(b, kafka.address(), nil)
		l.serve("backlog", "json")
		events := 10 * *eventsFlag
		f := l.fleet("--hosts", "100", "--batch", "160", "--events", number(events))
		var at [2]int // MiB after a tenth, and after all but a tenth
		for i, part := range []float64{0.1, 0.9} {
			l.await(f, publishedMetric, part*float64(events))
			at[i] = l.collector.usage(b).resident / 1024
		}
		report := l.report(f)
		l.stop()
		if n, twice := kafka.consumed("wef.backlog"); int64(n) != report.Events.Acked || twice > 0 {
			b.Fatalf("no figures: %d events acknowledged, %d consumed, %d twice", report.Events.Acked, n, twice)
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(report.EventsPerSecond, "events/s")
		b.ReportMetric(float64(at[0]), "MiB-10%")
		b.ReportMetric(float64(at[1]), "MiB-90%")
		save(b, "backlog.md", fmt.Sprintf("%d events of 100 hosts, %.0f a second: %d MiB after a tenth, %d MiB after nine tenths\n", events, report.EventsPerSecond, at[0], at[1]))
	}
}

func save(b *testing.B, name, text string) {
	if err := os.WriteFile(filepath.Join(results(b), name), []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
}
