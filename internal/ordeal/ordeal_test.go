package ordeal

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wefka/wefka/simulator/witness"
)

const (
	short = 75 * time.Second // in make test
	calm  = 20 * time.Second // after the last fault: hosts send what they still have
	hosts = 20               // of each kind
	rate  = 400              // events a second of each kind
)

// TestOrdeal deals faults for a while and wants every event in Kafka that a host has an Ack for.
func TestOrdeal(t *testing.T) {
	length, seed := short, uint64(time.Now().UnixNano())%1_000_000
	if text := os.Getenv("WEFKA_ORDEAL_FOR"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatalf("WEFKA_ORDEAL_FOR: %v", err)
		}
		length = d
	}
	if text := os.Getenv("WEFKA_ORDEAL_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("WEFKA_ORDEAL_SEED: %v", err)
		}
		seed = n
	}
	state := []string{"bbolt", "kafka"}[seed%2]
	o := stage(t, build(t), state, hosts)
	o.tell("ordeal: seed %d, %s, state in %s; again with WEFKA_ORDEAL_SEED=%d WEFKA_ORDEAL_FOR=%s", seed, length, state, seed, length)
	fleets := []*fleet{o.certificates(length + calm), o.tickets(length + calm)}
	dealt := o.deal(seed, length)
	for _, c := range o.collectors {
		o.tell("%s: started %d times, said %s", c.name, c.starts, c.says())
		c.check()
	}
	total, acked := 0, int64(0)
	for name, n := range dealt {
		o.tell("%4d × %s", n, name)
		total += n
	}
	o.tell("%d faults of %d kinds, seed %d", total, len(dealt), seed)
	for _, f := range fleets {
		v := f.verdict(t)
		o.tell("%s: %s", f.name, v)
		acked += v.Acked
		if v.Missing > 0 {
			t.Errorf("seed %d: %d acknowledged events of the hosts with %s are missing: %v", seed, v.Missing, f.name, v.Which.Missing[:min(5, len(v.Which.Missing))])
		}
	}
	if acked < 1000 {
		t.Errorf("only %d events were acknowledged: this proves nothing", acked)
	}
}

// A collector that acknowledges before Kafka does must be found out, or the verdict is worth nothing.
func TestVerdictCanFail(t *testing.T) {
	o := stage(t, build(t, "-tags", "ackfirst"), "bbolt", 1)
	f := o.certificates(20 * time.Second)
	for range 3 {
		for _, c := range o.collectors { // events that are acknowledged and cannot get into Kafka, and then the process is gone
			for i := range o.toKafka {
				for _, l := range o.toKafka[i] {
					l.set(silent)
				}
			}
			<-time.After(2 * time.Second)
			c.end(syscall.SIGKILL)
			for i := range o.toKafka {
				for _, l := range o.toKafka[i] {
					l.set(open)
				}
			}
			if err := c.start(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if v := f.verdict(t); v.Missing == 0 {
		t.Errorf("a collector that acknowledges first loses nothing that the witness sees: %s", v)
	} else {
		o.tell("a collector that acknowledges first: %s", v)
	}
}

// deal lets all tracks run, heals everything, and counts the faults by kind.
func (o *ordeal) deal(seed uint64, length time.Duration) map[string]int {
	start := time.Now()
	disks := true
	for _, c := range o.collectors {
		disks = disks && c.disk.ok
	}
	if !disks && o.state == "bbolt" {
		o.tell("no disks of their own for the collectors: no faults of disks (needs root)")
	}
	dealt := map[string]int{}
	var mu sync.Mutex
	var wait sync.WaitGroup
	for _, track := range tracks(o.state, disks) {
		wait.Go(func() {
			for _, f := range schedule(seed, track, length) {
				<-time.After(time.Until(start.Add(f.at)))
				to, heal, err := f.kind.deal(o, rand.New(rand.NewPCG(f.seed, 0)))
				mu.Lock()
				o.tell("%7.1fs  %-40s %s%s", time.Since(start).Seconds(), f.kind.name, to, problem(err))
				if err == nil {
					dealt[f.kind.name]++
				}
				mu.Unlock()
				<-time.After(f.hold)
				if heal == nil {
					continue
				}
				if err := heal(); err != nil {
					o.t.Errorf("heal %q: %v", f.kind.name, err)
				}
			}
		})
	}
	wait.Wait()
	return dealt
}

func problem(err error) string {
	if err == nil {
		return ""
	}
	return ": not dealt: " + err.Error()
}

// fleet is a simulate process.
type fleet struct {
	name   string
	report string
	done   chan error
	said   *os.File
}

func (o *ordeal) certificates(length time.Duration) *fleet {
	return o.fleet("certificates", length, "--url", "https://localhost:5986/wsman/SubscriptionManager/WEC", "--connect", o.tls.address(),
		"--ca", o.path("ca.pem"), "--issue-ca", o.path("ca.pem"), "--issue-key", o.path("ca.key"), "--hosts", strconv.Itoa(hosts))
}

func (o *ordeal) tickets(length time.Duration) *fleet {
	return o.fleet("tickets", length, "--url", "http://localhost:5985/wsman/SubscriptionManager/WEC", "--connect", o.krb.address(),
		"--keytab", o.hosts, "--krb5-conf", o.kdc.Krb5Conf(), "--spn", service)
}

func (o *ordeal) fleet(name string, length time.Duration, args ...string) *fleet {
	o.t.Helper()
	f := &fleet{name: name, report: o.path(name + ".json"), done: make(chan error, 1)}
	var err error
	if f.said, err = os.Create(o.path(name + ".log")); err != nil {
		o.t.Fatal(err)
	}
	kafka := ""
	for _, addr := range o.cluster.Brokers() {
		kafka += "," + addr
	}
	args = append([]string{"simulate", "--duration", length.String(), "--rate", strconv.Itoa(rate), "--batch", "20", "--report", f.report,
		"--verify", "--kafka", kafka[1:], "--topics", topics[0] + "," + topics[1]}, args...)
	c := exec.Command(o.program, args...)
	c.Stdout, c.Stderr = f.said, f.said
	if err := c.Start(); err != nil {
		o.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { f.done <- c.Wait(); close(ended) }()
	o.t.Cleanup(func() {
		c.Process.Kill()
		<-ended
		f.said.Close()
	})
	return f
}

// verdict waits for the process. That hosts still have events which nobody acknowledged is no fault.
func (f *fleet) verdict(t testing.TB) *witness.Verdict {
	t.Helper()
	ended := <-f.done
	var report struct {
		Verify *witness.Verdict
	}
	data, err := os.ReadFile(f.report)
	if err == nil {
		err = json.Unmarshal(data, &report)
	}
	if err != nil || report.Verify == nil {
		said, _ := os.ReadFile(f.said.Name())
		t.Fatalf("%s: no verdict: %v, %v\n%s", f.name, err, ended, said[max(0, len(said)-3000):])
	}
	return report.Verify
}

func run(t testing.TB, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatal(fmt.Errorf("%s %v: %w\n%s", program, args, err, out))
	}
}
