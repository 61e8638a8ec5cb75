package kafkatest

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Broker is one node of a real Apache Kafka. Its methods may be called from one goroutine at a time.
type Broker struct {
	t       testing.TB
	id      int
	dir     string
	libs    string
	options options

	addr, controller, sasl, tls, front string
	lines                              []string  // own addresses of options.lines, then that for the other nodes
	nodes                              []*Broker // of the whole cluster
	identity                           *identity

	process *os.Process
	ended   chan struct{} // closed when process has ended
	frozen  bool
}

type options struct {
	settings map[string]string
	users    bool
	tls      bool
	behind   func(addr string) string
	lines    []line
	between  func(node int, addr string) string
}

// Option is something that a broker has beyond a plain-text listener.
type Option func(*options)

// Setting sets a line of server.properties.
func Setting(key, value string) Option {
	return func(o *options) { o.settings[key] = value }
}

// SASL adds a SASL_PLAINTEXT listener (SASLAddr) for PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER (unsigned tokens), and an
// authorizer: user wefka (password secret) may do all, user guest (password guest) nothing. The other listeners may do all.
func SASL() Option { return func(o *options) { o.users = true } }

// TLS adds a TLS listener (TLSAddr) that demands a client certificate.
func TLS() Option { return func(o *options) { o.tls = true } }

// Behind adds a plain-text listener that tells clients to come to proxy(its address) instead, and makes that the address in
// Brokers. The nodes talk to each other past it.
func Behind(proxy func(addr string) string) Option { return func(o *options) { o.behind = proxy } }

// Start starts one node, waits until it answers, and ends it with the test.
func Start(t testing.TB, opts ...Option) *Broker {
	t.Helper()
	return StartCluster(t, 1, opts...).nodes[0]
}

// Addr is the plain-text listener's host:port.
func (b *Broker) Addr() string { return b.addr }

// SASLAddr is the SASL_PLAINTEXT listener's host:port; only with the option SASL.
func (b *Broker) SASLAddr() string { return b.sasl }

// TLSAddr is the TLS listener's host:port; only with the option TLS.
func (b *Broker) TLSAddr() string { return b.tls }

// TLSConfig trusts the TLS listener and brings the client certificate that it demands.
func (b *Broker) TLSConfig() *tls.Config { return b.identity.client() }

// Start runs the node again after Stop or Kill, on the same data and ports, and waits until it answers.
func (b *Broker) Start() {
	b.t.Helper()
	b.launch()
	b.ready()
}

// Stop ends the node in good order (SIGTERM) and returns when it has ended.
func (b *Broker) Stop() { b.end(syscall.SIGTERM) }

// Kill ends the node at once (SIGKILL) and returns when it has ended.
func (b *Broker) Kill() { b.end(syscall.SIGKILL) }

func (b *Broker) end(signal syscall.Signal) {
	b.t.Helper()
	if b.process == nil {
		return
	}
	_ = b.process.Signal(signal) // an error means that it has ended already
	select {
	case <-b.ended:
	case <-time.After(time.Minute):
		b.t.Errorf("node %d does not end on %v", b.id, signal)
		_ = b.process.Kill()
		<-b.ended
	}
	b.process, b.frozen = nil, false
}

// signal sends one to a running node.
func (b *Broker) signal(s syscall.Signal) {
	b.t.Helper()
	if b.process == nil {
		b.t.Errorf("node %d does not run", b.id)
	} else if err := b.process.Signal(s); err != nil {
		b.t.Errorf("node %d: %v: %v", b.id, s, err)
	}
}

func (b *Broker) path(name string) string { return filepath.Join(b.dir, name) }

func (b *Broker) tail() []byte {
	log, _ := os.ReadFile(b.path("kafka.log"))
	return log[max(0, len(log)-3000):]
}

// launch starts the process.
func (b *Broker) launch() {
	b.t.Helper()
	log, err := os.OpenFile(b.path("kafka.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		b.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command("java", "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=INFO", "-cp", b.libs+"/*", "kafka.Kafka", b.path("server.properties"))
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test binary that panics leaves nothing behind
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // the death signal belongs to the thread that forked; this keeps it
		defer runtime.UnlockOSThread()
		defer close(ended)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		b.t.Fatalf("start node %d: %v", b.id, err)
	}
	b.process, b.ended = cmd.Process, ended
}

// ready waits until the node answers and knows every running node of its cluster.
func (b *Broker) ready() {
	b.t.Helper()
	running := 0
	for _, n := range b.nodes {
		if n.process != nil && !n.frozen {
			running++
		}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		b.t.Fatal(err)
	}
	defer client.Close()
	err = poll(b.t.Context(), time.Minute, func(ctx context.Context) error {
		select {
		case <-b.ended:
			b.t.Fatalf("node %d has ended:\n%s", b.id, b.tail())
		default:
		}
		m, err := metadata(ctx, client)
		if err != nil {
			return err
		}
		if len(m.Brokers) < running || !slices.ContainsFunc(m.Brokers, func(n broker) bool { return int(n.NodeID) == b.id }) {
			return fmt.Errorf("%d of %d nodes are there", len(m.Brokers), running)
		}
		return nil
	})
	if err != nil {
		b.t.Fatalf("node %d is not ready: %v\n%s", b.id, err, b.tail())
	}
}

// write writes server.properties.
func (b *Broker) write() {
	b.t.Helper()
	n := len(b.nodes)
	var voters []string
	for _, v := range b.nodes {
		voters = append(voters, fmt.Sprintf("%d@%s", v.id, v.forOthers(v.controller)))
	}
	listeners := map[string]string{"PLAIN": b.addr, "CONTROLLER": b.controller}
	protocols := map[string]string{"PLAIN": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"}
	s := map[string]string{
		"process.roles":                                    "broker,controller",
		"node.id":                                          fmt.Sprint(b.id),
		"controller.quorum.voters":                         strings.Join(voters, ","),
		"controller.listener.names":                        "CONTROLLER",
		"inter.broker.listener.name":                       "PLAIN",
		"log.dirs":                                         b.path("data"),
		"auto.create.topics.enable":                        "false",
		"default.replication.factor":                       fmt.Sprint(n),
		"min.insync.replicas":                              fmt.Sprint(max(1, n-1)),
		"offsets.topic.replication.factor":                 fmt.Sprint(n),
		"transaction.state.log.replication.factor":         fmt.Sprint(n),
		"transaction.state.log.min.isr":                    fmt.Sprint(max(1, n-1)),
		"share.coordinator.state.topic.replication.factor": fmt.Sprint(n),
		"share.coordinator.state.topic.min.isr":            fmt.Sprint(max(1, n-1)),
		"group.initial.rebalance.delay.ms":                 "0",
		"log.cleaner.backoff.ms":                           "500",
	}
	if b.options.users {
		listeners["SASL"], protocols["SASL"] = b.sasl, "SASL_PLAINTEXT"
		maps.Copy(s, saslSettings)
	}
	if b.options.tls {
		listeners["TLS"], protocols["TLS"] = b.tls, "SSL"
		settings, err := b.identity.server(b.dir)
		if err != nil {
			b.t.Fatal(err)
		}
		maps.Copy(s, settings)
	}
	if b.options.behind != nil {
		listeners["FRONT"], protocols["FRONT"] = b.front, "PLAINTEXT"
	}
	maps.Copy(s, b.addLines(listeners, protocols))
	s["listener.security.protocol.map"] = join(protocols, ":")
	s["listeners"] = join(listeners, "://")
	delete(listeners, "CONTROLLER")
	if b.options.behind != nil {
		listeners["FRONT"] = b.options.behind(b.front)
		b.front = listeners["FRONT"]
	}
	b.advertiseLines(listeners)
	s["advertised.listeners"] = join(listeners, "://")
	maps.Copy(s, b.options.settings)
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(&text, "%s=%s\n", key, s[key])
	}
	if err := os.WriteFile(b.path("server.properties"), []byte(text.String()), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func join(m map[string]string, between string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, key+between+m[key])
	}
	return strings.Join(parts, ",")
}

// freePorts returns n addresses on loopback that nobody listened on a moment ago. They are below those that systems give to outgoing
// connections: a node that is started again finds its own free.
func freePorts(t testing.TB, n int) []string {
	t.Helper()
	addrs := make([]string, 0, n)
	for tries := 0; len(addrs) < n; tries++ {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 15000+mathrand.IntN(17000)))
		if err != nil && tries > 100*n {
			t.Fatal(err)
		} else if err != nil {
			continue
		}
		defer ln.Close() // only at the end: no address twice
		addrs = append(addrs, ln.Addr().String())
	}
	return addrs
}

// poll tries until fn returns nil; the error is fn's last.
func poll(ctx context.Context, limit time.Duration, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		attempt, done := context.WithTimeout(ctx, 5*time.Second)
		err := fn(attempt)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
