package wsman_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/wsman"
)

// TestClientCertificate is requirements 40 and 41, and the metric that says why one stays outside.
func TestClientCertificate(t *testing.T) {
	reasons := func(s *wsman.Server) {
		s.HandshakeReason = func(err error) string {
			var unknown x509.UnknownAuthorityError
			var invalid x509.CertificateInvalidError
			switch {
			case errors.As(err, &unknown):
				return "unknown_ca"
			case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
				return "expired"
			case errors.As(err, &invalid):
				return "eku"
			}
			return "no_cert"
		}
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} { // requirement 42
		c := start(t, reasons)
		stranger := newAuthority(t, "Issuing CA", nil) // the same name: only the signature tells
		for reason, cert := range map[string]*tls.Certificate{
			"":           &c.client,
			"no_cert":    {},
			"unknown_ca": ptr(stranger.issue(t, dnsName("a"))),
			"expired":    ptr(c.ca.issue(t, func(x *x509.Certificate) { x.NotAfter = time.Now().Add(-time.Minute) })),
			"eku":        ptr(c.ca.issue(t, func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })),
		} {
			config := c.config()
			config.MinVersion, config.MaxVersion = version, version
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
			status, err := try(c, config, message(t, "heartbeat"))
			if reason == "" {
				if err != nil || status != 200 {
					t.Errorf("%s: %d, %v", tls.VersionName(version), status, err)
				}
				continue
			}
			if err == nil {
				t.Errorf("%s: %s got in: %d", tls.VersionName(version), reason, status)
			}
			eventually(t, reason, func() bool { return c.metric("tls_handshake_failures_total", "reason", reason) == 1 })
		}
	}
}

func ptr[T any](v T) *T { return &v }

// try is one connection and one request.
func try(c *collector, config *tls.Config, text string) (int, error) {
	conn, err := tls.Dial("tcp", c.addr, config)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	p := newPeer(c.t, conn)
	if _, err := conn.Write([]byte(post(notifyPath, "", toUTF16(text)))); err != nil {
		return 0, err
	}
	a, err := p.tryRead()
	return a.status, err
}

// TestIssuers is requirements 41 and 44: two CAs of one name, leaves without intermediates, and each source is told the thumbprint of
// its own.
func TestIssuers(t *testing.T) {
	var sources []wsman.Source
	root := newAuthority(t, "Root", nil)
	one, two := newAuthority(t, "Twin", root), newAuthority(t, "Twin", root)
	c := start(t, func(s *wsman.Server) {
		s.TLS.ClientCAs.AddCert(one.cert)
		s.TLS.ClientCAs.AddCert(two.cert)
	})
	c.handler.onEnumerate = func(_ context.Context, from wsman.Source, _ *wsman.Enumerate) ([]wsman.Subscribe, error) {
		sources = append(sources, from)
		return []wsman.Subscribe{subscription()}, nil
	}
	for _, ca := range []*authority{one, two} {
		c.client = ca.issue(t, dnsName("a.example"))
		a := c.dial().post(serverPath, message(t, "enumerate"))
		want := `<auth:Authentication Profile="http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"><auth:ClientCertificate><auth:Thumbprint Role="issuer">` +
			ca.thumbprint() + `</auth:Thumbprint>`
		if !strings.Contains(a.text, want) || !strings.Contains(a.text, `xmlns:auth="http://schemas.microsoft.com/wbem/wsman/1/authentication"`) {
			t.Errorf("no %s in\n%s", want, a.text)
		}
		from := sources[len(sources)-1]
		if from.Issuer != ca.thumbprint() || from.Method != wsman.TLS || from.Leaf == nil || !from.Leaf.Equal(c.client.Leaf) || !from.Addr.Addr().IsLoopback() {
			t.Errorf("%+v", from)
		}
	}
}

// TestIdentity is requirement 43: the leaf decides, by the rule that the operator chose.
func TestIdentity(t *testing.T) {
	sans := func(names ...string) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.DNSNames = names
			c.Subject = pkix.Name{CommonName: "CN-1.corp.example", Organization: []string{"Corp"}}
		}
	}
	twoCNs := func(c *x509.Certificate) {
		c.Subject = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: []int{2, 5, 4, 3}, Value: "Computers"}, {Type: []int{2, 5, 4, 3}, Value: "PC-7"}}}
	}
	for _, x := range []struct {
		name   string
		rule   wsman.Identity
		leaf   func(*x509.Certificate)
		source string // "" = refused
	}{
		{"auto, one SAN", "", sans("PC-1.Corp.Example"), "pc-1.corp.example"},
		{"auto, no subject", wsman.Auto, dnsName("pc-2"), "pc-2"},
		{"auto, two SANs", wsman.Auto, sans("a", "b"), "cn-1.corp.example"},
		{"auto, no SAN", wsman.Auto, sans(), "cn-1.corp.example"},
		{"auto, two CNs", wsman.Auto, twoCNs, "pc-7"},
		{"auto, nothing", wsman.Auto, sansOnly("a", "b"), ""},
		{"san, one", wsman.SAN, sans("pc-1"), "pc-1"},
		{"san, two", wsman.SAN, sans("a", "b"), ""},
		{"san, none", wsman.SAN, sans(), ""},
		{"cn", wsman.CommonName, sans("pc-1"), "cn-1.corp.example"},
		{"cn, none", wsman.CommonName, dnsName("pc-1"), ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := start(t, func(s *wsman.Server) { s.Auth = wsman.Certificates{Identity: x.rule} })
			c.client = c.ca.issue(t, x.leaf)
			a := c.dial().post(notifyPath, strings.Replace(message(t, "heartbeat"), "pc-1.corp.example", "liar.example", 1))
			if x.source == "" {
				if a.status != 403 || c.handler.seen() != "" || len(a.body) > 0 {
					t.Errorf("%d %q", a.status, c.handler.seen())
				}
				eventually(t, "refusal", func() bool { return strings.Contains(c.log.String(), "reason=identity") })
				return
			}
			if want := "Heartbeat " + x.source + " " + subID + " " + subVersion; a.status != 200 || c.handler.seen() != want {
				t.Errorf("%d %q, want %q", a.status, c.handler.seen(), want)
			}
		})
	}
}

func sansOnly(names ...string) func(*x509.Certificate) { return dnsName(names...) }

// TestTrustedLeaf: a client certificate that sits in the pool of CAs has no issuer to name.
func TestTrustedLeaf(t *testing.T) {
	var leaf tls.Certificate
	c := start(t, func(s *wsman.Server) {
		leaf = newAuthority(t, "x", nil).issue(t, dnsName("a"))
		s.TLS.ClientCAs.AddCert(leaf.Leaf)
	})
	config := c.config()
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &leaf, nil }
	if a := c.dialWith(config).post(notifyPath, message(t, "heartbeat")); a.status != 403 {
		t.Error(a.status)
	}
}

// TestBrokenHandshake is requirement 45: a peer that leaves in the handshake is worth a debug line, and no count.
func TestBrokenHandshake(t *testing.T) {
	c := start(t)
	for _, say := range []string{"", "\x16\x03\x01"} {
		conn, err := net.Dial("tcp", c.addr)
		if err != nil {
			t.Fatal(err)
		}
		if say != "" {
			_, _ = conn.Write([]byte(say))
		}
		conn.Close()
	}
	eventually(t, "two lines", func() bool { return strings.Count(c.log.String(), "tls handshake broken off") == 2 })
	if strings.Contains(c.log.String(), "level=WARN") || c.metric("tls_handshake_failures_total") != 0 {
		t.Error(c.log)
	}
	eventually(t, "no connection left", func() bool { return c.metric("connections", "auth", "none") == 0 })
	// Another protocol is an error worth knowing.
	conn, err := net.Dial("tcp", c.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = conn.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
	eventually(t, "count", func() bool { return c.metric("tls_handshake_failures_total", "reason", "protocol") == 1 })
}

// TestConnections: the gauge follows a connection from unproven to proven to closed.
func TestConnections(t *testing.T) {
	c := start(t)
	p := c.dial()
	eventually(t, "unproven", func() bool { return c.metric("connections", "auth", "none") == 1 })
	p.post(notifyPath, message(t, "heartbeat"))
	p.post(notifyPath, message(t, "heartbeat"))
	if c.metric("connections", "auth", "tls") != 1 || c.metric("connections_total", "auth", "tls") != 1 || c.metric("connections", "auth", "none") != 0 {
		t.Error("not counted as proven")
	}
	p.conn.Close()
	eventually(t, "closed", func() bool { return c.metric("connections", "auth", "tls") == 0 })
}

// TestResumption: a session ticket brings the identity back, and the issuer.
func TestResumption(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		var from []wsman.Source
		c := start(t)
		c.handler.onHeartbeat = func(_ context.Context, s wsman.Source, _ *wsman.Heartbeat) error { from = append(from, s); return nil }
		config := c.config()
		config.MaxVersion, config.ClientSessionCache = version, tls.NewLRUClientSessionCache(1)
		for i := range 2 {
			p := c.dialWith(config)
			if a := p.post(notifyPath, message(t, "heartbeat")); a.status != 200 {
				t.Fatal(a.status)
			}
			if p.conn.(*tls.Conn).ConnectionState().DidResume != (i == 1) {
				t.Errorf("%s, connection %d: resumed is %v", tls.VersionName(version), i, i == 0)
			}
			p.conn.Close()
		}
		if from[1].Name != from[0].Name || from[1].Issuer != c.ca.thumbprint() {
			t.Errorf("%+v", from[1])
		}
	}
}
