package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wefka/wefka/certs"
	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

// site is a collector with listeners of many kinds, and the hosts that come to it, each from a loopback address of its own.
type site struct {
	*lab
	t         *testing.T
	addresses map[string]string // of listeners
	authority *certs.Authority
	accounts  map[string]*kerberos.Account
	last      atomic.Int32
}

// address gives a host of its own.
func (s *site) address() string { return fmt.Sprintf("127.0.1.%d", s.last.Add(1)) }

func (s *site) dial(from, listener string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}
	return d.Dial("tcp", s.addresses[listener])
}

func (s *site) url(listener string) string {
	scheme := "https"
	if strings.HasPrefix(listener, "krb") {
		scheme = "http"
	}
	return scheme + "://localhost:" + port(s.addresses[listener]) + wsman.EnumeratePath
}

// pair is a client certificate that the site's authority issued.
func (s *site) pair(name string, days int) tls.Certificate {
	s.t.Helper()
	p, err := s.authority.IssueClient(name, days)
	if err != nil {
		s.t.Fatal(err)
	}
	return p.TLS()
}

// forged is a certificate of the site's authority that its own issuing would never make.
func (s *site) forged(change func(*x509.Certificate)) tls.Certificate {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	change(template)
	if template.Subject.CommonName == "" && len(template.DNSNames) == 0 {
		template.Subject = pkix.Name{Organization: []string{"nobody"}}
	}
	signer, err := tls.LoadX509KeyPair(s.path("ca.pem"), s.path("ca.key"))
	if err != nil {
		s.t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, s.authority.Certificate, key.Public(), signer.PrivateKey)
	if err != nil {
		s.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (s *site) tls(certificates ...tls.Certificate) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(s.authority.Certificate)
	config := &tls.Config{RootCAs: pool, ServerName: "localhost"}
	if len(certificates) > 0 { // whatever CAs the collector names
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificates[0], nil }
	}
	return config
}

// shake opens a TLS connection and asks something, whatever comes of it.
func (s *site) shake(from, listener string, config *tls.Config) {
	s.t.Helper()
	raw, err := s.dial(from, listener)
	if err != nil {
		s.t.Fatal(err)
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(5 * time.Second))
	conn := tls.Client(raw, config)
	if conn.Handshake() == nil { // in TLS 1.3 a refusal comes later
		io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		io.Copy(io.Discard, conn)
	}
}

// raw sends a request as it is, with the host's certificate or over plain HTTP, and reads the answer's status.
func (s *site) raw(from, listener, name, request string) int {
	s.t.Helper()
	conn, err := s.dial(from, listener)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	if name != "" {
		conn = tls.Client(conn, s.tls(s.pair(name, 30)))
	}
	io.WriteString(conn, request)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// host is a Windows host, by its certificate.
func (s *site) host(name, listener string) *wsman.Client {
	s.t.Helper()
	return s.with(name, listener, s.pair(name, 200))
}

func (s *site) with(name, listener string, certificate tls.Certificate) *wsman.Client {
	from, config := s.address(), s.tls(certificate)
	return &wsman.Client{Machine: name, Dial: func(ctx context.Context) (net.Conn, error) {
		conn, err := s.dial(from, listener)
		if err != nil {
			return nil, err
		}
		secured := tls.Client(conn, config)
		return secured, secured.HandshakeContext(ctx)
	}}
}

// member is a host of the domain; initiator nil: as Windows is.
func (s *site) member(from, account, listener, spn string, initiator wsman.Initiator) *wsman.Client {
	if initiator == nil {
		initiator = s.initiator(account, spn, kerberos.Quirks{})
	}
	return &wsman.Client{Machine: account, Initiator: initiator, Dial: func(context.Context) (net.Conn, error) { return s.dial(from, listener) }}
}

func (s *site) initiator(account, spn string, quirks kerberos.Quirks) *kerberos.Initiator {
	return &kerberos.Initiator{Tickets: s.accounts[account].Ticket, SPN: spn, Scheme: wsman.Kerberos, Quirks: quirks}
}

// enumerate wants the offer of a subscription.
func (s *site) enumerate(c *wsman.Client, listener string) *wsman.Offer {
	s.t.Helper()
	list, err := c.Enumerate(context.Background(), s.url(listener))
	if err != nil {
		s.t.Fatal(err)
	}
	if len(list.Offers) != 1 {
		s.t.Fatalf("%s was offered %d subscriptions", c.Machine, len(list.Offers))
	}
	return &list.Offers[0]
}

// deliver is a host that enumerates and delivers events as they are given.
func (s *site) deliver(name string, bookmark string, entries ...string) *wsman.Client {
	s.t.Helper()
	c := s.host(name, "tls")
	s.more(c, s.enumerate(c, "tls"), bookmark, entries...)
	return c
}

func (s *site) more(c *wsman.Client, o *wsman.Offer, bookmark string, entries ...string) {
	s.t.Helper()
	err := c.Events(context.Background(), o, []byte(bookmark), func(t []byte) []byte {
		for _, e := range entries {
			if strings.HasPrefix(e, "<w:") {
				t = append(t, e...)
			} else {
				t = wsman.AppendEvent(t, []byte(e))
			}
		}
		return t
	})
	if err != nil {
		s.t.Logf("%s: %v", name(c), err)
	}
}

func name(c *wsman.Client) string { return c.Machine }

// sysmon is an event, of Sysmon's channel when nothing else is said.
func sysmonEvent(computer string, record int, at time.Time) string {
	return eventOf("Microsoft-Windows-Sysmon", "Microsoft-Windows-Sysmon/Operational", "1", computer, record, at, "")
}

func eventOf(provider, channel, id, computer string, record int, at time.Time, data string) string {
	return fmt.Sprintf(`<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='%s'/><EventID>%s</EventID><TimeCreated SystemTime='%s'/>`+
		`<EventRecordID>%d</EventRecordID><Channel>%s</Channel><Computer>%s</Computer></System>%s</Event>`, provider, id, at.UTC().Format(time.RFC3339Nano), record, channel, computer, data)
}

// explain asks the running server.
func (s *site) explain(of string) explainAnswer {
	s.t.Helper()
	_, body := s.get("/api/v1/hosts/" + url.PathEscape(of) + "/explain")
	var e explainAnswer
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		s.t.Fatalf("%v: %s", err, body)
	}
	return e
}

// finds waits until explain names a cause: a visit is noted after its answer.
func (s *site) finds(of, cause string) (explainAnswer, *causeAnswer) {
	s.t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		e := s.explain(of)
		for i := range e.Causes {
			if e.Causes[i].Reason == cause {
				return e, &e.Causes[i]
			}
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return e, nil
		}
	}
}
