package wsman_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/wefka/wefka/wsman"
)

// ticket is an Authenticator that believes what it is told, to prove what the server makes of one: the token "Ticket NAME" is accepted,
// any other is not; "Legs N NAME" takes N more legs, each with the token "Leg". Sessions seal by XOR, and expire when told to.
type ticket struct{}

// leg is a proof half made.
type leg struct {
	more int
	name string
}

func (l leg) Authenticate(w http.ResponseWriter, r *http.Request) (wsman.Session, error) {
	if r.Header.Get("Authorization") != "Leg" {
		return nil, &wsman.AuthError{Method: wsman.Negotiate, Reason: "malformed"}
	}
	if l.more > 1 {
		w.Header().Set("WWW-Authenticate", "Leg")
		return nil, &wsman.Continue{Next: leg{l.more - 1, l.name}}
	}
	return &sealed{wsman.Source{Name: l.name, Method: wsman.Negotiate}}, nil
}

func (ticket) Authenticate(w http.ResponseWriter, r *http.Request) (wsman.Session, error) {
	kind, name, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch kind {
	case "Legs":
		n, name, _ := strings.Cut(name, " ")
		more, _ := strconv.Atoi(n)
		w.Header().Set("WWW-Authenticate", "Leg")
		return nil, fmt.Errorf("not yet: %w", &wsman.Continue{Next: leg{more, name}})
	case "Ticket":
		w.Header().Set("WWW-Authenticate", "Ticket accepted")
		return &sealed{wsman.Source{Name: name, Method: wsman.Kerberos}}, nil
	case "":
		w.Header()["Www-Authenticate"] = []string{"Negotiate", "Kerberos"}
		return nil, &wsman.AuthError{Method: wsman.Kerberos}
	}
	w.Header()["Www-Authenticate"] = []string{"Kerberos"}
	return nil, fmt.Errorf("judge token: %w", &wsman.AuthError{Method: wsman.Negotiate, Reason: "ntlm", Err: errors.New("secret")})
}

type sealed struct{ source wsman.Source }

func (s *sealed) Source() wsman.Source { return s.source }

func (s *sealed) Open(contentType string, body []byte) ([]byte, error) {
	switch {
	case !strings.HasPrefix(contentType, "multipart/encrypted"):
		return nil, errors.New("plain text on a sealed connection")
	case string(body) == "expired":
		return nil, fmt.Errorf("open: %w", wsman.ErrUnauthenticated)
	}
	for i := range body {
		body[i] ^= 1
	}
	return body, nil
}

func (s *sealed) Seal(message []byte) (string, []byte, error) {
	for i := range message {
		message[i] ^= 1
	}
	return "multipart/encrypted", message, nil
}

func startSealed(t *testing.T, change ...func(*wsman.Server)) (*collector, func() *peer) {
	c := start(t, append(change, func(s *wsman.Server) { s.TLS, s.Auth, s.Name = nil, ticket{}, "kerberos" })...)
	return c, func() *peer {
		conn, err := net.Dial("tcp", c.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return newPeer(t, conn)
	}
}

func xor(text string) string {
	b := []byte(text)
	for i := range b {
		b[i] ^= 1
	}
	return string(b)
}

// TestSession is the seam for sealed connections: one proof a connection, sealed messages, expiry, another proof.
func TestSealedSession(t *testing.T) {
	c, dial := startSealed(t)
	send := func(p *peer, auth, body string) answer {
		t.Helper()
		if auth != "" {
			auth = "Authorization: " + auth + "\r\n"
		}
		kind := soapType
		if body != "" {
			kind = `multipart/encrypted;protocol="x";boundary="Encrypted Boundary"`
		}
		p.write(strings.Replace(post(notifyPath, auth, []byte(body)), soapType, kind, 1))
		return p.read()
	}
	is := func(a answer, status int, head string) {
		t.Helper()
		if a.status != status || a.head != head {
			t.Errorf("%d %s\nwant %d %s", a.status, a.head, status, head)
		}
	}
	heartbeat := xor(message(t, "heartbeat"))
	const offer, accepted = "Content-Length: 0|Www-Authenticate: Negotiate|Www-Authenticate: Kerberos", "Content-Length: 0|Www-Authenticate: Ticket accepted"

	p := dial()
	is(send(p, "", ""), 401, offer)                     // requirement 16
	is(send(p, "", heartbeat), 401, offer)              // nobody is given memory before
	is(send(p, "Ticket PC-1$@CORP", ""), 200, accepted) // requirement 17
	a := send(p, "", heartbeat)
	if text, mark := fromUTF16([]byte(xor(string(a.body)))); a.status != 200 || !mark || !strings.Contains(text, "/wsman/Ack<") || !strings.HasSuffix(a.head, "Content-Type: multipart/encrypted") {
		t.Errorf("%d %s %q", a.status, a.head, a.body)
	}
	if got := c.handler.seen(); got != "Heartbeat PC-1$@CORP "+subID+" "+subVersion {
		t.Error(got)
	}
	is(send(p, "Ticket pc-1$@corp", ""), 200, accepted) // a fresh proof of the same identity
	is(send(p, "Ticket PC-2$@CORP", ""), 401, "Connection: close|"+accepted)
	if !p.closed() {
		t.Error("still open after another identity")
	}
	p = dial()
	is(send(p, "Ticket PC-1$@CORP", ""), 200, accepted)
	is(send(p, "NTLM x", ""), 401, "Connection: close|Content-Length: 0|Www-Authenticate: Kerberos")

	p = dial()
	is(send(p, "Ticket PC-1$@CORP", ""), 200, accepted)
	is(send(p, "", "expired"), 401, "Connection: close|"+offer) // requirement 38
	if !p.closed() {
		t.Error("still open after expiry")
	}

	p = dial()
	is(send(p, "Ticket PC-1$@CORP", ""), 200, accepted)
	is(p.post(notifyPath, message(t, "heartbeat")), 400, "Connection: close|Content-Length: 0") // requirement 28
	if !p.closed() {
		t.Error("still open after a message that does not open")
	}
	if n := c.metric("auth_failures_total", "auth", "negotiate", "reason", "ntlm"); n != 1 {
		t.Errorf("auth_failures_total = %v", n)
	}
	if n := c.metric("auth_failures_total", "auth", "kerberos", "reason", "user"); n != 1 {
		t.Errorf("auth_failures_total = %v", n)
	}
}

// TestLegs: a proof of several legs belongs to its connection, and begins anew when it is left.
func TestLegs(t *testing.T) {
	c, dial := startSealed(t)
	send := func(p *peer, token string) answer {
		t.Helper()
		if token != "" {
			token = "Authorization: " + token + "\r\n"
		}
		p.write(post("/", token, nil))
		return p.read()
	}
	is := func(a answer, status int, head string) {
		t.Helper()
		if a.status != status || a.head != head {
			t.Errorf("%d %s\nwant %d %s", a.status, a.head, status, head)
		}
	}
	const offer, more, none = "Content-Length: 0|Www-Authenticate: Negotiate|Www-Authenticate: Kerberos", "Content-Length: 0|Www-Authenticate: Leg", "Content-Length: 0"

	p, other := dial(), dial()
	is(send(p, "Legs 3 PC-1$@CORP"), 401, more)
	is(send(other, "Leg"), 401, "Content-Length: 0|Www-Authenticate: Kerberos") // of another connection
	is(send(p, "Leg"), 401, more)
	is(send(p, "Leg"), 401, more)
	is(send(p, "Leg"), 200, none)

	is(send(p, "Legs 2 PC-1$@CORP"), 401, more) // anew, while the first proof holds
	is(send(p, ""), 200, none)
	is(send(p, "Leg"), 401, more)
	is(send(p, "Leg"), 200, none)

	p = dial()
	is(send(p, "Legs 2 PC-1$@CORP"), 401, more)
	is(send(p, ""), 401, offer)                                             // left
	is(send(p, "Leg"), 401, "Content-Length: 0|Www-Authenticate: Kerberos") // and forgotten

	p = dial()
	for range 3 {
		is(send(p, "Legs 9 PC-1$@CORP"), 401, more)
		is(send(p, ""), 401, offer)
	}
	is(send(p, "Legs 9 PC-1$@CORP"), 401, "Connection: close|"+more) // the fourth
	if !p.closed() {
		t.Error("still open")
	}
	if n := c.metric("auth_failures_total", "auth", "negotiate", "reason", "malformed"); n != 1 {
		t.Errorf("auth_failures_total = %v", n)
	}
}

// TestFailedAuthentications: three on a connection, then it is closed; twenty in a second of one address, then 429.
func TestFailedAuthentications(t *testing.T) {
	c, dial := startSealed(t)
	fail := post("/", "Authorization: NTLM x\r\n", nil)
	p := dial()
	for i := range 3 {
		p.write(fail)
		if a := p.read(); a.status != 401 || strings.Contains(a.head, "Connection: close") != (i == 2) {
			t.Errorf("%d: %d %s", i, a.status, a.head)
		}
	}
	if !p.closed() {
		t.Error("still open")
	}
	floods := 0
	for range 100 { // at most one turn of the second lies within
		p := dial()
		p.write(fail)
		if a := p.read(); a.status == 429 {
			if floods++; a.head != "Connection: close|Content-Length: 0" || !p.closed() {
				t.Error(a.head)
			}
		}
	}
	if floods == 0 || floods > 83 {
		t.Errorf("%d of 100 were answered 429", floods)
	}
	if n := c.metric("auth_failures_total", "reason", "limit"); n != float64(floods) {
		t.Errorf("auth_failures_total = %v, want %d", n, floods)
	}
}

// TestKerberosOffer is requirement 55 over HTTP: the policy and the addresses follow the transport.
func TestKerberosOffer(t *testing.T) {
	_, dial := startSealed(t)
	p := dial()
	p.write(strings.Replace(post(serverPath, "Authorization: Ticket PC-1$@CORP\r\n", []byte(xor(message(t, "enumerate")))), soapType, "multipart/encrypted", 1))
	a := p.read() // the proof and the message in one request
	a.text, _ = fromUTF16([]byte(xor(string(a.body))))
	golden(t, "enumerate_kerberos", a, "uuid:"+subVersion)
}
