package kerberos_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Azure/go-ntlmssp"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
	"github.com/wefka/wefka/wsman/sldc"
)

// The numbers are those of the conformance checklist that wsman's tests use. Numbers 33 to 35 and 39 are about sealed bodies alone, and
// are tested where those are.

const me = "WIN10$@" + homeRealm

// Requirement 16: without valid authentication 401, and two header lines.
func TestRequirement16(t *testing.T) {
	c := collect(t, nil)
	sealed := mint(t, c.tab)
	for name, ask := range map[string]func(*machine) answer{
		"nothing":             func(m *machine) answer { return m.post("", soap16, "", nil) },
		"a message in clear":  func(m *machine) answer { return m.post("", soap16, "", message(t, "heartbeat")) },
		"a sealed message":    func(m *machine) answer { return m.post("", kerberosType, "", []byte("--Encrypted Boundary\r\n")) },
		"another scheme":      func(m *machine) answer { return m.post("Basic dXNlcjpwYXNz", soap16, "", nil) },
		"no token":            func(m *machine) answer { return m.post("Kerberos", soap16, "", nil) },
		"no token, Negotiate": func(m *machine) answer { return m.post("Negotiate", soap16, "", nil) },
		"no base64":           func(m *machine) answer { return m.post("Kerberos !!!!", soap16, "", nil) },
		"no GSS token":        func(m *machine) answer { return m.try("Kerberos", []byte("hello")) },
		"a raw AP-REQ":        func(m *machine) answer { return m.try("Kerberos", sealed.token[17:]) },
		"too large a token":   func(m *machine) answer { return m.try("Kerberos", make([]byte, 65536)) },
		"another scheme's":    func(m *machine) answer { return m.try("Negotiate", sealed.token) },
	} {
		m := c.dial()
		if a := ask(m); a.String() != "401 Negotiate Kerberos" || len(a.body) != 0 {
			t.Errorf("%s: %s %q", name, a, a.body)
		}
		m.prove().works(me) // it may do better
	}
	if got := c.metric("auth_failures_total"); got != 8 { // nothing and messages are no failures
		t.Errorf("%v failures", got)
	}
	if got := c.metric("auth_failures_total", "reason", "limit"); got != 1 {
		t.Errorf("%v too large", got)
	}
}

// Requirement 17: Kerberos AP-REQ, 200 with AP-REP, empty body; whatever the path, type and coding say.
func TestRequirement17(t *testing.T) {
	c := collect(t, nil)
	for _, x := range []struct{ scheme, kind, more string }{
		{"Kerberos", soap16, ""}, {"kerberos", soap16, "Content-Encoding: SLDC\r\n"}, {"KERBEROS", "text/plain", ""},
	} {
		m := c.dial()
		request := mint(t, c.tab)
		a := m.post(x.scheme+"  "+base64.StdEncoding.EncodeToString(request.token), x.kind, x.more, nil)
		if a.String() != "200 Kerberos+" || len(a.body) != 0 {
			t.Fatalf("%s %q", a, a.body)
		}
		m.context = request.context(t, request.answered(t, a.token(t, "Kerberos")), wsman.Kerberos)
		m.works(me)
		m.works(me)
		if from := c.handler.last(); from.Method != wsman.Kerberos || from.Addr.String() != m.conn.LocalAddr().String() || from.Groups != nil {
			t.Errorf("%+v", from)
		}
		if a := m.post("", soap16, "", nil); a.String() != "200" {
			t.Errorf("empty request of a proven connection: %s", a)
		}
	}
	if n := c.metric("kerberos_contexts_total", "listener", "kerberos", "auth", "kerberos", "realm", homeRealm, "etype", "aes256-cts-hmac-sha1-96"); n != 3 {
		t.Errorf("kerberos_contexts_total = %v", n)
	}
	if n := c.metric("kerberos_replay_cache_entries", "listener", "kerberos"); n != 3 {
		t.Errorf("kerberos_replay_cache_entries = %v", n)
	}
}

// The proof and a first message in one request: Windows does not do it, but nothing forbids it.
func TestMessageWithProof(t *testing.T) {
	c := collect(t, nil)
	m := c.dial()
	// Without mutual authentication done, only a body that is not sealed can be there.
	a := m.post("Kerberos "+base64.StdEncoding.EncodeToString(mint(t, c.tab).token), soap16, "", message(t, "heartbeat"))
	if a.String() != "400 Kerberos+ close" {
		t.Error(a)
	}
	if c.handler.last().Name != "" {
		t.Error("a message in clear was delivered")
	}
}

// Requirement 19: NTLM is refused in every shape, and the offer is Kerberos only.
func TestRequirement19(t *testing.T) {
	genuine, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		t.Fatal(err)
	}
	c := collect(t, nil)
	for i, x := range []struct {
		scheme string
		token  []byte
	}{
		{"Negotiate", genuine},
		{"negotiate", genuine},
		{"NTLM", genuine},
		{"Kerberos", genuine},
		{"Negotiate", negTokenInit([]string{oidNTLM}, genuine)},
		{"Negotiate", negTokenInit([]string{oidNegoEx, oidNTLM}, nil)},
		{"Negotiate", negTokenInit([]string{oidKRB5, oidNTLM}, genuine)},
		{"Negotiate", framedAs(oidSPNEGO, der(0xa0, der(0x30, der(0xa0, der(0x30, []byte(oidNTLM))))))},
	} {
		m := c.dial()
		if a := m.try(x.scheme, x.token); a.String() != "401 Kerberos" {
			t.Errorf("%d: %s", i, a)
		}
		m.prove().works(me)
	}
	if n := c.metric("auth_failures_total", "reason", "ntlm"); n != 8 {
		t.Errorf("auth_failures_total = %v", n)
	}
	if log := c.log.String(); strings.Count(log, "reason=ntlm") != 1 { // once a minute and peer
		t.Error(log)
	} else {
		for _, word := range []string{"TrustedHosts", "SPN", "clock", "client offered NTLM", "remote_addr=127.0.0.1:"} {
			if !strings.Contains(log, word) {
				t.Errorf("log without %q", word)
			}
		}
	}
}

// Requirement 20: any name in any case, opened by any key of the keytab.
func TestRequirement20(t *testing.T) {
	c := collect(t, newKeytab(t, entry{"wec-svc", homeRealm, "one", 2, 18}, entry{"HOST/other.example.test", homeRealm, "two", 2, 18}))
	for _, name := range []string{"HTTP/wec.example.test", "host/wec.example.test", "HOST/WEC.EXAMPLE.TEST", "http/Wec", "WSMAN/wec", "wec-svc", "HTTP/wec.example.test/x"} {
		for i := range c.tab.Entries {
			c.dial().prove(func(w *wishes) { w.sname, w.key = name, c.tab.Entries[i].Key }).works(me)
		}
	}
}

// Requirement 21: by etype and kvno, and then all keys of that etype. Version 0 fits all; only the low byte counts.
func TestRequirement21(t *testing.T) {
	entries := []entry{aes(1), aes(2), {service, homeRealm, "new", 3, 18}, {service, homeRealm, "secret", 3, 17}, {service, homeRealm, "secret", 3, 19}, {service, homeRealm, "secret", 3, 20}}
	c := collect(t, newKeytab(t, entries...))
	for i, e := range c.tab.Entries {
		for _, kvno := range []int{0, 1, 2, 3, 7, 259, 70003&^0xff | 3} {
			c.dial().prove(func(w *wishes) { w.key, w.kvno = e.Key, kvno }).works(me)
		}
		_ = i
	}
}

// Requirement 22: the log says etype, kvno and name when no key fits, and each case in its own words. See TestRefusals for the others.
func TestRequirement22(t *testing.T) {
	c := collect(t, nil)
	c.dial().try("Kerberos", mint(t, c.tab, func(w *wishes) { w.key, w.kvno = randomKey(18), 4 }).token)
	log := c.log.String()
	for _, word := range []string{"sname=" + service, "realm=" + homeRealm, "ticket_etype=aes256-cts-hmac-sha1-96", "kvno=4", "reason=kvno", "password was changed"} {
		if !strings.Contains(log, word) {
			t.Errorf("log without %q:\n%s", word, log)
		}
	}
}

// Requirement 23: validity of the ticket, time of the authenticator, replays.
func TestRequirement23(t *testing.T) {
	c := collect(t, nil)
	at := func(off time.Duration) func(*wishes) {
		return func(w *wishes) { w.now = time.Now().Add(off) }
	}
	const second = time.Second
	for _, off := range []time.Duration{-298 * second, 0, 298 * second} {
		c.dial().prove(at(off)).works(me)
	}
	for _, off := range []time.Duration{-302 * second, 302 * second, -time.Hour, 240 * time.Hour} {
		m := c.dial()
		a := m.try("Kerberos", mint(t, c.tab, at(off)).token)
		if a.String() != "401 Negotiate Kerberos+" {
			t.Errorf("%s: %s", off, a)
			continue
		}
		var e messages.KRBError // RFC 4120 5.9.1, framed: so that the client can say why
		token := a.token(t, "Kerberos")
		if err := e.Unmarshal(token[bytes.Index(token, []byte{3, 0, 0x7e})+2:]); err != nil || !bytes.Equal(framed(3, token[bytes.Index(token, []byte{3, 0, 0x7e})+2:]), token) {
			t.Fatal(err)
		}
		if e.ErrorCode != 37 || e.Realm != homeRealm || e.SName.PrincipalNameString() != service || time.Since(e.STime).Abs() > 5*second {
			t.Errorf("%+v", e)
		}
		m.prove().works(me)
	}
	times := func(start, end time.Duration) func(*wishes) {
		return func(w *wishes) { w.ticket.StartTime, w.ticket.EndTime = w.now.Add(start).UTC(), w.now.Add(end).UTC() }
	}
	c.dial().prove(times(4*time.Minute, time.Hour)).works(me)
	c.dial().prove(times(-10*time.Hour, -4*time.Minute)).works(me)
	c.dial().prove(func(w *wishes) { w.ticket.StartTime = time.Time{} }).works(me)
	for _, x := range []func(*wishes){times(6*time.Minute, time.Hour), times(-10*time.Hour, -6*time.Minute)} {
		m := c.dial()
		if a := m.try("Kerberos", mint(t, c.tab, x).token); a.String() != "401 Negotiate Kerberos" {
			t.Error(a)
		}
		m.prove().works(me)
	}
	if n := c.metric("auth_failures_total", "auth", "kerberos", "reason", "skew"); n != 6 {
		t.Errorf("auth_failures_total = %v", n)
	}
	// A replay is refused on its own connection and on others; what is outside the authenticator does not make it another.
	request := mint(t, c.tab)
	m := c.dial()
	if a := m.try("Kerberos", request.token); a.status != 200 {
		t.Fatal(a)
	}
	if a := m.try("Kerberos", request.token); a.String() != "401 Negotiate Kerberos close" {
		t.Errorf("on the same connection: %s", a)
	}
	m = c.dial()
	if a := m.try("Kerberos", request.token); a.String() != "401 Negotiate Kerberos" {
		t.Errorf("on another: %s", a)
	}
	rewritten := bytes.Replace(request.token, []byte(service), []byte("http/WEC.example.test"), 1)
	if a := m.try("Kerberos", rewritten); a.String() != "401 Negotiate Kerberos" {
		t.Errorf("under another name: %s", a)
	}
	m.prove().works(me)
	if n := c.metric("auth_failures_total", "auth", "kerberos", "reason", "replay"); n != 3 {
		t.Errorf("auth_failures_total = %v", n)
	}
}

// Requirement 24: mutual, conf and integ flags; no DCE style.
func TestRequirement24(t *testing.T) {
	c := collect(t, nil)
	for _, good := range []uint32{0x3e, 0x13e, 0x32, 0x3f} {
		c.dial().prove(func(w *wishes) { w.gss = good }).works(me)
	}
	for _, bad := range []uint32{0, 0x3c, 0x2e, 0x1e, 0x103e} {
		m := c.dial()
		if a := m.try("Kerberos", mint(t, c.tab, func(w *wishes) { w.gss = bad }).token); a.String() != "401 Negotiate Kerberos" {
			t.Errorf("%#x: %s", bad, a)
		}
		m.prove().works(me)
	}
	if n := c.metric("auth_failures_total", "reason", "flags"); n != 5 {
		t.Errorf("auth_failures_total = %v", n)
	}
}

// Requirement 25: the channel binding is ignored, and so are a delegated ticket and authorization data of the client's own.
func TestRequirement25(t *testing.T) {
	c := collect(t, nil)
	c.dial().prove(func(w *wishes) {
		w.authenticator = func(a *types.Authenticator) {
			for i := 4; i < 20; i++ {
				a.Cksum.Checksum[i] = byte(i)
			}
			a.Cksum.Checksum[20] |= 1
			a.Cksum.Checksum = append(a.Cksum.Checksum, 1, 0, 3, 0, 'x', 'y', 'z')
			a.AuthorizationData = types.AuthorizationData{{ADType: 143, ADData: []byte{0, 0x40, 0, 0}}, {ADType: 1, ADData: []byte("?")}, {ADType: 128, ADData: []byte("?")}}
		}
	}).works(me)
}

// Requirement 26: a subkey of our own and a number of our own, each fresh; with RC4 no subkey.
func TestRequirement26(t *testing.T) {
	etypes := []int32{17, 18, 19, 20, 23}
	var entries []entry
	for _, e := range etypes {
		entries = append(entries, entry{service, homeRealm, "secret", 3, e})
	}
	c := collect(t, newKeytab(t, entries...), func(a *kerberos.Acceptor) { a.RC4 = true })
	seen := map[string]bool{}
	for i, ticket := range etypes {
		for _, session := range etypes {
			for _, sub := range append(etypes, 0) {
				request := mint(t, c.tab, func(w *wishes) { w.key, w.session, w.subkey = c.tab.Entries[i].Key, session, sub })
				m := c.dial()
				a := m.try("Kerberos", request.token)
				if a.status != 200 {
					t.Fatalf("%d %d %d: %s\n%s", ticket, session, sub, a, c.log)
				}
				part := request.answered(t, a.token(t, "Kerberos"))
				replaced := sub
				if sub == 0 {
					replaced = session
				}
				if replaced == 23 {
					if len(part.Subkey.KeyValue) != 0 {
						t.Error("a subkey with RC4")
					}
				} else if want := map[int32]int{17: 16, 18: 32, 19: 16, 20: 32}[replaced]; part.Subkey.KeyType != replaced || len(part.Subkey.KeyValue) != want || seen[string(part.Subkey.KeyValue)] {
					t.Errorf("subkey of etype %d with %d bytes in place of %d, seen before: %v", part.Subkey.KeyType, len(part.Subkey.KeyValue), replaced, seen[string(part.Subkey.KeyValue)])
				}
				number := fmt.Sprint(part.SequenceNumber)
				if part.SequenceNumber <= 0 || part.SequenceNumber >= 1<<30 || seen[number] {
					t.Errorf("number %s, seen before: %v", number, seen[number])
				}
				seen[string(part.Subkey.KeyValue)], seen[number] = true, true
				m.context = request.context(t, part, wsman.Kerberos)
				m.works(me)
				m.works(me)
			}
		}
	}
	if n := strings.Count(c.log.String(), `msg="rc4 accepted"`); n != 5*5*6-4*(4*4+4) { // all but those with AES in all places
		t.Errorf("rc4 was logged %d times", n)
	}
	if !strings.Contains(c.log.String(), "msg=keytab listener=kerberos error=\"RC4 tickets are accepted") {
		t.Errorf("nothing said at start:\n%.2000s", c.log)
	}
}

// Requirement 27: the context belongs to the connection.
func TestRequirement27(t *testing.T) {
	c := collect(t, nil)
	one, two, three := c.dial().prove(), c.dial(), c.dial().prove()
	two.context = one.context
	contentType, body, _ := one.context.Seal(soap16, message(t, "heartbeat"))
	if a := two.post("", contentType, "", body); a.String() != "401 Negotiate Kerberos" {
		t.Errorf("on a connection without a proof: %s", a)
	}
	if a := three.post("", contentType, "", body); a.String() != "400 close" {
		t.Errorf("on another's connection: %s", a)
	}
	one.works(me)
	if err := one.conn.Close(); err != nil {
		t.Fatal(err)
	}
	again := c.dial()
	contentType, body, _ = one.context.Seal(soap16, message(t, "heartbeat"))
	if a := again.post("", contentType, "", body); a.String() != "401 Negotiate Kerberos" {
		t.Errorf("on a new connection: %s", a)
	}
}

// Requirement 28: nothing in clear.
func TestRequirement28(t *testing.T) {
	c := collect(t, nil)
	for _, kind := range []string{soap16, "multipart/encrypted", `multipart/x-multi-encrypted;protocol="application/HTTP-Kerberos-session-encrypted";boundary="Encrypted Boundary"`, kerberosType} {
		if a := c.dial().prove().post("", kind, "", message(t, "heartbeat")); a.String() != "400 close" {
			t.Errorf("%s: %s", kind, a)
		}
	}
	if c.handler.last().Name != "" {
		t.Error("delivered")
	}
}

// Requirement 29: both directions under the acceptor's subkey, and no other key; with the usages of their side, which context.go's own
// tests hold against foreign ones.
func TestRequirement29(t *testing.T) {
	c := collect(t, nil)
	for name, change := range map[string]func(*kerberos.Params, *minted){
		"the initiator's subkey":                 func(p *kerberos.Params, m *minted) { p.Key, p.AcceptorSubkey = m.authenticator.SubKey, false },
		"its value as if it were the acceptor's": func(p *kerberos.Params, m *minted) { p.Key = m.authenticator.SubKey },
		"the session key":                        func(p *kerberos.Params, m *minted) { p.Key = m.session },
		"the flag left out":                      func(p *kerberos.Params, _ *minted) { p.AcceptorSubkey = false },
		"the collector's usage":                  func(p *kerberos.Params, _ *minted) { p.Initiator = false },
	} {
		request, m := mint(t, c.tab), c.dial()
		part := request.answered(t, m.try("Kerberos", request.token).token(t, "Kerberos"))
		p := kerberos.Params{Key: part.Subkey, AcceptorSubkey: true, Initiator: true, Scheme: wsman.Kerberos, Send: uint64(request.authenticator.SeqNumber)}
		change(&p, request)
		context, err := kerberos.NewContext(p)
		if err != nil {
			t.Fatal(err)
		}
		contentType, body, _ := context.Seal(soap16, message(t, "heartbeat"))
		if a := m.post("", contentType, "", body); a.String() != "400 close" {
			t.Errorf("%s: %s", name, a)
		}
	}
}

// Requirement 30: RRC 28, EC 0, flags 07, a security header of 60 bytes. What is accepted is tested with the context.
func TestRequirement30(t *testing.T) {
	c := collect(t, nil)
	m := c.dial().prove()
	contentType, body, _ := m.context.Seal(soap16, message(t, "heartbeat"))
	a := m.post("", contentType, "", body)
	_, header, _ := tokenOf(t, a.body)
	if len(header) != 60 || !bytes.HasPrefix(header, []byte("\x05\x04\x07\xff\x00\x00\x00\x1c")) || a.contentType != kerberosType {
		t.Errorf("%x %s", header, a.contentType)
	}
}

// Requirement 31: a message that does not open is 400, and the connection is closed.
func TestRequirement31(t *testing.T) {
	c := collect(t, nil)
	m := c.dial().prove()
	contentType, body, _ := m.context.Seal(soap16, message(t, "heartbeat"))
	body[len(body)-100] ^= 1
	if a := m.post("", contentType, "", body); a.String() != "400 close" {
		t.Error(a)
	}
	if !strings.Contains(c.log.String(), "reason=seal") || c.handler.last().Name != "" {
		t.Error(c.log)
	}
}

// Requirement 32: numbers begin with those of authenticator and AP-REP; lower ones are replays, and gaps are allowed up to 65,536.
func TestRequirement32(t *testing.T) {
	c := collect(t, nil)
	for _, first := range []int64{0, 1, 1<<32 - 1, -1} { // the last as a client that counts with a sign writes it
		c.dial().prove(func(w *wishes) { w.authenticator = func(a *types.Authenticator) { a.SeqNumber = first } }).works(me)
	}
	next := func(change func(uint64) uint64) *machine {
		m := c.dial().prove()
		m.works(me)
		m.context.Number(change)
		return m
	}
	next(func(n uint64) uint64 { return n + 65536 }).works(me)
	if a := next(func(n uint64) uint64 { return n + 65537 }).send(message(t, "heartbeat"), ""); a.String() != "400 close" {
		t.Error(a)
	}
	if a := next(func(n uint64) uint64 { return n - 1 }).send(message(t, "heartbeat"), ""); a.String() != "400 close" {
		t.Error(a)
	}
	// A message refused unopened takes its number with it.
	m := c.dial().prove()
	contentType, body, _ := m.context.Seal(soap16, message(t, "heartbeat"))
	if a := m.post("", contentType, "Content-Encoding: gzip\r\n", body); a.String() != "415" {
		t.Error(a)
	}
	m.works(me)
}

// Requirement 36: the protocol word is that of the scheme.
func TestRequirement36(t *testing.T) {
	c := collect(t, nil)
	m := c.dial().prove()
	_, body, _ := m.context.Seal(soap16, message(t, "heartbeat"))
	if a := m.post("", negotiateType, "", body); a.String() != "400 close" {
		t.Error(a)
	}
	request := mint(t, c.tab)
	m = c.dial()
	a := m.try("Negotiate", negTokenInit([]string{oidKRB5}, request.token))
	part := request.answered(t, readNegResp(t, a.token(t, "Negotiate")).token)
	m.context = request.context(t, part, wsman.Kerberos) // the wrong one
	if a := m.send(message(t, "heartbeat"), ""); a.String() != "400 close" {
		t.Error(a)
	}
}

// Requirement 37: first open, then inflate; and what says SLDC may be none.
func TestRequirement37(t *testing.T) {
	c := collect(t, nil)
	m := c.dial().prove()
	if a := m.send(sldc.Compress(nil, message(t, "heartbeat")), "Content-Encoding: SLDC\r\n"); a.status != 200 || c.handler.last().Name != me {
		t.Error(a)
	}
	if a := m.send(message(t, "end"), "Content-Encoding: SLDC\r\n"); a.String() != "204" {
		t.Error(a)
	}
	if a := m.send(message(t, "heartbeat"), "Content-Encoding: SLDC\r\n"); a.status != 200 {
		t.Error(a)
	}
	m.works(me)
}

// Requirement 38: when the ticket's time and the skew are over, 401 and close; the source comes back with another ticket.
func TestRequirement38(t *testing.T) {
	now := time.Now()
	clock := now
	c := collect(t, nil, func(a *kerberos.Acceptor) { a.Clock(func() time.Time { return clock }) })
	m := c.dial().prove()
	for _, clock = range []time.Time{now.Add(time.Hour), now.Add(9*time.Hour + 4*time.Minute)} {
		m.works(me)
	}
	clock = now.Add(9*time.Hour + 6*time.Minute)
	contentType, body, _ := m.context.Seal(soap16, message(t, "heartbeat"))
	if a := m.post("", contentType, "", body); a.String() != "401 Negotiate Kerberos close" {
		t.Error(a)
	}
	c.dial().prove(func(w *wishes) { w.now = clock; w.ticket.EndTime = clock.Add(time.Hour).UTC() }).works(me)
	if n := c.metric("auth_failures_total"); n != 0 {
		t.Errorf("%v failures", n)
	}
}

// A new proof on a live connection replaces the old one; that of another principal, or one that fails, ends the connection.
func TestAgain(t *testing.T) {
	c := collect(t, nil)
	m := c.dial().prove()
	m.works(me)
	m.prove(func(w *wishes) { w.cname = "win10$" }) // AD's answer may be in another case
	m.works("win10$@" + homeRealm)
	old := m.context
	m.prove().works(me)
	m.context = old
	if a := m.send(message(t, "heartbeat"), ""); a.String() != "400 close" {
		t.Errorf("the old context still opens: %s", a)
	}
	m = c.dial().prove()
	if a := m.try("Kerberos", mint(t, c.tab, func(w *wishes) { w.cname = "WIN11$" }).token); !strings.HasPrefix(a.String(), "401 ") || !a.close {
		t.Errorf("another principal: %s", a)
	}
	m = c.dial().prove()
	if a := m.try("Kerberos", []byte("x")); a.String() != "401 Negotiate Kerberos close" {
		t.Errorf("a broken proof: %s", a)
	}
}

// Three failures, and the connection is closed.
func TestFailures(t *testing.T) {
	c := collect(t, nil)
	m := c.dial()
	for i, want := range []string{"401 Negotiate Kerberos", "401 Negotiate Kerberos", "401 Negotiate Kerberos close"} {
		if a := m.try("Kerberos", mint(t, c.tab, func(w *wishes) { w.key = randomKey(18) }).token); a.String() != want {
			t.Errorf("%d: %s", i, a)
		}
	}
}
