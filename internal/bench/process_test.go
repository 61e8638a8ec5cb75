package bench_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wefka/wefka/internal/corpus"
)

// program is the built wefka, with the profile that releases are built with.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "wefka-bench-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "wefka")
	build := exec.Command("go", "build", "-trimpath", "-o", path, "github.com/wefka/wefka/cmd/wefka")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func wefka(b testing.TB) string {
	b.Helper()
	if *programFlag != "" {
		return *programFlag
	}
	path, err := program()
	if err != nil {
		b.Fatal(err)
	}
	return path
}

// process is one that runs beside the benchmark and ends with it.
type process struct {
	*exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Scanner
	stderr bytes.Buffer
	ended  chan struct{} // closed when err is set
	err    error
}

func start(b testing.TB, path string, env []string, args ...string) *process {
	b.Helper()
	p := &process{Cmd: exec.Command(path, args...), ended: make(chan struct{})}
	p.Env, p.Cmd.Stderr = append(os.Environ(), env...), &p.stderr
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a benchmark that panics leaves nothing behind
	out, w, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	p.Stdout, p.stdout = w, bufio.NewScanner(out)
	if p.stdin, err = p.StdinPipe(); err != nil {
		b.Fatal(err)
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the death signal belongs to the thread that forked; this keeps it
		defer runtime.UnlockOSThread()
		defer close(p.ended)
		err := p.Cmd.Start()
		w.Close()
		started <- err
		if err == nil {
			p.err = p.Wait()
		}
	}()
	if err := <-started; err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		p.Process.Kill()
		<-p.ended
		out.Close()
	})
	return p
}

// line is the next line of what it prints.
func (p *process) line(b testing.TB) string {
	b.Helper()
	if !p.stdout.Scan() {
		<-p.ended
		b.Fatalf("%s has ended: %v\n%s", filepath.Base(p.Path), p.err, p.stderr.Bytes())
	}
	return p.stdout.Text()
}

// usage is what Linux knows of a process.
type usage struct {
	cpu           time.Duration // user and system
	resident, top int           // KiB, now and at most
	threads       int
}

// tick is the unit of times in /proc: USER_HZ, which is 100 on every architecture that Go runs on.
const tick = time.Second / 100

func (p *process) usage(b testing.TB) (u usage) {
	b.Helper()
	folder := fmt.Sprintf("/proc/%d/", p.Process.Pid)
	stat, err := os.ReadFile(folder + "stat")
	status, other := os.ReadFile(folder + "status")
	if err := errors.Join(err, other); err != nil {
		b.Fatal(err)
	}
	// The name in brackets may hold spaces; behind it utime and stime are the 12th and 13th.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		u.cpu += time.Duration(n) * tick
	}
	for line := range strings.Lines(string(status)) {
		fmt.Sscanf(line, "VmRSS: %d kB", &u.resident)
		fmt.Sscanf(line, "VmHWM: %d kB", &u.top)
		fmt.Sscanf(line, "Threads: %d", &u.threads)
	}
	return u
}

var (
	resultsOnce sync.Once
	resultsDir  string
)

// results is the folder for what a run leaves: tables and profiles. It is found at the first call: a checkout may change during a long run.
func results(b testing.TB) string {
	b.Helper()
	resultsOnce.Do(func() { resultsDir = filepath.Join(corpus.Root(b), "build", "bench") })
	if err := os.MkdirAll(resultsDir, 0o755); err != nil {
		b.Fatal(err)
	}
	return resultsDir
}
