package ordeal

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// collector is one node, and what an init system does for it: whenever its process ends, and it is to be up, it is started again.
type collector struct {
	t       testing.TB
	program string
	dir     string
	name    string
	disk    *disk

	tls, kerberos *link // from the balancers

	mu      sync.Mutex
	up      bool
	process *os.Process
	ended   chan struct{} // closed when process has ended
	starts  int
	retired bool
}

const rest = 500 * time.Millisecond // before a process that ended by itself is started again

// build builds the program, with other flags of the go command.
func build(t testing.TB, flags ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "wefka")
	args := append(append([]string{"build", "-o", program}, flags...), "github.com/wefka/wefka/cmd/wefka")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

func (c *collector) path(name string) string { return filepath.Join(c.dir, name) }

func (c *collector) write(name, text string) {
	c.t.Helper()
	if err := os.MkdirAll(filepath.Dir(c.path(name)), 0o755); err != nil {
		c.t.Fatal(err)
	}
	// At once: the program watches.
	if err := os.WriteFile(c.path(name)+"~", []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(c.path(name)+"~", c.path(name)); err != nil {
		c.t.Fatal(err)
	}
}

// start has the node up from now on.
func (c *collector) start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.up = true
	return c.launch()
}

// launch starts the process. c.mu is held.
func (c *collector) launch() error {
	if c.retired || c.process != nil {
		return nil
	}
	log, err := os.OpenFile(c.path("serve.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(c.program, "serve", "--config", c.path("wefka.yaml"), "--log-format", "json")
	cmd.Stdout, cmd.Stderr = log, log
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
			c.fell(cmd.Process)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	c.process, c.ended = cmd.Process, ended
	c.starts++
	return nil
}

// fell is called when a process has ended.
func (c *collector) fell(process *os.Process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process != process {
		return
	}
	c.process = nil
	if !c.up {
		return
	}
	time.AfterFunc(rest, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.up {
			return
		}
		if err := c.launch(); err != nil {
			c.t.Errorf("start %s: %v", c.name, err)
		}
	})
}

// end sends a signal, and returns when the process has ended: at the latest after a while, by SIGKILL.
func (c *collector) end(signal syscall.Signal) {
	c.mu.Lock()
	c.up = false
	process, ended := c.process, c.ended
	c.mu.Unlock()
	if process == nil {
		return
	}
	_ = process.Signal(signal) // an error means that it has ended already
	patience := time.NewTimer(40 * time.Second)
	defer patience.Stop()
	select {
	case <-ended:
	case <-patience.C:
		c.t.Errorf("%s does not end on %v", c.name, signal)
		_ = process.Kill()
		<-ended
	}
}

// signal sends one to the process, if it runs.
func (c *collector) signal(s syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process != nil {
		_ = c.process.Signal(s)
	}
}

// retire ends it for good.
func (c *collector) retire() {
	c.mu.Lock()
	c.retired = true
	c.mu.Unlock()
	c.end(syscall.SIGKILL)
}

// check wants no panic in the log.
func (c *collector) check() {
	log, err := os.ReadFile(c.path("serve.log"))
	if err != nil {
		c.t.Error(err)
		return
	}
	for _, sign := range []string{"panic:", "fatal error:", "DATA RACE"} {
		if at := bytes.Index(log, []byte(sign)); at >= 0 {
			c.t.Errorf("%s: %s", c.name, log[at:min(len(log), at+4000)])
		}
	}
}

// says counts the log's lines by message.
func (c *collector) says() string {
	log, _ := os.ReadFile(c.path("serve.log"))
	counts := map[string]int{}
	for line := range bytes.Lines(log) {
		if _, rest, ok := strings.Cut(string(line), `"level":"`); ok && !strings.HasPrefix(rest, "INFO") {
			_, message, _ := strings.Cut(rest, `"msg":"`)
			message, _, _ = strings.Cut(message, `"`)
			counts[message]++
		}
	}
	return fmt.Sprint(counts)
}
