package main

import (
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wefka/wefka/internal/kafkatest"
)

// What systemd hears in the life of a service of Type=notify with a watchdog.
func TestTellsSystemd(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	systemd.SetReadDeadline(time.Now().Add(30 * time.Second))
	hear := func(want string) string {
		t.Helper()
		for {
			b := make([]byte, 4096)
			n, err := systemd.Read(b)
			if err != nil {
				t.Fatalf("waiting for %s: %v", want, err)
			}
			switch said := string(b[:n]); {
			case strings.HasPrefix(said, want):
				return said
			case said != "WATCHDOG=1":
				t.Fatalf("said %q, want %s", said, want)
			}
		}
	}
	broker := kafkatest.Fake(t, 1, 1, "wef.lab", "wef.dead").ListenAddrs()[0]
	l := newLab(t, broker, "lab", sysmonQuery, "json")
	s := l.serve("NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=200000")
	hear("READY=1")
	hear("WATCHDOG=1")
	s.cmd.Process.Signal(syscall.SIGHUP)
	if said := hear("RELOADING=1"); !strings.Contains(said, "\nMONOTONIC_USEC=") {
		t.Errorf("no time in %q: systemd would not take it", said)
	}
	hear("READY=1")
	s.stop(t)
	hear("STOPPING=1")
}
