package kerberos_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/wefka/wefka/wsman/kerberos"
)

// TestRefusals: each refusal has a reason and says in the log what to do, tells the peer nothing, and leaves the connection as it was:
// unproven, and open for a better token.
func TestRefusals(t *testing.T) {
	authenticator := func(f func(*types.Authenticator)) func(*wishes) { return func(w *wishes) { w.authenticator = f } }
	request := func(f func(*messages.APReq)) func(*wishes) { return func(w *wishes) { w.request = f } }
	rc4 := func(a *kerberos.Acceptor) { a.RC4 = true }
	one := newKeytab(t)
	many := newKeytab(t, aes(3), entry{"HTTP/other", homeRealm, "other", 3, 18}, entry{service, "PARTNER.TEST", "partner", 3, 18})
	foreign := func(w *wishes) { w.crealm = "PARTNER.TEST" }
	for _, x := range []struct {
		name   string
		wish   func(*wishes)
		change func(*kerberos.Acceptor)
		reason string
		log    string // words in it, separated by |
	}{
		{"RC4 ticket", func(w *wishes) { w.key = randomKey(23) }, nil, "etype", "msDS-SupportedEncryptionTypes to 24|ticket_etype=rc4-hmac|RC4, which is not allowed"},
		{"DES ticket", request(func(r *messages.APReq) { r.Ticket.EncPart.EType = 3 }), nil, "etype", "etype 3, which is not supported"},
		{"no key of the etype", func(w *wishes) { w.key = randomKey(17) }, nil, "no_key", "no key of aes128-cts-hmac-sha1-96 in the keytab, which has aes256-cts-hmac-sha1-96|msDS-SupportedEncryptionTypes"},
		{"no key of the etype, RC4", func(w *wishes) { w.key = randomKey(23) }, rc4, "no_key", "no key of rc4-hmac|msDS-SupportedEncryptionTypes"},
		{"no key of the version", func(w *wishes) { w.key, w.kvno = randomKey(18), 4 }, nil, "kvno", "no key of version 4|password was changed|kvno=4"},
		{"wrong account", func(w *wishes) { w.key = randomKey(18) }, nil, "no_key", "keytab has version 3|wrong account|setspn|none of 3 keys"},
		{"wrong account, version of a read-only domain controller", func(w *wishes) { w.key, w.kvno = randomKey(18), 5<<16|3 }, nil, "no_key", "wrong account|kvno=327683"},
		{"wrong account, version 0", func(w *wishes) { w.key, w.kvno = randomKey(18), 0 }, nil, "no_key", "wrong account"},
		{"key of another etype", request(func(r *messages.APReq) { r.Ticket.EncPart.EType = 20 }), nil, "no_key", "no key of aes256-cts-hmac-sha384-192"},
		{"name not allowed", nil, func(a *kerberos.Acceptor) { a.SPNs = []string{"HTTP/other", service + "@OTHER.TEST"} }, "spn", "sname=" + service},
		{"RC4 session key", func(w *wishes) { w.session = 23 }, nil, "etype", "session key is of rc4-hmac|session_etype=rc4-hmac"},
		{"short session key", func(w *wishes) {
			w.ticket.Key = types.EncryptionKey{KeyType: 18, KeyValue: make([]byte, 16)}
			w.authenticator = nil
		}, nil, "malformed", "session key of 16 bytes"},
		{"RC4 subkey", func(w *wishes) { w.subkey = 23 }, nil, "etype", "subkey is of rc4-hmac|subkey_etype=rc4-hmac"},
		{"short subkey", authenticator(func(a *types.Authenticator) { a.SubKey.KeyValue = a.SubKey.KeyValue[:31] }), nil, "malformed", "subkey of 31 bytes"},
		{"subkey of no etype", authenticator(func(a *types.Authenticator) { a.SubKey.KeyType = 0 }), nil, "etype", "subkey is of etype 0"},
		{"ticket of tomorrow", func(w *wishes) { w.ticket.StartTime = w.now.AddDate(0, 0, 1).UTC() }, nil, "skew", "valid from"},
		{"ticket of tomorrow, start left out", func(w *wishes) { w.ticket.StartTime, w.ticket.AuthTime = time.Time{}, w.now.AddDate(0, 0, 1).UTC() }, nil, "skew", "valid from"},
		{"ticket of yesterday", func(w *wishes) { w.ticket.EndTime = w.now.Add(-time.Hour).UTC() }, nil, "skew", "valid until"},
		{"invalid ticket", func(w *wishes) { types.SetFlag(&w.ticket.Flags, flags.Invalid) }, nil, "flags", "marked as invalid"},
		{"user to user", func(w *wishes) { w.options = append(w.options, flags.APOptionUseSessionKey) }, nil, "flags", "user to user"},
		{"not mutual", func(w *wishes) { w.options = nil }, nil, "flags", "without mutual"},
		{"no options at all", request(func(r *messages.APReq) { r.APOptions = asn1.BitString{} }), nil, "flags", "without mutual"},
		{"no checksum", authenticator(func(a *types.Authenticator) { a.Cksum = types.Checksum{} }), nil, "flags", "without GSS flags"},
		{"short checksum", authenticator(func(a *types.Authenticator) { a.Cksum.Checksum = a.Cksum.Checksum[:23] }), nil, "flags", "without GSS flags"},
		{"another checksum", authenticator(func(a *types.Authenticator) { a.Cksum.CksumType = 16 }), nil, "flags", "without GSS flags"},
		{"odd checksum", authenticator(func(a *types.Authenticator) { a.Cksum.Checksum[0] = 17 }), nil, "flags", "without GSS flags"},
		{"flags", func(w *wishes) { w.gss = 2 }, nil, "flags", "flags 0x2"},
		{"DCE style", func(w *wishes) { w.gss |= 0x1000 }, nil, "flags", "DCE style"},
		{"another's authenticator", authenticator(func(a *types.Authenticator) { a.CName.NameString = []string{"WIN11$"} }), nil, "user", `authenticator is of \"WIN11$@EXAMPLE.TEST\"`},
		{"another realm's authenticator", authenticator(func(a *types.Authenticator) { a.CRealm = "OTHER.TEST" }), nil, "user", "authenticator is of"},
		{"old version of authenticator", authenticator(func(a *types.Authenticator) { a.AVNO = 4 }), nil, "malformed", "authenticator of Kerberos 4"},
		{"odd microseconds", authenticator(func(a *types.Authenticator) { a.Cusec = 1000000 }), nil, "malformed", "1000000 microseconds"},
		{"authenticator under another key", request(func(r *messages.APReq) { r.EncryptedAuthenticator.Cipher[20] ^= 1 }), nil, "malformed", "does not open the authenticator"},
		{"authenticator of another etype", request(func(r *messages.APReq) { r.EncryptedAuthenticator.EType = 17 }), nil, "malformed", "authenticator of aes128"},
		{"short authenticator", request(func(r *messages.APReq) { r.EncryptedAuthenticator.Cipher = make([]byte, 27) }), nil, "malformed", "27 bytes"},
		{"empty authenticator", request(func(r *messages.APReq) { r.EncryptedAuthenticator.Cipher = nil }), nil, "malformed", "0 bytes"},
		{"short ticket", request(func(r *messages.APReq) { r.Ticket.EncPart.Cipher = r.Ticket.EncPart.Cipher[:27] }), nil, "malformed", "ticket of 27 bytes"},
		{"empty ticket", request(func(r *messages.APReq) { r.Ticket.EncPart.Cipher = nil }), nil, "malformed", "ticket of 0 bytes"},
		{"no name in the ticket", request(func(r *messages.APReq) { r.Ticket.SName.NameString = nil; r.Ticket.EncPart.Cipher[40] ^= 1 }), nil, "no_key", "sname=\"\""},
		{"Kerberos 4", request(func(r *messages.APReq) { r.PVNO = 4 }), nil, "malformed", "AP-REQ of Kerberos 4"},
		{"ticket of Kerberos 4", request(func(r *messages.APReq) { r.Ticket.TktVNO = 4 }), nil, "malformed", "with a ticket of 4"},
		{"another message", request(func(r *messages.APReq) { r.MsgType = 12 }), nil, "malformed", "AP-REQ"},
		{"user", func(w *wishes) { w.cname = "alice" }, nil, "user", "alice@EXAMPLE.TEST is no computer account"},
		{"service", func(w *wishes) { w.cname = "host/win10" }, nil, "user", "no computer account"},
		{"name with a realm in it", func(w *wishes) { w.cname = "WIN10$@" + homeRealm }, nil, "user", "odd characters"},
		{"empty name", func(w *wishes) { w.cname = "" }, nil, "user", "empty component"},
		{"name of many lines", func(w *wishes) { w.cname = "a\nb$" }, nil, "user", "odd characters"},
		{"unknown realm", func(w *wishes) { w.crealm = "ELSEWHERE.TEST" }, nil, "user", `realm \"ELSEWHERE.TEST\" is not allowed`},
		{"foreign realm, path not checked", foreign, nil, "user", "PARTNER.TEST is foreign to EXAMPLE.TEST"},
		{"foreign realm, configured", func(w *wishes) { w.crealm = "elsewhere.test" }, func(a *kerberos.Acceptor) { a.Realms = []string{homeRealm, "ELSEWHERE.TEST"} }, "user", "is foreign to"},
		{"home realm, not configured", nil, func(a *kerberos.Acceptor) { a.Realms = []string{"ELSEWHERE.TEST"} }, "user", "is not allowed"},
	} {
		t.Run(x.name, func(t *testing.T) {
			wish, change := x.wish, x.change
			if wish == nil {
				wish = func(*wishes) {}
			}
			if change == nil {
				change = func(*kerberos.Acceptor) {}
			}
			c := collect(t, many, change)
			for _, scheme := range []string{"Kerberos", "Negotiate"} {
				m := c.dial()
				bad := mint(t, one, wish).token
				token := bad
				if scheme == "Negotiate" {
					token = negTokenInit([]string{oidMS, oidKRB5}, bad)
				}
				a := m.try(scheme, token)
				if a.String() != "401 Negotiate Kerberos" || len(a.body) != 0 {
					t.Fatalf("%s %q\n%s", a, a.body, c.log)
				}
				if n := c.metric("auth_failures_total", "auth", strings.ToLower(scheme), "reason", x.reason); n != 1 {
					t.Errorf("auth_failures_total{%s,%s} = %v\n%s", scheme, x.reason, n, c.log)
				}
				if a := m.post("", kerberosType, "", []byte("x")); a.String() != "401 Negotiate Kerberos" {
					t.Errorf("a message afterwards: %s", a)
				}
				if x.change == nil {
					m.prove().works(me)
				}
				if strings.Contains(c.log.String(), base64.StdEncoding.EncodeToString(token)[100:150]) {
					t.Error("the token is in the log")
				}
			}
			log := c.log.String()
			for _, words := range strings.Split("request refused|reason="+x.reason+"|remote_addr=127.0.0.1:|"+x.log, "|") {
				if !strings.Contains(log, words) {
					t.Errorf("log without %s:\n%s", words, log)
				}
			}
			if strings.Count(log, "request refused") > 2 { // once for the reason, and once at debug for having offered nothing
				t.Errorf("said more than once:\n%s", log)
			}
		})
	}
}

// TestPolicy is who may come in by configuration.
func TestPolicy(t *testing.T) {
	tab := newKeytab(t, aes(3), entry{service, "PARTNER.TEST", "partner", 3, 18})
	checked := func(w *wishes) { types.SetFlag(&w.ticket.Flags, flags.TransitedPolicyChecked) }
	for name, x := range map[string]struct {
		change func(*kerberos.Acceptor)
		wish   func(*wishes)
		want   string
	}{
		"users":                        {func(a *kerberos.Acceptor) { a.Users = true }, func(w *wishes) { w.cname = "alice" }, "alice@" + homeRealm},
		"services":                     {func(a *kerberos.Acceptor) { a.Users = true }, func(w *wishes) { w.cname = "host/win10.example.test" }, "host/win10.example.test@" + homeRealm},
		"names":                        {func(a *kerberos.Acceptor) { a.SPNs = []string{"http/WEC.example.test"} }, func(*wishes) {}, me},
		"names with realm":             {func(a *kerberos.Acceptor) { a.SPNs = []string{"x", "http/WEC.example.test@example.test"} }, func(*wishes) {}, me},
		"realm in another case":        {func(a *kerberos.Acceptor) { a.Realms = []string{"example.test"} }, func(*wishes) {}, me},
		"the keytab's other realm":     {nil, func(w *wishes) { w.crealm, w.key = "PARTNER.TEST", tab.Entries[1].Key }, "WIN10$@PARTNER.TEST"},
		"foreign realm, path checked":  {nil, func(w *wishes) { w.crealm = "PARTNER.TEST"; checked(w) }, "WIN10$@PARTNER.TEST"},
		"allowed realm, path checked":  {func(a *kerberos.Acceptor) { a.Realms = []string{"FAR.TEST"} }, func(w *wishes) { w.crealm = "FAR.TEST"; checked(w) }, "WIN10$@FAR.TEST"},
		"skew of an hour":              {func(a *kerberos.Acceptor) { a.Skew = time.Hour }, func(w *wishes) { w.now = w.now.Add(-59 * time.Minute) }, me},
		"name in letters of the world": {nil, func(w *wishes) { w.cname = "RECHNER-Ü$" }, "RECHNER-Ü$@" + homeRealm},
	} {
		change := x.change
		if change == nil {
			change = func(*kerberos.Acceptor) {}
		}
		t.Run(name, func(t *testing.T) { collect(t, tab, change).dial().prove(x.wish).works(x.want) })
	}
}
