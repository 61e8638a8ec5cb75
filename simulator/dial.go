package simulator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"syscall"
	"time"
)

var (
	errRemote    = errors.New("it is not on this machine; allow remote collectors to load one")
	errHandshake = errors.New("TLS handshake")
)

// reachable says whether an address is one that this fleet may deliver to.
func (r *run) reachable(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return fmt.Errorf("simulator: %q is no URL such as https://wec01.corp.example:5986/wsman/SubscriptionManager/WEC", address)
	}
	if want := r.scheme(); u.Scheme != want {
		return fmt.Errorf("simulator: %s: only %s", address, want)
	}
	host, _, err := net.SplitHostPort(r.target(u))
	if err != nil {
		return fmt.Errorf("simulator: %s: %w", address, err)
	}
	if r.AllowRemote {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if !ip.Unmap().IsLoopback() {
			return fmt.Errorf("simulator: %s: %w", address, errRemote)
		}
		return nil
	}
	if host == "localhost" {
		return nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	for _, ip := range ips {
		if !ip.Unmap().IsLoopback() {
			return fmt.Errorf("simulator: %s is %s: %w", host, ip, errRemote)
		}
	}
	return nil
}

// scheme is that of all URLs: with Kerberos messages are sealed, and HTTP is plain.
func (r *run) scheme() string {
	if r.Keytab != "" {
		return "http"
	}
	return "https"
}

// target is the address to dial for a URL.
func (r *run) target(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	if r.Connect == "" {
		return net.JoinHostPort(u.Hostname(), port)
	}
	if _, _, err := net.SplitHostPort(r.Connect); err == nil {
		return r.Connect
	}
	return net.JoinHostPort(r.Connect, port)
}

// dial connects to the collector, and with TLS shakes hands. Only a few hosts do so at a time.
func (m *machine) dial(ctx context.Context, address string) (net.Conn, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	select {
	case m.door <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	leave := sync.OnceFunc(func() { <-m.door })
	dial := m.Dial
	if dial == nil {
		dial = (&net.Dialer{ControlContext: m.control}).DialContext
	}
	raw, err := dial(ctx, "tcp", m.target(u))
	if err != nil {
		leave()
		return nil, err
	}
	if m.tls == nil {
		return &stranger{raw, leave}, nil
	}
	config := m.tls.Clone()
	config.ServerName = u.Hostname()
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		leave()
		_ = raw.Close()
		return nil, fmt.Errorf("%w: %w", errHandshake, err)
	}
	return &newcomer{conn, leave}, nil
}

// control has the last word: between our looking up a name and dialling it, it may have come to mean something else.
func (r *run) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !r.AllowRemote && !at.Addr().Unmap().IsLoopback() {
		return fmt.Errorf("%s: %w", address, errRemote)
	}
	return nil
}

// newcomer is a connection that has not said who it is: in TLS 1.3 the collector knows only with the first request.
type newcomer struct {
	*tls.Conn
	leave func()
}

func (c *newcomer) Write(b []byte) (int, error) {
	defer c.leave()
	return c.Conn.Write(b)
}

// Close says goodbye, but does not wait for a collector that does not read it.
func (c *newcomer) Close() error {
	c.leave()
	patience := time.AfterFunc(100*time.Millisecond, func() { _ = c.NetConn().Close() })
	defer patience.Stop()
	return c.Conn.Close()
}

// stranger is a connection on which nobody has proven anything before the collector has answered.
type stranger struct {
	net.Conn
	leave func()
}

func (c *stranger) Read(b []byte) (int, error) {
	defer c.leave()
	return c.Conn.Read(b)
}

func (c *stranger) Close() error {
	c.leave()
	return c.Conn.Close()
}
