package certs_test

import (
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/certs"
)

const host = "wec.example"

// bench is a server with its files in a folder, and the authority of its clients.
type bench struct {
	*certs.Server
	dir string
	ca  *certs.Authority
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{dir: dir, ca: authority(t, "issuing"), Server: &certs.Server{Certificate: filepath.Join(dir, "server.pem"), Key: filepath.Join(dir, "server.key"),
		ClientCA: filepath.Join(dir, "cas.pem"), CBC: true}}
	own, err := b.ca.IssueServer([]string{host}, 0)
	if err != nil {
		t.Fatal(err)
	}
	b.serve(t, own)
	b.trust(t, b.ca.Certificate)
	return b
}

func (b *bench) serve(t *testing.T, p *certs.Pair) {
	t.Helper()
	if err := p.Save(b.Certificate, b.Key); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) trust(t *testing.T, cas ...*x509.Certificate) {
	t.Helper()
	write(t, b.ClientCA, pemOf(t, cas...))
}

func (b *bench) load(t *testing.T) {
	t.Helper()
	if err := b.Load(); err != nil {
		t.Fatal(err)
	}
}

// revoke writes a CRL of ca over certificates and makes it the only one.
func (b *bench) revoke(t *testing.T, ca *certs.Authority, revoked ...*x509.Certificate) {
	t.Helper()
	list, err := ca.Revoke(nil, revoked, 0)
	if err != nil {
		t.Fatal(err)
	}
	b.CRL = []string{write(t, filepath.Join(b.dir, "crl.pem"), list)}
}

// source is a Windows host: it presents p whatever the server says it accepts, and does not care whom it talks to.
func source(p *certs.Pair) *tls.Config {
	c := &tls.Config{ServerName: host, InsecureSkipVerify: true}
	if p != nil {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			own := p.TLS()
			return &own, nil
		}
	}
	return c
}

// shake is a handshake over loopback, and one byte back so that a client of TLS 1.3 learns what the server made of it.
func shake(t *testing.T, server, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	type result struct {
		state tls.ConnectionState
		err   error
	}
	done := make(chan result, 1)
	go func() {
		raw, err := listener.Accept()
		if err != nil {
			done <- result{err: err}
			return
		}
		defer raw.Close()
		conn := tls.Server(raw, server)
		if err = conn.Handshake(); err == nil {
			conn.Write([]byte("x"))
		}
		done <- result{conn.ConnectionState(), err}
		io.Copy(io.Discard, raw)
	}()
	raw, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	patience(raw)
	conn := tls.Client(raw, client)
	_, clientErr := conn.Read(make([]byte, 1))
	r := <-done
	if (r.err == nil) != (clientErr == nil) {
		t.Errorf("the server says %v, the client %v", r.err, clientErr)
	}
	return r.state, r.err
}

// patience ends what would otherwise hang when a test fails.
func patience(conns ...net.Conn) {
	for _, c := range conns {
		c.SetDeadline(time.Now().Add(20 * time.Second))
	}
}

func (b *bench) enters(t *testing.T, client *tls.Config) tls.ConnectionState {
	t.Helper()
	state, err := shake(t, b.Config(), client)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	return state
}

func (b *bench) refused(t *testing.T, client *tls.Config, reason string) error {
	t.Helper()
	_, err := shake(t, b.Config(), client)
	if err == nil {
		t.Fatalf("let in, want refused for %s", reason)
	}
	if got := certs.Reason(err); got != reason {
		t.Errorf("reason %q of %v, want %q", got, err, reason)
	}
	return err
}

func TestHandshakeGood(t *testing.T) {
	b := newBench(t)
	b.load(t)
	pc := client(t, b.ca, "pc.example")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c := source(pc)
		c.InsecureSkipVerify, c.RootCAs = false, x509.NewCertPool()
		c.RootCAs.AddCert(b.ca.Certificate)
		c.MinVersion, c.MaxVersion, c.NextProtos = version, version, []string{"h2", "http/1.1"}
		state := b.enters(t, c)
		if state.Version != version || state.NegotiatedProtocol != "http/1.1" {
			t.Errorf("version %x, protocol %q", state.Version, state.NegotiatedProtocol)
		}
		if chain := state.VerifiedChains[0]; !chain[0].Equal(pc.Certificate) || !chain[1].Equal(b.ca.Certificate) {
			t.Error("the chain is not leaf, issuing CA")
		}
	}
}

func TestHandshakeRefused(t *testing.T) {
	b := newBench(t)
	b.load(t)
	twin := authority(t, "issuing") // same name, other key
	server, err := b.ca.IssueServer([]string{"pc.example"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	past := b.ca.Make(leaf("pc.example", func(c *x509.Certificate) { asClient(c); c.NotAfter = time.Now().Add(-time.Minute) }), ecKey(elliptic.P256()))
	future := b.ca.Make(leaf("pc.example", func(c *x509.Certificate) { asClient(c); c.NotBefore = time.Now().Add(time.Minute) }), ecKey(elliptic.P256()))
	sub := b.ca.Below("made by an issuing CA", ecKey(elliptic.P256()))
	below := client(t, sub, "pc.example")
	below.Chain = []*x509.Certificate{sub.Certificate} // path length 0 above it
	for name, row := range map[string]struct {
		pair   *certs.Pair
		reason string
	}{
		"no certificate":           {nil, "no_cert"},
		"unknown CA":               {client(t, authority(t, "other"), "pc.example"), "unknown_ca"},
		"same name, other CA":      {client(t, twin, "pc.example"), "unknown_ca"},
		"CA of the system pool":    {client(t, system, "pc.example"), "unknown_ca"},
		"self-signed":              {selfSigned(t), "unknown_ca"},
		"expired":                  {past, "expired"},
		"not yet valid":            {future, "expired"},
		"server certificate":       {server, "eku"},
		"issued below path length": {below, "unknown_ca"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				c := source(row.pair)
				c.MinVersion, c.MaxVersion = version, version
				b.refused(t, c, row.reason)
			}
		})
	}
	if _, err := client(t, system, "pc.example").Certificate.Verify(x509.VerifyOptions{KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		t.Errorf("the system pool of this test is none: %v", err)
	}
	plain := source(nil)
	plain.MaxVersion = tls.VersionTLS11
	plain.MinVersion = tls.VersionTLS10
	b.refused(t, plain, "protocol")
	h2 := source(client(t, b.ca, "pc.example"))
	h2.NextProtos = []string{"h2"}
	b.refused(t, h2, "protocol")
}

func selfSigned(t *testing.T) *certs.Pair {
	t.Helper()
	key := ecKey(elliptic.P256())
	a := certs.Root("pc.example", key, time.Now().Add(time.Hour))
	return &certs.Pair{Certificate: a.Certificate, Key: key}
}

// Windows sends its leaf alone; the issuing CA in client_ca is enough, and a root alone is not.
func TestLeafOnly(t *testing.T) {
	b := newBench(t)
	root := certs.Root("Corp Root CA", ecKey(elliptic.P384()), time.Now().Add(time.Hour))
	issuing := root.Below("Corp Issuing CA", rsaKey())
	pc := issuing.Make(leaf("pc.example", asClient), rsaKey()) // AD CS: RSA all the way
	b.trust(t, issuing.Certificate)
	b.load(t)
	if chain := b.enters(t, source(pc)).VerifiedChains[0]; len(chain) != 2 || !chain[1].Equal(issuing.Certificate) {
		t.Error("the chain does not end at the issuing CA")
	}
	b.trust(t, root.Certificate)
	b.load(t)
	b.refused(t, source(pc), "unknown_ca")
	b.trust(t, root.Certificate, issuing.Certificate, issuing.Certificate)
	b.load(t)
	b.enters(t, source(pc))
	if facts := b.Facts(); len(facts) != 3 {
		t.Errorf("%d facts, want the server and two CAs", len(facts))
	}
}

// Server 2012 R2 has no ECDHE-RSA with GCM.
func TestCBC(t *testing.T) {
	b := newBench(t)
	b.serve(t, b.ca.Make(leaf(host, nil), rsaKey()))
	b.load(t)
	old := source(client(t, b.ca, "pc.example"))
	old.MaxVersion = tls.VersionTLS12
	for _, suite := range []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA} {
		old.CipherSuites = []uint16{suite}
		if state := b.enters(t, old); state.CipherSuite != suite {
			t.Errorf("suite %s", tls.CipherSuiteName(state.CipherSuite))
		}
	}
	old.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	if state := b.enters(t, old); state.CipherSuite != tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 {
		t.Errorf("suite %s although both can do better", tls.CipherSuiteName(state.CipherSuite))
	}
	old.CipherSuites = old.CipherSuites[:1]
	b.CBC = false
	b.load(t)
	b.refused(t, old, "protocol")
	b.CBC, b.MinVersion = true, "1.3"
	b.load(t)
	b.refused(t, old, "protocol")
	b.MinVersion = "1.1"
	wantError(t, b.Load(), `"1.1"`, "1.2 or 1.3")
}

func TestReload(t *testing.T) {
	b := newBench(t)
	pc := client(t, b.ca, "pc.example")
	wantError(t, firstError(shake(t, b.Config(), source(pc))), "not loaded")
	b.load(t)
	config := b.Config()

	// A connection that stays.
	mine, theirs := net.Pipe()
	server, conn := tls.Server(theirs, config), tls.Client(mine, source(pc))
	patience(mine, theirs)
	go func() {
		io.Copy(server, server)
		theirs.Close()
	}()
	defer conn.Close()
	echo := func(say string) {
		t.Helper()
		if _, err := io.WriteString(conn, say); err != nil {
			t.Fatal(err)
		}
		heard := make([]byte, len(say))
		if _, err := io.ReadFull(conn, heard); err != nil || string(heard) != say {
			t.Fatalf("heard %q, %v", heard, err)
		}
	}
	echo("before")

	ticket := source(pc)
	ticket.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	if _, err := shake(t, config, ticket); err != nil {
		t.Fatal(err)
	}

	// Nonsense on disk changes nothing.
	old := b.Facts()[0].Thumbprint
	next := authority(t, "next")
	own, err := next.IssueServer([]string{host}, 0)
	if err != nil {
		t.Fatal(err)
	}
	cert, key, _ := own.PEM()
	write(t, b.Key, key)
	wantError(t, b.Load(), "does not belong to")
	if b.Facts()[0].Thumbprint != old {
		t.Error("a failed Load changed something")
	}
	if _, err := shake(t, config, source(pc)); err != nil {
		t.Errorf("after a failed Load: %v", err)
	}

	// New certificate, new CA: for the next handshakes, also those with a ticket.
	write(t, b.Certificate, cert)
	b.trust(t, next.Certificate)
	b.load(t)
	echo("after")
	c := source(client(t, next, "pc.example"))
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		if !cs.PeerCertificates[0].Equal(own.Certificate) {
			t.Error("the old certificate is still served")
		}
		return nil
	}
	if _, err := shake(t, config, c); err != nil {
		t.Error(err)
	}
	for _, old := range []*tls.Config{source(pc), ticket} {
		if _, err := shake(t, config, old); certs.Reason(err) != "unknown_ca" {
			t.Errorf("client of the CA that was taken out: %v", err)
		}
	}
	if f := b.Facts(); f[0].Thumbprint != certs.Thumbprint(own.Certificate) || f[1].Role != "ca" || f[1].Name != "next" || f[1].Thumbprint != certs.Thumbprint(next.Certificate) {
		t.Errorf("facts %v", f)
	}
}

func firstError(_ tls.ConnectionState, err error) error { return err }

// A ticket taken before a reload still saves the handshake after it.
func TestTicketsOutliveReload(t *testing.T) {
	b := newBench(t)
	b.load(t)
	config, c := b.Config(), source(client(t, b.ca, "pc.example"))
	c.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for _, resumed := range []bool{false, true} {
		if state, err := shake(t, config, c); err != nil || state.DidResume != resumed {
			t.Errorf("%v, resumed %v, want %v", err, state.DidResume, resumed)
		}
		b.load(t)
	}
}

func TestForeignClient(t *testing.T) {
	b := newBench(t)
	b.serve(t, b.ca.Make(leaf(host, nil), rsaKey()))
	b.load(t)
	cert, key := filepath.Join(b.dir, "pc.pem"), filepath.Join(b.dir, "pc.key")
	if err := client(t, b.ca, "pc.example").Save(cert, key); err != nil {
		t.Fatal(err)
	}
	for _, flags := range [][]string{{"-tls1_3"}, {"-tls1_2"}, {"-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA"}, {"-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA"}} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			conn, err := listener.Accept()
			if err == nil {
				err = tls.Server(conn, b.Config()).Handshake()
				conn.Close()
			}
			done <- err
		}()
		args := []string{"s_client", "-connect", listener.Addr().String(), "-servername", host, "-cert", cert, "-key", key, "-CAfile", b.ClientCA, "-verify_return_error", "-verify_hostname", host, "-brief"}
		out, _ := openssl(t, append(args, flags...)...) // its exit code is about the abrupt end
		listener.Close()
		if err := <-done; err != nil {
			t.Errorf("%v: %v\n%s", flags, err, out)
		}
		if !strings.Contains(out, "Verification: OK") {
			t.Errorf("%v: %s", flags, out)
		}
	}
}
