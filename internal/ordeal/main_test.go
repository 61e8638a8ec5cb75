package ordeal

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// The tests run in a mount namespace of their own, where that is allowed: disks that fill up and end with the tests.
const inside = "WEFKA_ORDEAL_INSIDE"

func TestMain(m *testing.M) {
	if os.Getuid() != 0 || os.Getenv(inside) != "" {
		os.Exit(m.Run())
	}
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "ordeal:", err)
		os.Exit(1)
	}
	c := exec.Command(self, os.Args[1:]...)
	c.Stdin, c.Stdout, c.Stderr, c.Env = os.Stdin, os.Stdout, os.Stderr, append(os.Environ(), inside+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		os.Exit(m.Run()) // a container without that right; what needs it says so
	}
	_ = c.Wait()
	os.Exit(c.ProcessState.ExitCode())
}

// disk is a small file system of its own. ok is false where none can be made.
type disk struct {
	dir string
	ok  bool
}

const diskSize = "size=1m"

func newDisk(t testing.TB, dir string) *disk {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Getenv(inside) == "" {
		return &disk{dir: dir}
	}
	d := &disk{dir: dir, ok: syscall.Mount("ordeal", dir, "tmpfs", 0, diskSize) == nil}
	if d.ok {
		t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	}
	return d
}

// fill leaves no room, but for what the files there are already.
func (d *disk) fill() error {
	f, err := os.Create(d.dir + "/filler")
	if err != nil {
		return err
	}
	defer f.Close()
	for size := 64 << 10; size >= 4096; size /= 2 {
		for block := make([]byte, size); ; {
			if n, err := f.Write(block); err != nil || n < size {
				break
			}
		}
	}
	return nil
}

func (d *disk) empty() error { return os.Remove(d.dir + "/filler") }

// readOnly is what a system does to a disk that has errors. No file of it may be open for writing.
func (d *disk) readOnly(on bool) error {
	flags := uintptr(syscall.MS_REMOUNT)
	if on {
		flags |= syscall.MS_RDONLY
	}
	return syscall.Mount("ordeal", d.dir, "tmpfs", flags, diskSize)
}
