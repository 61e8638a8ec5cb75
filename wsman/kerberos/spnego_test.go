package kerberos_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/messages"

	"github.com/wefka/wefka/wsman"
)

const (
	oidMS     = "\x06\x09\x2a\x86\x48\x82\xf7\x12\x01\x02\x02"
	oidNegoEx = "\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e"
	oidNTLM   = "\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"
	oidSPNEGO = "\x06\x06\x2b\x06\x01\x05\x05\x02"
)

func framedAs(oid string, inner []byte) []byte { return der(0x60, []byte(oid), inner) }

func mechList(mechs []string) []byte { return der(0x30, []byte(strings.Join(mechs, ""))) }

// negTokenInit is the first token of a source; a nil token is left out.
func negTokenInit(mechs []string, token []byte, more ...[]byte) []byte {
	fields := [][]byte{der(0xa0, mechList(mechs))}
	if token != nil {
		fields = append(fields, der(0xa2, der(0x04, token)))
	}
	return framedAs(oidSPNEGO, der(0xa0, der(0x30, append(fields, more...)...)))
}

// negTokenResp is a further one.
func negTokenResp(token, mic []byte) []byte {
	var fields [][]byte
	if token != nil {
		fields = append(fields, der(0xa2, der(0x04, token)))
	}
	if mic != nil {
		fields = append(fields, der(0xa3, der(0x04, mic)))
	}
	return der(0xa1, der(0x30, fields...))
}

type negAnswer struct {
	state      asn1.Enumerated
	mech       string // with tag and length
	token, mic []byte
}

// readNegResp reads the collector's answer by means of another package than the room's.
func readNegResp(t testing.TB, b []byte) negAnswer {
	t.Helper()
	var r struct {
		State asn1.Enumerated       `asn1:"explicit,optional,tag:0"`
		Mech  asn1.ObjectIdentifier `asn1:"explicit,optional,tag:1"`
		Token []byte                `asn1:"explicit,optional,tag:2"`
		MIC   []byte                `asn1:"explicit,optional,tag:3"`
	}
	var outer asn1.RawValue
	if rest, err := asn1.Unmarshal(b, &outer); err != nil || len(rest) != 0 || outer.Tag != 1 || outer.Class != asn1.ClassContextSpecific {
		t.Fatalf("no NegTokenResp: %x", b)
	}
	if rest, err := asn1.Unmarshal(outer.Bytes, &r); err != nil || len(rest) != 0 {
		t.Fatalf("NegTokenResp %x: %v", b, err)
	}
	a := negAnswer{state: r.State, token: r.Token, mic: r.MIC}
	if len(r.Mech) > 0 {
		oid, err := asn1.Marshal(r.Mech)
		if err != nil {
			t.Fatal(err)
		}
		a.mech = string(oid)
	}
	return a
}

// Requirement 18: Kerberos first, under both names: one leg, accept-completed, the name that was offered, AP-REP, no MIC.
func TestRequirement18(t *testing.T) {
	c := collect(t, nil)
	for _, mechs := range [][]string{{oidKRB5}, {oidMS}, {oidMS, oidKRB5, oidNegoEx, oidNTLM}, {oidKRB5, oidMS, oidNTLM}} {
		request, m := mint(t, c.tab), c.dial()
		a := m.try("Negotiate", negTokenInit(mechs, request.token))
		if a.String() != "200 Negotiate+" || len(a.body) != 0 {
			t.Fatalf("%s\n%s", a, c.log)
		}
		r := readNegResp(t, a.token(t, "Negotiate"))
		if r.state != 0 || r.mech != mechs[0] || r.mic != nil || a.token(t, "Negotiate")[4] != 0xa0 && a.token(t, "Negotiate")[2] != 0x30 && r.token == nil {
			t.Errorf("%+v", r)
		}
		m.context = request.context(t, request.answered(t, r.token), wsman.Negotiate)
		m.works(me)
		m.works(me)
		if from := c.handler.last(); from.Method != wsman.Negotiate {
			t.Errorf("%+v", from)
		}
	}
	if n := c.metric("kerberos_contexts_total", "auth", "negotiate"); n != 4 {
		t.Errorf("kerberos_contexts_total = %v", n)
	}
	// reqFlags are ignored.
	request, m := mint(t, c.tab), c.dial()
	flags := der(0xa1, der(0x03, []byte{1, 0x36}))
	token := framedAs(oidSPNEGO, der(0xa0, der(0x30, der(0xa0, mechList([]string{oidKRB5})), flags, der(0xa2, der(0x04, request.token)))))
	if a := m.try("Negotiate", token); a.String() != "200 Negotiate+" {
		t.Error(a)
	}
	// A clock that is off is said here too: reject, and the KRB-ERROR inside.
	a := c.dial().try("Negotiate", negTokenInit([]string{oidKRB5}, mint(t, c.tab, func(w *wishes) { w.now = w.now.AddDate(0, 0, 1) }).token))
	if a.String() != "401 Negotiate+ Kerberos" {
		t.Fatal(a)
	}
	r := readNegResp(t, a.token(t, "Negotiate"))
	var e messages.KRBError
	if err := e.Unmarshal(r.token[bytes.Index(r.token, []byte{3, 0, 0x7e})+2:]); err != nil || r.state != 2 || e.ErrorCode != 37 {
		t.Errorf("%+v %+v %v", r, e, err)
	}
}

// legs is a source that has Kerberos, but not as its favourite.
type legs struct {
	*machine
	mechs []string
}

func (c *collector) legs() legs { return legs{c.dial(), []string{oidNegoEx, oidNTLM, oidMS, oidKRB5}} }

// begin is the first leg.
func (l legs) begin() {
	l.t.Helper()
	a := l.try("Negotiate", negTokenInit(l.mechs, []byte("another mechanism's")))
	if a.String() != "401 Negotiate+" {
		l.t.Fatal(a)
	}
	if r := readNegResp(l.t, a.token(l.t, "Negotiate")); r.state != 3 || r.mech != oidMS || r.token != nil || r.mic != nil {
		l.t.Fatalf("%+v", r)
	}
}

// proof is the second.
func (l legs) proof() {
	l.t.Helper()
	request := mint(l.t, l.c.tab)
	a := l.try("Negotiate", negTokenResp(request.token, nil))
	if a.String() != "401 Negotiate+" {
		l.t.Fatalf("%s\n%s", a, l.c.log)
	}
	r := readNegResp(l.t, a.token(l.t, "Negotiate"))
	if r.state != 1 || r.mech != oidMS {
		l.t.Fatalf("%+v", r)
	}
	l.context = request.context(l.t, request.answered(l.t, r.token), wsman.Negotiate)
	if err := l.context.VerifyMIC(mechList(l.mechs), r.mic); err != nil {
		l.t.Fatal(err)
	}
}

func (l legs) mic() []byte { return l.context.MIC(mechList(l.mechs)) }

// end is the third.
func (l legs) end() {
	l.t.Helper()
	a := l.try("Negotiate", negTokenResp(nil, l.mic()))
	if a.String() != "200 Negotiate+" {
		l.t.Fatal(a)
	}
	if r := readNegResp(l.t, a.token(l.t, "Negotiate")); r.state != 0 || r.mech != "" || r.token != nil || r.mic != nil {
		l.t.Fatalf("%+v", r)
	}
}

// RFC 4178 5: Kerberos offered, but not first. Three legs, and a MIC of the list in each direction.
func TestThreeLegs(t *testing.T) {
	c := collect(t, nil)
	l := c.legs()
	l.begin()
	l.proof()
	if n := c.metric("kerberos_contexts_total"); n != 0 {
		t.Errorf("%v contexts before the end", n)
	}
	l.end()
	l.works(me)

	// Again on the live connection: what was proven holds until the new proof is complete.
	old := l.context
	l.begin()
	l.works(me)
	l.proof()
	fresh := l.context
	l.context = old
	l.works(me)
	l.context = fresh
	l.end()
	l.works(me)
	if n := c.metric("kerberos_contexts_total", "auth", "negotiate"); n != 2 {
		t.Errorf("%v contexts", n)
	}
}

func TestBrokenLegs(t *testing.T) {
	c := collect(t, nil)
	for name, last := range map[string]func(legs) []byte{
		"a MIC of another list": func(l legs) []byte { return negTokenResp(nil, l.context.MIC(mechList(l.mechs[1:]))) },
		"a MIC of a number before": func(l legs) []byte {
			l.context.Number(func(n uint64) uint64 { return n - 1 })
			return negTokenResp(nil, l.mic())
		},
		"no MIC":                          func(legs) []byte { return negTokenResp(nil, nil) },
		"an empty MIC":                    func(legs) []byte { return negTokenResp(nil, []byte{}) },
		"a broken MIC":                    func(l legs) []byte { b := l.mic(); b[len(b)-1] ^= 1; return negTokenResp(nil, b) },
		"a rejection":                     func(legs) []byte { return der(0xa1, der(0x30, der(0xa0, []byte{10, 1, 2}))) },
		"no SPNEGO":                       func(legs) []byte { return []byte("?") },
		"another AP-REQ and no MIC":       func(legs) []byte { return negTokenResp(mint(t, c.tab).token, nil) },
		"a NegTokenInit without Kerberos": func(legs) []byte { return negTokenInit([]string{oidNegoEx}, nil) },
	} {
		l := c.legs()
		l.begin()
		l.proof()
		if a := l.try("Negotiate", last(l)); a.String() != "401 Negotiate Kerberos" {
			t.Errorf("%s: %s", name, a)
		}
		if a := l.try("Negotiate", negTokenResp(nil, l.mic())); a.String() != "401 Negotiate Kerberos" {
			t.Errorf("%s, then the right one: %s", name, a) // it is over
		}
		l.prove().works(me)
	}
	if n := c.metric("kerberos_contexts_total", "auth", "negotiate"); n != 0 {
		t.Errorf("%v contexts", n)
	}
	// A MIC that comes uninvited is verified.
	m := c.dial()
	if a := m.try("Negotiate", negTokenInit([]string{oidKRB5}, mint(t, c.tab).token, der(0xa3, der(0x04, make([]byte, 28))))); a.String() != "401 Negotiate Kerberos" {
		t.Error(a)
	}
}

// TestOtherLegs: what else a source may do on the way.
func TestOtherLegs(t *testing.T) {
	c := collect(t, nil)
	// Kerberos first, but no token yet: no MICs.
	m, request := c.dial(), mint(t, c.tab)
	a := m.try("Negotiate", negTokenInit([]string{oidKRB5}, nil))
	if r := readNegResp(t, a.token(t, "Negotiate")); a.String() != "401 Negotiate+" || r.state != 1 || r.mech != oidKRB5 {
		t.Fatalf("%s %+v", a, r)
	}
	a = m.try("Negotiate", negTokenResp(request.token, nil))
	r := readNegResp(t, a.token(t, "Negotiate"))
	if a.String() != "200 Negotiate+" || r.state != 0 || r.mic != nil {
		t.Fatalf("%s %+v", a, r)
	}
	m.context = request.context(t, request.answered(t, r.token), wsman.Negotiate)
	m.works(me)

	// Another scheme ends what began as SPNEGO, and no leg is kept from before.
	l := c.legs()
	l.begin()
	l.prove().works(me)
	if a := l.try("Negotiate", negTokenResp(mint(t, c.tab).token, nil)); a.String() != "401 Negotiate Kerberos close" {
		t.Error(a)
	}
	// At most four legs.
	m = c.dial()
	for i, want := range []string{"401 Negotiate+", "401 Negotiate+", "401 Negotiate+", "401 Negotiate+ close"} {
		if a := m.try("Negotiate", negTokenInit([]string{oidNTLM, oidKRB5}, nil)); a.String() != want {
			t.Errorf("leg %d: %s", i+1, a)
		}
	}
}
