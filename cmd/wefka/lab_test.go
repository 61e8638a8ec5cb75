package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wefka/wefka/simulator"
)

// program under test, built once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "wefka-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "wefka")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// lab is a folder with everything that the built program needs, and the processes that run in it.
type lab struct {
	t       testing.TB
	dir     string
	program string
	address string // of the TLS listener; the same over restarts
	admin   string
}

// newLab writes configuration, certificates and one subscription.
func newLab(t testing.TB, broker, name, query, format string) *lab {
	t.Helper()
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, dir: t.TempDir(), program: program, address: freeAddress(t), admin: freeAddress(t)}
	l.wefka("pki", "init", "--dir", l.dir, "--name", "test authority")
	l.wefka("pki", "server", "--dir", l.dir, "--host", "localhost", "--host", "127.0.0.1")
	l.write("wefka.yaml", fmt.Sprintf(`node: lab
subscriptions: subscriptions.d
listeners:
  - name: tls
    address: %q
    tls: {certificate: server.pem, key: server.key, client_ca: ca.pem}
kafka: {brokers: [%q], delivery_timeout: 8s}
state: {path: state.db}
admin: {address: %q, socket: ""}
`, l.address, broker, l.admin))
	l.write("subscriptions.d/lab.yaml", fmt.Sprintf(`name: %s
id: 0b5a3f2e-8c1d-4f6a-9e7b-2d3c4b5a6978
query: |
  %s
read_existing_events: true
delivery: {max_time: 1s, retry: {count: 100, interval: 1s}}
output: {format: %s}
`, name, query, format))
	return l
}

// listenKerberos gives the collector a second listener, for the hosts of a KDC.
func (l *lab) listenKerberos(keytab string) (address string) {
	l.t.Helper()
	address = freeAddress(l.t)
	config, err := os.ReadFile(l.path("wefka.yaml"))
	if err != nil {
		l.t.Fatal(err)
	}
	l.write("wefka.yaml", strings.Replace(string(config), "listeners:\n", fmt.Sprintf("listeners:\n  - {name: kerberos, address: %q, kerberos: {keytab: %q}}\n", address, keytab), 1))
	return address
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

func (l *lab) write(name, text string) {
	l.t.Helper()
	if err := os.MkdirAll(filepath.Dir(l.path(name)), 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(l.path(name), []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

// wefka runs a command to its end and wants exit code 0.
func (l *lab) wefka(args ...string) string {
	l.t.Helper()
	var stderr bytes.Buffer
	c := exec.Command(l.program, args...)
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		l.t.Fatalf("wefka %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return string(out)
}

// server is a running `wefka serve`.
type server struct {
	cmd  *exec.Cmd
	logs *logs
	done chan struct{}
	err  error
}

// logs keeps the JSON log lines and wakes whoever waits for one.
type logs struct {
	mu    sync.Mutex
	lines []string
	added chan struct{}
}

func (l *logs) read(r io.Reader) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		l.mu.Lock()
		l.lines = append(l.lines, s.Text())
		close(l.added)
		l.added = make(chan struct{})
		l.mu.Unlock()
	}
}

func (l *logs) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// wait returns the first line that holds text.
func (l *logs) wait(ctx context.Context, text string) (string, error) {
	for seen := 0; ; {
		l.mu.Lock()
		lines, added := l.lines, l.added
		l.mu.Unlock()
		for ; seen < len(lines); seen++ {
			if strings.Contains(lines[seen], text) {
				return lines[seen], nil
			}
		}
		select {
		case <-added:
		case <-ctx.Done():
			return "", fmt.Errorf("no log line with %q:\n%s", text, l.all())
		}
	}
}

// serve starts the collector and returns when it is ready.
func (l *lab) serve(env ...string) *server {
	l.t.Helper()
	s := &server{cmd: exec.Command(l.program, "serve", "--config", l.path("wefka.yaml"), "--log-format", "json"), logs: &logs{added: make(chan struct{})}, done: make(chan struct{})}
	s.cmd.Env = append(os.Environ(), env...)
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	go func() {
		s.logs.read(stderr)
		s.err = s.cmd.Wait()
		close(s.done)
	}()
	l.t.Cleanup(func() {
		s.cmd.Process.Kill()
		<-s.done
		if l.t.Failed() {
			l.t.Logf("serve said:\n%s", s.logs.all())
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if _, err := s.logs.wait(ctx, `"msg":"ready"`); err != nil {
		l.t.Fatal(err)
	}
	return s
}

// stop asks for a clean stop and wants exit code 0.
func (s *server) stop(t testing.TB) {
	t.Helper()
	s.cmd.Process.Signal(syscall.SIGTERM)
	<-s.done
	if s.err != nil {
		t.Fatalf("serve did not stop cleanly: %v\n%s", s.err, s.logs.all())
	}
}

// kill is kill -9.
func (s *server) kill() {
	s.cmd.Process.Kill()
	<-s.done
}

// resident is the process's peak memory in MiB.
func (s *server) resident(t testing.TB) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var kib int
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib / 1024
		}
	}
	t.Fatal("no VmHWM")
	return 0
}

// fleet is a running `wefka simulate`.
type fleet struct {
	l      *lab
	cmd    *exec.Cmd
	stderr bytes.Buffer
	done   chan error
	n      int
}

var fleets int

// simulate starts hosts with certificates against the lab's collector.
func (l *lab) simulate(args ...string) *fleet {
	l.t.Helper()
	return l.start(append([]string{"--url", "https://localhost:" + port(l.address) + "/wsman/SubscriptionManager/WEC", "--ca", l.path("ca.pem"),
		"--issue-ca", l.path("ca.pem"), "--issue-key", l.path("ca.key")}, args...))
}

func (l *lab) start(args []string) *fleet {
	l.t.Helper()
	fleets++
	f := &fleet{l: l, n: fleets, done: make(chan error, 1)}
	args = append([]string{"simulate", "--acked", f.ackedFile(), "--report", f.reportFile()}, args...)
	f.cmd = exec.Command(l.program, args...)
	f.cmd.Stderr = &f.stderr
	if err := f.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	go func() { f.done <- f.cmd.Wait() }()
	l.t.Cleanup(func() { f.cmd.Process.Kill() })
	return f
}

func port(address string) string {
	_, p, _ := net.SplitHostPort(address)
	return p
}

func (f *fleet) ackedFile() string  { return f.l.path(fmt.Sprintf("acked-%d.txt", f.n)) }
func (f *fleet) reportFile() string { return f.l.path(fmt.Sprintf("report-%d.json", f.n)) }

// wait wants the fleet to end with exit code 0 and gives its report and the ids that were acknowledged.
func (f *fleet) wait() (simulator.Report, map[string]bool) {
	f.l.t.Helper()
	if err := <-f.done; err != nil {
		f.l.t.Fatalf("simulate: %v\n%s", err, f.stderr.String())
	}
	var report simulator.Report
	data, err := os.ReadFile(f.reportFile())
	if err == nil {
		err = json.Unmarshal(data, &report)
	}
	if err != nil {
		f.l.t.Fatal(err)
	}
	text, err := os.ReadFile(f.ackedFile())
	if err != nil {
		f.l.t.Fatal(err)
	}
	acked := map[string]bool{}
	for id := range strings.FieldsSeq(string(text)) {
		acked[id] = true
	}
	f.l.t.Logf("simulate: %s", data)
	return report, acked
}
