package bench_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	programFlag     = flag.String("program", "", "measure this built wefka instead of the checkout's")
	brokerFlag      = flag.String("broker", "kafka", "kafka, or null: it answers at once and keeps nothing")
	eventsFlag      = flag.Int("events", 200_000, "events of a row's main part")
	hostsFlag       = flag.Int("hosts", 64, "hosts of a row")
	compressionFlag = flag.String("compression", "zstd", "kafka.compression")
	secondsFlag     = flag.Int("seconds", 5, "of the part in which latency is measured and the profile taken")
	loadFlag        = flag.Float64("load", 0.5, "part of the events a second just reached at which latency is measured")
)

// BenchmarkServer is the table of docs/performance.md, a row each.
func BenchmarkServer(b *testing.B) {
	kafka := newBroker(b)
	t := &table{}
	for _, auth := range auths {
		b.Run(auth, func(b *testing.B) {
			var d *domain
			if auth == "kerberos" {
				d = newDomain(b, *hostsFlag)
			}
			for _, r := range rowsOf(auth) {
				b.Run(strings.TrimPrefix(r.name(), auth+"/"), func(b *testing.B) {
					for range b.N {
						r.measure(b, kafka, d)
						t.add(r)
					}
				})
			}
		})
	}
	t.save(b)
}

var auths = []string{"tls", "kerberos"}

func rowsOf(auth string) (list []row) {
	for _, body := range []string{"plain", "sldc"} {
		for _, format := range []string{"xml", "json", "ecs"} {
			for _, events := range []int{10, 50, 160} {
				list = append(list, row{auth: auth, body: body, format: format, batch: events})
			}
		}
	}
	return list
}

// row is one line of the table.
type row struct {
	auth, body, format string
	batch              int

	cpu       float64 // µs of the server's process, an event
	rate      float64 // events a second
	gc        float64 // of that CPU
	allocs    float64 // an event
	allocated float64 // bytes, an event
	resident  int     // MiB, at most
	offered   float64 // events a second, for the latencies
	p50, p99  float64 // ms
	simulator float64 // µs of the hosts' process, an event
}

func (r *row) name() string {
	return strings.Join([]string{r.auth, r.body, r.format, number(r.batch)}, "/")
}

// measure runs the hosts twice against one collector: as fast as Acks come, and at a part of the rate so reached, while a profile is
// taken.
func (r *row) measure(b *testing.B, kafka broker, d *domain) {
	name := strings.ReplaceAll(r.name(), "/", "-")
	kafka.create("wef." + name)
	l := newLab(b, kafka.address(), d)
	l.serve(name, r.format)
	sldc := map[string]string{"plain": "--sldc=off", "sldc": "--sldc=on"}[r.body]
	args := func(events int, more ...string) []string {
		return append([]string{sldc, "--hosts", number(*hostsFlag), "--batch", number(r.batch), "--events", number(events)}, more...)
	}

	// The first tenth warms up: hosts connect, buffers are made.
	b.StopTimer()
	warm := *eventsFlag / 10
	f := l.fleet(args(*eventsFlag + warm)...)
	l.await(f, publishedMetric, float64(warm))
	before := l.account()
	b.StartTimer()
	report := l.report(f)
	b.StopTimer()
	after := l.account()
	acked := report.Events.Acked
	events, cpu := after.events-before.events, after.cpu-before.cpu
	r.cpu, r.gc = cpu/events*1e6, (after.gc-before.gc)/cpu
	r.allocs, r.allocated = (after.allocs-before.allocs)/events, (after.allocated-before.allocated)/events
	r.rate, r.simulator = events/after.at.Sub(before.at).Seconds(), report.CPUSeconds/float64(acked)*1e6

	seconds := *secondsFlag
	r.offered = r.rate * *loadFlag
	var profile sync.WaitGroup
	profile.Go(func() { l.profiles(name, seconds) })
	report = l.report(l.fleet(args(int(r.offered*float64(seconds)), "--seed", "3", "--rate", fmt.Sprint(r.offered))...))
	profile.Wait()
	acked += report.Events.Acked
	r.p50, r.p99 = report.Latency.P50, report.Latency.P99
	r.resident = l.collector.usage(b).top / 1024
	l.stop()
	if events, twice := kafka.consumed("wef." + name); int64(events) != acked || twice != 0 {
		b.Fatalf("no figures: %d events acknowledged, %d consumed, %d of them twice", acked, events, twice)
	}
	r.report(b)
}

const publishedMetric = `wefka_events_total`

// account is what the collector has done so far.
type account struct {
	at                time.Time
	events            float64
	cpu, gc           float64 // seconds
	allocs, allocated float64 // objects, bytes
}

func (l *lab) account() account {
	a := account{at: time.Now(), cpu: l.collector.usage(l.b).cpu.Seconds()}
	m := l.metrics()
	a.events, a.gc = m[publishedMetric], m["go_cpu_classes_gc_total_cpu_seconds_total"]
	a.allocs, a.allocated = m["go_memstats_mallocs_total"], m["go_memstats_alloc_bytes_total"]
	return a
}

// profiles saves one of the collector's CPU for so many seconds, and one of what it has allocated so far, beside the table.
func (l *lab) profiles(name string, seconds int) {
	for kind, path := range map[string]string{"cpu": fmt.Sprintf("profile?seconds=%d", seconds), "allocs": "allocs"} {
		data, err := l.get("/debug/pprof/" + path)
		if err == nil {
			err = os.WriteFile(filepath.Join(results(l.b), name+"."+kind+".pprof"), data, 0o644)
		}
		if err != nil {
			l.b.Errorf("profile: %v", err)
		}
	}
}

// report hands the figures to go test, whose lines benchstat compares.
func (r *row) report(b *testing.B) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(r.cpu, "cpu-µs/event")
	b.ReportMetric(r.rate, "events/s")
	b.ReportMetric(r.p50, "p50-ms")
	b.ReportMetric(r.p99, "p99-ms")
	b.ReportMetric(float64(r.resident), "MiB")
	b.ReportMetric(r.allocs, "allocs/event")
	b.ReportMetric(r.allocated, "B/event")
	b.ReportMetric(100*r.gc, "gc-%")
}

// table collects rows for a page.
type table struct{ rows []row }

// add keeps the cheapest of several runs: what makes one dearer is the neighbours.
func (t *table) add(r row) {
	for i := range t.rows {
		if t.rows[i].name() == r.name() {
			if r.cpu < t.rows[i].cpu {
				t.rows[i] = r
			}
			return
		}
	}
	t.rows = append(t.rows, r)
}

func (t *table) save(b *testing.B) {
	var text strings.Builder
	fmt.Fprintf(&text, "%s, broker %s, compression %s, %d events a row from %d hosts\n\n", time.Now().UTC().Format("2006-01-02 15:04 UTC"), *brokerFlag, *compressionFlag, *eventsFlag, *hostsFlag)
	text.WriteString("| hosts prove by | body | format | events a request | CPU-s a million events | events/s | p50 ms | p99 ms | at events/s | peak MiB | allocations an event | bytes allocated an event | GC | hosts' CPU |\n")
	text.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range t.rows {
		fmt.Fprintf(&text, "| %s | %s | %s | %d | **%.1f** | %.0f | %.1f | %.1f | %.0f | %d | %.2f | %.0f | %.1f %% | %.1f |\n", r.auth, r.body, r.format, r.batch,
			r.cpu, r.rate, r.p50, r.p99, r.offered, r.resident, r.allocs, r.allocated, 100*r.gc, r.simulator)
	}
	save(b, "server.md", text.String())
}
