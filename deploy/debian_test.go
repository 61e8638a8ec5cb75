package deploy_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wefka/wefka/internal/kafkatest"
)

// A Debian that was never used: install the package, run the unit's command line as the unit's account, let hosts deliver, upgrade,
// remove, purge.
func TestFreshDebian(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make a Debian")
	}
	need(t, "debootstrap", "apt-get")
	site, err := exec.Command("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages").Output()
	mirror, _, _ := strings.Cut(string(site), "\n")
	if err != nil || mirror == "" {
		t.Skip("apt knows no mirror to take Debian from")
	}
	release := dist(t)
	root := filepath.Join(t.TempDir(), "debian")
	run(t, "debootstrap", "--variant=minbase", "stable", root, mirror)
	debian := func(args ...string) string { t.Helper(); return run(t, "chroot", append([]string{root}, args...)...) }
	copyTo(t, filepath.Join(release, "wefka_1.2.3_amd64.deb"), filepath.Join(root, "wefka.deb"))

	debian("dpkg", "-i", "/wefka.deb")
	if owner := debian("stat", "-c", "%U:%G %a", "/etc/wefka", "/etc/wefka/wefka.yaml", "/var/lib/wefka"); owner != "root:wefka 750\nroot:wefka 640\nwefka:wefka 700\n" {
		t.Errorf("owners:\n%s", owner)
	}

	// An administrator configures it, with certificates of our own authority.
	broker := kafkatest.Fake(t, 1, 1, "wef.sysmon", "wef.dead").ListenAddrs()[0]
	port, adminPort := freePort(t), freePort(t)
	debian("sh", "-c", "cd /etc/wefka && wefka pki init --name lab && wefka pki server --host wec01.lab.example && chgrp wefka server.key && chmod 640 server.key")
	config := fmt.Sprintf(`listeners:
  - name: tls
    address: "127.0.0.1:%s"
    tls: {certificate: server.pem, key: server.key, client_ca: ca.pem}
kafka: {brokers: ["%s"]}
admin: {address: "127.0.0.1:%s"}
`, port, broker, adminPort)
	if err := os.WriteFile(filepath.Join(root, "etc/wefka/wefka.yaml"), []byte(config), 0o640); err != nil {
		t.Fatal(err)
	}

	// What systemd would do, without systemd.
	unit := unitOf(t, filepath.Join(root, "lib/systemd/system/wefka.service"))
	run(t, "install", "-d", "-o", owner(t, root), "-g", owner(t, root), filepath.Join(root, "run/wefka"))
	as := []string{"--userspec=" + unit["User"] + ":" + unit["Group"], root, "/usr/bin/env", unit["Environment"]}
	run(t, "chroot", append(as, strings.Fields(unit["ExecStartPre"])...)...)
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(root, "run/notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Close()
	os.Chmod(filepath.Join(root, "run/notify"), 0o666)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	serve := exec.CommandContext(ctx, "chroot", append(append(as, "NOTIFY_SOCKET=/run/notify"), strings.Fields(unit["ExecStart"])...)...)
	serve.Stderr = t.Output()
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	ready.SetReadDeadline(time.Now().Add(30 * time.Second))
	said := make([]byte, 100)
	if n, err := ready.Read(said); err != nil || string(said[:n]) != "READY=1" {
		t.Fatalf("systemd would wait for ever: %q, %v", said[:n], err)
	}
	debian("sh", "-c", "cd /etc/wefka && wefka simulate --url https://wec01.lab.example:"+port+" --connect 127.0.0.1 --ca ca.pem --issue-ca ca.pem --issue-key ca.key --hosts 2 --events 100")
	if got := len(kafkatest.ReadAll(t, broker, "wef.sysmon")); got != 100 {
		t.Errorf("%d events in Kafka, 100 acknowledged", got)
	}
	serve.Process.Signal(syscall.SIGTERM)
	if err := serve.Wait(); err != nil {
		t.Errorf("stop: %v", err)
	}

	// An upgrade keeps what the administrator wrote; a removal keeps it and the bookmarks; a purge keeps nothing.
	debian("dpkg", "-i", "/wefka.deb")
	if now, err := os.ReadFile(filepath.Join(root, "etc/wefka/wefka.yaml")); err != nil || string(now) != config {
		t.Errorf("the upgrade took the configuration: %v\n%s", err, now)
	}
	debian("dpkg", "--remove", "wefka")
	for path, stays := range map[string]bool{"usr/bin/wefka": false, "etc/wefka/wefka.yaml": true, "var/lib/wefka/state.db": true} {
		if _, err := os.Stat(filepath.Join(root, path)); (err == nil) != stays {
			t.Errorf("after removal %s: %v", path, err)
		}
	}
	debian("dpkg", "--purge", "wefka")
	for _, path := range []string{"etc/wefka/wefka.yaml", "var/lib/wefka"} {
		if _, err := os.Stat(filepath.Join(root, path)); err == nil {
			t.Errorf("after the purge %s is there", path)
		}
	}
}

// unitOf reads the lines of a unit; of repeated keys the last.
func unitOf(t *testing.T, file string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	unit := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			unit[key] = value
		}
	}
	return unit
}

// owner is the number of the account in that Debian.
func owner(t *testing.T, root string) string {
	t.Helper()
	return strings.TrimSpace(run(t, "chroot", root, "id", "-u", "wefka"))
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
