package kerberos_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/asn1tools"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/asnAppTag"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

// coin makes a keytab and a ticket that its key opens, without a KDC.
func coin(t testing.TB, etype int32) (keytabFile string, c *kerberos.Credential) {
	t.Helper()
	tab := newKeytab(t, entry{service, homeRealm, "secret", 3, etype})
	c = &kerberos.Credential{Client: types.PrincipalName{NameType: 1, NameString: []string{"PC-1$"}}, Realm: homeRealm, Key: randomKey(etype), End: time.Now().Add(time.Hour)}
	now := time.Now().UTC()
	clear, err := asn1.Marshal(messages.EncTicketPart{Flags: types.NewKrbFlags(), Key: c.Key, CRealm: homeRealm, CName: c.Client, AuthTime: now, StartTime: now, EndTime: c.End.UTC()})
	if err != nil {
		t.Fatal(err)
	}
	c.Ticket = messages.Ticket{TktVNO: 5, Realm: homeRealm, SName: types.PrincipalName{NameType: 2, NameString: strings.Split(service, "/")}}
	if c.Ticket.EncPart, err = crypto.GetEncryptedData(asn1tools.AddASNAppTag(clear, asnAppTag.EncTicketPart), tab.Entries[0].Key, keyusage.KDC_REP_TICKET, 3); err != nil {
		t.Fatal(err)
	}
	return save(t, tab), c
}

// holder is an initiator that has this ticket.
func holder(c *kerberos.Credential, scheme wsman.Method) *kerberos.Initiator {
	return &kerberos.Initiator{Tickets: func(context.Context, string) (*kerberos.Credential, error) { return c, nil }, SPN: service, Scheme: scheme}
}

// begin gives a handshake and its first token.
func begin(t testing.TB, i *kerberos.Initiator) (wsman.Handshake, []byte) {
	t.Helper()
	h, err := i.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	authorization, seal, err := h.Next(nil)
	if err != nil || seal != nil {
		t.Fatal(seal, err)
	}
	_, text, _ := strings.Cut(authorization, " ")
	token, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return h, token
}

// asked opens a framed AP-REQ.
func asked(t testing.TB, token []byte, key types.EncryptionKey) (ap messages.APReq) {
	t.Helper()
	head := framed(1, nil)
	at := strings.Index(string(token), string(head[2:]))
	if at < 0 || string(framed(1, token[at+len(head)-2:])) != string(token) {
		t.Fatalf("no framed AP-REQ: %x", token)
	}
	if err := ap.Unmarshal(token[at+len(head)-2:]); err != nil {
		t.Fatal(err)
	}
	if err := ap.DecryptAuthenticator(key); err != nil {
		t.Fatal(err)
	}
	return ap
}

// TestAPReq: what gokrb5 reads of our AP-REQ is what captured ones of Windows have.
func TestAPReq(t *testing.T) {
	for etype, size := range map[int32]int{17: 16, 18: 32, 19: 16, 20: 32, 23: 16} {
		_, c := coin(t, etype)
		var numbers []int64
		for range 2 {
			_, token := begin(t, holder(c, wsman.Kerberos))
			ap := asked(t, token, c.Key)
			a := ap.Authenticator
			if fmt.Sprintf("%x", ap.APOptions.Bytes) != "20000000" || ap.EncryptedAuthenticator.EType != etype || ap.EncryptedAuthenticator.KVNO != 0 || ap.Ticket.EncPart.KVNO != 3 {
				t.Errorf("AP-REQ: options %x, authenticator %d %d, ticket kvno %d", ap.APOptions.Bytes, ap.EncryptedAuthenticator.EType, ap.EncryptedAuthenticator.KVNO, ap.Ticket.EncPart.KVNO)
			}
			if a.CRealm != homeRealm || a.CName.PrincipalNameString() != "PC-1$" || time.Since(a.CTime) > 2*time.Second || a.Cusec < 0 || a.Cusec > 999999 {
				t.Errorf("authenticator of %s@%s at %s %d", a.CName.PrincipalNameString(), a.CRealm, a.CTime, a.Cusec)
			}
			if a.SubKey.KeyType != etype || len(a.SubKey.KeyValue) != size || a.SeqNumber < 0 || a.SeqNumber >= 1<<30 {
				t.Errorf("subkey of etype %d, %d bytes; number %d", a.SubKey.KeyType, len(a.SubKey.KeyValue), a.SeqNumber)
			}
			if a.Cksum.CksumType != 0x8003 || string(a.Cksum.Checksum) != string(gssChecksum(0x3e)) {
				t.Errorf("checksum %x: %x", a.Cksum.CksumType, a.Cksum.Checksum)
			}
			numbers = append(numbers, a.SeqNumber)
		}
		if numbers[0] == numbers[1] {
			t.Error("the same number twice")
		}
	}
}

// TestNegTokenInit: a reader of ASN.1 finds Windows' mechanisms in Windows' order, and the AP-REQ in the token for the first.
func TestNegTokenInit(t *testing.T) {
	_, c := coin(t, 18)
	for _, row := range []struct {
		quirks kerberos.Quirks
		mechs  string
	}{
		{kerberos.Quirks{}, "1.2.840.48018.1.2.2 1.2.840.113554.1.2.2 1.3.6.1.4.1.311.2.2.30 1.3.6.1.4.1.311.2.2.10"},
		{kerberos.Quirks{KerberosLast: true}, "1.3.6.1.4.1.311.2.2.10 1.2.840.48018.1.2.2 1.2.840.113554.1.2.2"},
	} {
		i := holder(c, wsman.Negotiate)
		i.Quirks = row.quirks
		_, token := begin(t, i)
		var outer asn1.RawValue
		if rest, err := asn1.Unmarshal(token, &outer); err != nil || len(rest) > 0 || token[0] != 0x60 {
			t.Fatal(rest, err)
		}
		inner, ok := strings.CutPrefix(string(outer.Bytes), "\x06\x06\x2b\x06\x01\x05\x05\x02")
		var read struct {
			Mechs []asn1.ObjectIdentifier `asn1:"explicit,tag:0"`
			Token []byte                  `asn1:"explicit,optional,tag:2"`
		}
		if rest, err := asn1.UnmarshalWithParams([]byte(inner), &read, "explicit,tag:0"); err != nil || len(rest) > 0 || !ok {
			t.Fatal(ok, rest, err)
		}
		var mechs []string
		for _, oid := range read.Mechs {
			mechs = append(mechs, oid.String())
		}
		if got := strings.Join(mechs, " "); got != row.mechs {
			t.Errorf("mechanisms %s", got)
		}
		if row.quirks.KerberosLast {
			if len(read.Token) > 0 {
				t.Error("a token for NTLM")
			}
			continue
		}
		asked(t, read.Token, c.Key)
	}
}

// TestAPRep: an AP-REP that does not prove the collector, or gives no key of the etype that is due, makes no context.
func TestAPRep(t *testing.T) {
	_, c := coin(t, 18)
	_, rc4 := coin(t, 23)
	other := randomKey(18)
	type reply struct {
		part messages.EncAPRepPart
		key  types.EncryptionKey
		cut  int // bytes of cipher that are left; 0: all
	}
	for name, row := range map[string]struct {
		c      *kerberos.Credential
		change func(*reply)
		want   string // "": it is accepted
	}{
		"right":                {c, func(*reply) {}, ""},
		"another key":          {c, func(r *reply) { r.key = other }, "decrypt AP-REP"},
		"another etype":        {c, func(r *reply) { r.key = randomKey(17) }, "etype"},
		"another second":       {c, func(r *reply) { r.part.CTime = r.part.CTime.Add(time.Second) }, "another request"},
		"another microsecond":  {c, func(r *reply) { r.part.Cusec++ }, "another request"},
		"no subkey":            {c, func(r *reply) { r.part.Subkey = types.EncryptionKey{} }, "no acceptor subkey"},
		"subkey of AES128":     {c, func(r *reply) { r.part.Subkey = randomKey(17) }, "subkey of etype 17"},
		"subkey too short":     {c, func(r *reply) { r.part.Subkey.KeyValue = r.part.Subkey.KeyValue[:16] }, "subkey"},
		"cut short":            {c, func(r *reply) { r.cut = 11 }, "cut short"},
		"RC4 without a subkey": {rc4, func(r *reply) { r.part.Subkey = types.EncryptionKey{} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h, token := begin(t, holder(row.c, wsman.Kerberos))
			a := asked(t, token, row.c.Key).Authenticator
			r := &reply{messages.EncAPRepPart{CTime: a.CTime, Cusec: a.Cusec, Subkey: randomKey(row.c.Key.KeyType), SequenceNumber: 7}, row.c.Key, 0}
			row.change(r)
			clear, err := asn1.Marshal(r.part)
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := crypto.GetEncryptedData(asn1tools.AddASNAppTag(clear, asnAppTag.EncAPRepPart), r.key, keyusage.AP_REP_ENCPART, 0)
			if err != nil {
				t.Fatal(err)
			}
			if r.cut > 0 {
				sealed.Cipher = sealed.Cipher[:r.cut]
			}
			rep, err := asn1.Marshal(messages.APRep{PVNO: 5, MsgType: 15, EncPart: sealed})
			if err != nil {
				t.Fatal(err)
			}
			answer := "Kerberos " + base64.StdEncoding.EncodeToString(framed(2, asn1tools.AddASNAppTag(rep, asnAppTag.APREP)))
			authorization, seal, err := h.Next([]string{"Negotiate", answer})
			switch {
			case row.want == "" && (err != nil || seal == nil || authorization != ""):
				t.Errorf("%q %v %v", authorization, seal, err)
			case row.want != "" && (!errors.Is(err, kerberos.ErrProof) || !strings.Contains(err.Error(), row.want) || seal != nil):
				t.Errorf("%v %v; want %s", seal, err, row.want)
			}
		})
	}
}

// TestChallenges: what else may be answered, most of it by those who are no collectors.
func TestChallenges(t *testing.T) {
	_, c := coin(t, 18)
	skew := messages.NewKRBError(types.PrincipalName{NameType: 2, NameString: []string{"HTTP", "x"}}, homeRealm, errorcode.KRB_AP_ERR_SKEW, "")
	told, err := skew.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.StdEncoding.EncodeToString
	resp := func(fields ...[]byte) string { return "Negotiate " + b64(der(0xa1, der(0x30, fields...))) }
	state := func(n byte) []byte { return der(0xa0, der(0x0a, []byte{n})) }
	for name, row := range map[string]struct {
		scheme     wsman.Method
		challenges []string
		want       string
	}{
		"nothing":                {wsman.Kerberos, nil, "not accepted"},
		"the schemes":            {wsman.Kerberos, []string{"Negotiate", "Kerberos"}, "ticket for " + service + " not accepted"},
		"no base64":              {wsman.Kerberos, []string{"Kerberos !"}, "illegal base64"},
		"no frame":               {wsman.Kerberos, []string{"Kerberos AAAA"}, "no token"},
		"an AP-REQ":              {wsman.Kerberos, []string{"Kerberos " + b64(framed(1, nil))}, "where an AP-REP is due"},
		"KRB-ERROR":              {wsman.Kerberos, []string{"Negotiate", "Kerberos " + b64(framed(3, told))}, "KRB_AP_ERR_SKEW"},
		"KRB-ERROR that is none": {wsman.Kerberos, []string{"Kerberos " + b64(framed(3, []byte{1}))}, "KRB-ERROR"},
		"rejected":               {wsman.Negotiate, []string{resp(state(2))}, "rejected"},
		"rejected with a reason": {wsman.Negotiate, []string{resp(state(2), der(0xa2, der(0x04, framed(3, told))))}, "KRB_AP_ERR_SKEW"},
		"completed by nothing":   {wsman.Negotiate, []string{resp(state(0))}, "complete"},
		"NTLM chosen":            {wsman.Negotiate, []string{resp(state(1), der(0xa1, []byte("\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a")))}, "mechanism"},
		"a MIC too early":        {wsman.Negotiate, []string{resp(state(1), der(0xa3, der(0x04, make([]byte, 28))))}, "without a context"},
		"no progress":            {wsman.Negotiate, []string{resp(state(1))}, "stands still"},
		"no SPNEGO":              {wsman.Negotiate, []string{"Negotiate AAAA"}, "SPNEGO"},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := begin(t, holder(c, row.scheme))
			if authorization, seal, err := h.Next(row.challenges); !errors.Is(err, kerberos.ErrProof) || !strings.Contains(err.Error(), row.want) || seal != nil || authorization != "" {
				t.Errorf("%q %v %v; want %s", authorization, seal, err, row.want)
			}
		})
	}
}

// TestInitiatorQuirks: what an acceptor survives or refuses, and that a good connection is good afterwards.
func TestInitiatorQuirks(t *testing.T) {
	type row struct {
		quirks kerberos.Quirks
		client wsman.Quirks
		want   int // status; 0: Acked
	}
	rows := map[string]row{
		"none":                    {},
		"tabs":                    {quirks: kerberos.Quirks{Tabs: true}},
		"gap":                     {quirks: kerberos.Quirks{Gap: 3}},
		"widest gap":              {quirks: kerberos.Quirks{Gap: 65535}},
		"gap too wide":            {quirks: kerberos.Quirks{Gap: 70000}, want: 400},
		"no rotation":             {quirks: kerberos.Quirks{RRC: -1}},
		"rotation by 1":           {quirks: kerberos.Quirks{RRC: 1}},
		"rotation beyond the end": {quirks: kerberos.Quirks{RRC: 65000}},
		"all of it":               {quirks: kerberos.Quirks{Tabs: true, Gap: 5, RRC: 12}},
		"the other protocol":      {quirks: kerberos.Quirks{OtherProtocol: true}, want: 400},
		"clear text":              {client: wsman.Quirks{Unsealed: true}, want: 400},
		"no mutual":               {quirks: kerberos.Quirks{Flags: 0x3c}, want: 401},
		"no confidentiality":      {quirks: kerberos.Quirks{Flags: 0x2e}, want: 401},
		"DCE style":               {quirks: kerberos.Quirks{Flags: 0x103e}, want: 401},
		"late":                    {quirks: kerberos.Quirks{Skew: -4 * time.Minute}},
		"too late":                {quirks: kerberos.Quirks{Skew: -6 * time.Minute}, want: 401},
		"too early":               {quirks: kerberos.Quirks{Skew: 6 * time.Minute}, want: 401},
	}
	for _, etype := range kdcEtypes {
		file, c := coin(t, etype)
		for _, scheme := range []wsman.Method{wsman.Kerberos, wsman.Negotiate} {
			s := openSite(t, &kerberos.Acceptor{Keytab: file, RC4: true})
			all := rows
			if scheme == wsman.Negotiate {
				all = map[string]row{"three legs": {quirks: kerberos.Quirks{KerberosLast: true}}, "three legs and a gap": {quirks: kerberos.Quirks{KerberosLast: true, Gap: 2}}}
				for name, r := range rows {
					all[name] = r
				}
			}
			for name, r := range all {
				t.Run(fmt.Sprintf("etype %d %s %s", etype, scheme, name), func(t *testing.T) {
					i := holder(c, scheme)
					i.Quirks = r.quirks
					client := s.client(i)
					client.Quirks = r.client
					for range 3 {
						err := client.Heartbeat(t.Context(), s.offer())
						var status *wsman.StatusError
						if r.want == 0 && err != nil || r.want != 0 && (!errors.As(err, &status) || status.Code != r.want || client.Connected()) {
							t.Fatalf("%v; want %d", err, r.want)
						}
						if r.want == 401 {
							break // the server counts them
						}
					}
					client.Initiator, client.Quirks = holder(c, scheme), wsman.Quirks{}
					_ = client.Close()
					if err := client.Heartbeat(t.Context(), s.offer()); err != nil {
						t.Errorf("afterwards: %v", err)
					}
				})
			}
		}
	}
}

// TestInitiatorReplay: an AP-REQ proves something once.
func TestInitiatorReplay(t *testing.T) {
	file, c := coin(t, 18)
	s := openSite(t, &kerberos.Acceptor{Keytab: file})
	for _, scheme := range []wsman.Method{wsman.Kerberos, wsman.Negotiate} {
		i := holder(c, scheme)
		i.Quirks.Replay = true
		if err := s.beat(t, i); err != nil {
			t.Fatal(err)
		}
		s.refuses(t, i, "replay")
	}
}

// TestSealedSLDC: compression is inside the seal, and numbers go up by one a message.
func TestSealedSLDC(t *testing.T) {
	file, c := coin(t, 18)
	s := openSite(t, &kerberos.Acceptor{Keytab: file})
	client := s.client(holder(c, wsman.Kerberos))
	client.SLDC = true
	event := "<Event>" + strings.Repeat("the same again, ", 1000) + "</Event>"
	var trips []wsman.Trip
	client.Trace = func(trip wsman.Trip) { trips = append(trips, trip) }
	for range 3 {
		if err := client.Events(t.Context(), s.offer(), nil, func(dst []byte) []byte { return wsman.AppendEvent(dst, []byte(event)) }); err != nil {
			t.Fatal(err)
		}
	}
	if s.events["PC-1$@"+homeRealm] != 3 || s.texts[2] != event {
		t.Errorf("delivered: %v", s.events)
	}
	if trips[0].Wire*4 > trips[0].Text {
		t.Errorf("not compressed: %+v", trips[0])
	}
}

// FuzzAnswer: nothing that is answered to an AP-REQ makes an initiator panic, or believe.
func FuzzAnswer(f *testing.F) {
	_, c := coin(f, 18)
	f.Add(false, []byte("\x60\x0f"+oidKRB5+"\x02\x00\x6f\x00"))
	f.Add(true, []byte("\xa1\x07\x30\x05\xa0\x03\x0a\x01\x00"))
	f.Add(true, []byte("\xa1\x14\x30\x12\xa0\x03\x0a\x01\x01\xa1\x0b"+oidKRB5))
	f.Fuzz(func(t *testing.T, negotiate bool, answer []byte) {
		scheme, word := wsman.Kerberos, "Kerberos "
		if negotiate {
			scheme, word = wsman.Negotiate, "Negotiate "
		}
		h, _ := begin(t, holder(c, scheme))
		if _, seal, err := h.Next([]string{word + base64.StdEncoding.EncodeToString(answer)}); err == nil || seal != nil {
			t.Errorf("believed: %x", answer)
		}
	})
}
