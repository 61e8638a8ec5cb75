package bench_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var crowdFlag = flag.Int("crowd", 10_000, "hosts that are connected at once")

// BenchmarkHosts measures what hosts cost that have nothing to say, and how they come back all at once.
func BenchmarkHosts(b *testing.B) {
	raiseFiles()
	kafka := newBroker(b)
	t := &hostsTable{}
	for _, auth := range auths {
		b.Run(auth, func(b *testing.B) {
			for range b.N {
				t.measure(b, kafka, auth)
			}
		})
	}
	t.save(b)
}

// raiseFiles lets this process and those it starts have a file for each host, as far as it may.
func raiseFiles() {
	limit := syscall.Rlimit{Cur: 1 << 17, Max: 1 << 17}
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
		limit.Cur = limit.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
}

// collections of garbage after which stacks have shrunk, which halve at each. An idle server collects every two minutes.
const collections = 5

// rest is when the collector has noticed that hosts have nothing to say.
const rest = 3 * time.Second

// moment is the collector's memory in KiB: what it has of the system, and what of that is in use. Go keeps the rest for a while.
type moment struct{ resident, used int }

// hostsTable is what came out, a line for each moment.
type hostsTable struct{ lines []string }

func (t *hostsTable) measure(b *testing.B, kafka broker, auth string) {
	name := "hosts-" + auth
	hosts := *crowdFlag
	var d *domain
	if auth == "kerberos" {
		d = newDomain(b, 50) // accounts; each has many connections
	}
	l, people := newCrowd(b, kafka, name, crowd{Hosts: hosts, Events: 160}, d)
	settled := func() moment {
		time.Sleep(rest)
		for range collections {
			if _, err := l.get("/debug/pprof/heap?gc=1"); err != nil {
				b.Fatal(err)
			}
		}
		m := l.metrics()
		return moment{l.collector.usage(b).resident, int(m["go_memstats_heap_inuse_bytes"]+m["go_memstats_stack_inuse_bytes"]) / 1024}
	}
	people.tell(b, "warm")
	empty := settled()
	note := func(when string, more ...string) float64 {
		now, after := l.collector.usage(b).resident, settled()
		each := float64(after.resident-empty.resident) / float64(hosts)
		t.lines = append(t.lines, fmt.Sprintf("| %s | %d | %s | %d | %d | **%.1f** | %.1f | %s |", auth, hosts, when, now/1024, after.resident/1024, each,
			float64(after.used-empty.used)/float64(hosts), strings.Join(more, ", ")))
		return each
	}
	b.ReportMetric(0, "ns/op")
	cpu := l.collector.usage(b).cpu
	told := people.tell(b, "connect")
	b.ReportMetric((l.collector.usage(b).cpu-cpu).Seconds()*1000/float64(hosts), "cpu-ms/connect")
	b.ReportMetric(note("connected, heartbeat", fmt.Sprintf("%.0f s", told.Seconds)), "KiB/connected")
	told = people.tell(b, "send")
	b.ReportMetric(note("one full envelope each", fmt.Sprintf("%.0f s", told.Seconds)), "KiB/idle")
	if data, err := l.get("/debug/pprof/heap"); err == nil {
		_ = os.WriteFile(filepath.Join(results(b), name+".heap.pprof"), data, 0o644)
	}
	people.tell(b, "drop")
	cpu = l.collector.usage(b).cpu
	told = people.tell(b, "return")
	b.ReportMetric((l.collector.usage(b).cpu-cpu).Seconds()*1000/float64(hosts), "cpu-ms/return")
	b.ReportMetric(told.Seconds, "s/return")
	note("all back at once", fmt.Sprintf("after %.1f s, %d attempts refused, %d sessions resumed", told.Seconds, told.Failed, told.Resumed), fmt.Sprintf("meanwhile %d batches of others acknowledged, %d refused, p99 %.0f ms", told.Acks, told.Refused, told.P99))
	b.ReportMetric(float64(told.Refused), "refused")
	if told.Refused > 0 {
		b.Errorf("%d deliveries of hosts that were there were refused while others came back", told.Refused)
	}
}

// people is the process of a crowd.
type people struct{ *process }

// newCrowd starts a collector and hosts that are told what to do.
func newCrowd(b *testing.B, kafka broker, name string, c crowd, d *domain) (*lab, people) {
	b.Helper()
	kafka.create("wef." + name)
	l := newLab(b, kafka.address(), d)
	c.URL = l.url
	if d != nil {
		c.Keytab, c.Krb5Conf = d.hosts, d.kdc.Krb5Conf()
	} else {
		c.CA, c.Key = l.path("ca.pem"), l.path("ca.key")
	}
	l.serve(name, "json")
	config, err := json.Marshal(&c)
	if err != nil {
		b.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	p := people{start(b, self, []string{crowdEnv + "=" + string(config)})}
	p.line(b)
	return l, p
}

// tell gives one order and waits until it is carried out.
func (p people) tell(b *testing.B, order string) (answer told) {
	b.Helper()
	fmt.Fprintln(p.stdin, order)
	if err := json.Unmarshal([]byte(p.line(b)), &answer); err != nil {
		b.Fatal(err)
	}
	if answer.Error != "" {
		b.Errorf("%s: %s", order, answer.Error)
	}
	return answer
}

func (t *hostsTable) save(b *testing.B) {
	text := "| hosts prove by | hosts | moment | MiB | after a collection | KiB a host | of these in use | |\n|---|---|---|---|---|---|---|---|\n" + strings.Join(t.lines, "\n") + "\n"
	save(b, "hosts.md", text)
}
