package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/internal/kafkatest"
)

// Hosts come through a real HAProxy, which passes TLS through and says who they are, in both versions of the PROXY protocol.
func TestThroughHAProxy(t *testing.T) {
	haproxy, err := exec.LookPath("haproxy")
	if err != nil {
		haproxy = "/usr/sbin/haproxy"
	}
	if _, err := os.Stat(haproxy); err != nil {
		if os.Getenv("CI") == "true" || slices.Contains(strings.Split(os.Getenv("WEFKA_REQUIRE"), ","), "haproxy") {
			t.Fatal("haproxy is not installed; .ci/peers installs it")
		}
		t.Skip("haproxy is not installed; .ci/peers installs it")
	}
	broker := kafkatest.Fake(t, 1, 1, "wef.lab", "wef.dead").ListenAddrs()[0]
	l := newLab(t, broker, "lab", sysmonQuery, "json")
	l.edit("    tls: {", "    proxy_protocol: [127.0.0.8/32]\n    tls: {")
	l.serve()
	acked := map[string]bool{}
	for version, send := range map[string]string{"127.0.0.2": "send-proxy", "127.0.0.3": "send-proxy-v2"} {
		front := strings.Replace(freeAddress(t), "127.0.0.1", version, 1)
		l.write("haproxy.cfg", fmt.Sprintf("defaults\n mode tcp\n timeout connect 5s\n timeout client 1m\n timeout server 1m\nlisten wef\n bind %s\n server one %s %s source 127.0.0.8\n", front, l.address, send))
		proxy := exec.Command(haproxy, "-db", "-f", l.path("haproxy.cfg"))
		proxy.Stderr = t.Output()
		if err := proxy.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { proxy.Process.Kill(); proxy.Wait() })
		listens(t, front)
		_, ids := l.start([]string{"--url", "https://localhost:5986/wsman/SubscriptionManager/WEC", "--connect", front, "--ca", l.path("ca.pem"), "--issue-ca", l.path("ca.pem"),
			"--issue-key", l.path("ca.key"), "--hosts", "3", "--events", "90", "--name", send + "-%d.lab.example"}).wait()
		for id := range ids {
			acked[id] = true
		}
	}
	for _, r := range kafkatest.ReadAll(t, broker, "wef.lab") {
		// HAProxy comes from 127.0.0.8, the hosts came to it from 127.0.0.1.
		client := header(r, "wef.client")
		if addr := header(r, "wef.remote_addr"); !strings.HasPrefix(client, "send-proxy") || addr != "127.0.0.1" {
			t.Fatalf("%s from %s", client, addr)
		}
		delete(acked, header(r, "wef.id"))
	}
	if len(acked) > 0 {
		t.Errorf("%d acknowledged events are missing", len(acked))
	}

	// Straight at the listener: no header, half a header, a header that lies about its length, and one from elsewhere.
	for name, bytes := range map[string]string{
		"TLS without a header": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"rubbish":              "GET / HTTP/1.1\r\n\r\n",
		"a broken header":      "PROXY TCP4 1.2.3.4\r\n",
		"an endless header":    "PROXY TCP4 " + strings.Repeat("1", 4096),
		"a lie about length":   "\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff" + strings.Repeat("\x00", 64),
	} {
		balancer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 8)}}
		conn, err := balancer.Dial("tcp", l.address)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(15 * time.Second))
		io.WriteString(conn, bytes)
		if n, err := conn.Read(make([]byte, 1)); err == nil || n > 0 {
			t.Errorf("%s: answered", name)
		} else if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			t.Errorf("%s: still open after 15 s", name)
		}
		conn.Close()
	}
	elsewhere := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
	conn, err := elsewhere.Dial("tcp", l.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(15 * time.Second))
	io.WriteString(conn, "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n")
	if n, err := conn.Read(make([]byte, 1)); err == nil || n > 0 {
		t.Error("a balancer that is none is let in")
	}
}

// listens waits until somebody does.
func listens(t *testing.T, addr string) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("nobody listens on %s", addr)
		}
	}
}
