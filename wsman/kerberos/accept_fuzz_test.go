package kerberos_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/test/testdata"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

// FuzzFrame: whatever opens is what the frame says, and a frame made of it opens to the same.
func FuzzFrame(f *testing.F) {
	f.Add(framed(1, []byte{0x6e, 0}))
	f.Add(framed(2, bytes.Repeat([]byte{1}, 300)))
	f.Add([]byte("\x60\x84\x00\x00\x00\x0d" + oidKRB5 + "\x03\x00"))
	f.Add([]byte("\x60\x80" + oidKRB5 + "\x01\x00\x00\x00"))
	f.Add([]byte("\x60\x84\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		id, inner, err := kerberos.OpenFrame(b)
		if err != nil {
			return
		}
		again := kerberos.AppendFrame(nil, id, inner)
		if len(again) > len(b) || !bytes.HasSuffix(b, again[len(again)-len(inner)-2:]) {
			t.Fatalf("%x became %x", b, again)
		}
		if id2, inner2, err := kerberos.OpenFrame(again); err != nil || id2 != id || !bytes.Equal(inner2, inner) {
			t.Fatalf("%x %x %v", id2, inner2, err)
		}
	})
}

// FuzzSPNEGO: every part comes from the token, and what was read of an answer is read again from what is written of it.
func FuzzSPNEGO(f *testing.F) {
	f.Add(negTokenInit([]string{oidMS, oidKRB5, oidNegoEx, oidNTLM}, []byte("token")))
	f.Add(negTokenInit([]string{oidKRB5}, nil, der(0xa3, der(0x04, []byte("mic")))))
	f.Add(negTokenResp([]byte("token"), []byte("mic")))
	f.Add(der(0xa1, der(0x30, der(0xa0, []byte{10, 1, 3}), der(0xa1, []byte(oidMS)))))
	f.Add(framedAs(oidSPNEGO, der(0xa0, der(0x30, der(0xa0, der(0x30))))))
	f.Fuzz(func(t *testing.T, b []byte) {
		if mechs, list, token, mic, err := kerberos.ReadNegInit(b); err == nil {
			if len(mechs) == 0 || !bytes.Contains(list, bytes.Join(mechs, nil)) || !bytes.Contains(b, list) || !bytes.Contains(b, token) || !bytes.Contains(b, mic) {
				t.Fatalf("%x: %x %x %x %x", b, mechs, list, token, mic)
			}
		}
		state, mech, token, mic, err := kerberos.ReadNegResp(b)
		if err != nil {
			return
		}
		again := kerberos.AppendNegResp(nil, state, mech, token, mic)
		if len(again) > len(b) {
			t.Fatalf("%x became %x", b, again)
		}
		s, m, tok, mi, err := kerberos.ReadNegResp(again)
		if err != nil || s != state || !bytes.Equal(m, mech) || !bytes.Equal(tok, token) || !bytes.Equal(mi, mic) {
			t.Fatalf("%x: %v", again, err)
		}
	})
}

// FuzzAPReq: whatever is in the header, there is no panic, and nobody gets in but the one whom the KDC has named. The time stands still.
func FuzzAPReq(f *testing.F) {
	now := time.Date(2026, 3, 5, 9, 14, 22, 0, time.UTC)
	tab := newKeytab(f, aes(3), entry{service, homeRealm, "secret", 3, 23})
	a := &kerberos.Acceptor{Keytab: save(f, tab), RC4: true}
	a.Clock(func() time.Time { return now })
	if err := a.Load(); err != nil {
		f.Fatal(err)
	}
	at := func(w *wishes) {
		w.now, w.ticket.AuthTime, w.ticket.StartTime, w.ticket.EndTime = now, now, now, now.Add(time.Hour)
	}
	rc4 := func(w *wishes) { w.key, w.session, w.subkey = tab.Entries[1].Key, 23, 23 }
	withPAC := carry(f, newPAC(f, tab.Entries[0].Key, usual(18, members)...))
	f.Add(false, mint(f, tab, at).token)
	f.Add(false, mint(f, tab, at, rc4).token)
	f.Add(false, mint(f, tab, at, withPAC).token)
	f.Add(true, negTokenInit([]string{oidMS, oidKRB5}, mint(f, tab, at).token))
	f.Add(true, negTokenInit([]string{oidNTLM, oidKRB5}, nil))
	f.Add(true, []byte("NTLMSSP\x00\x01\x00\x00\x00"))
	f.Add(false, mint(f, tab, at, func(w *wishes) { w.cname = "alice" }).token)
	f.Fuzz(func(t *testing.T, negotiate bool, token []byte) {
		a.Forget()
		scheme := "Kerberos"
		if negotiate {
			scheme = "Negotiate"
		}
		checkVerdict(t, a, scheme, token)
	})
}

// FuzzInside: what is inside the ciphers, which a member of the domain writes (the authenticator) and a KDC (the ticket).
func FuzzInside(f *testing.F) {
	now := time.Date(2026, 3, 5, 9, 14, 22, 0, time.UTC)
	tab := newKeytab(f)
	a := &kerberos.Acceptor{Keytab: save(f, tab)}
	a.Clock(func() time.Time { return now })
	if err := a.Load(); err != nil {
		f.Fatal(err)
	}
	key := randomKey(18)
	at := func(w *wishes) {
		w.now, w.ticket.AuthTime, w.ticket.StartTime, w.ticket.EndTime, w.ticket.Key = now, now, now, now.Add(time.Hour), key
	}
	for _, change := range []func(*wishes){func(*wishes) {}, carry(f, newPAC(f, tab.Entries[0].Key, usual(18, members)...)), func(w *wishes) { w.subkey, w.gss = 0, 0x103e }} {
		m := mint(f, tab, at, change)
		for i, under := range []types.EncryptionKey{tab.Entries[0].Key, key} {
			clear, err := crypto.DecryptMessage(m.ciphers[i], under, []uint32{keyusage.KDC_REP_TICKET, keyusage.AP_REQ_AUTHENTICATOR}[i])
			if err != nil {
				f.Fatal(err)
			}
			f.Add(i == 0, clear)
		}
	}
	f.Fuzz(func(t *testing.T, ticket bool, inside []byte) {
		if inside == nil {
			inside = []byte{}
		}
		a.Forget()
		if !ticket {
			checkVerdict(t, a, "Kerberos", mint(t, tab, at, func(w *wishes) { w.insideAuthenticator = inside }).token)
			return
		}
		if s, _, err := judgeToken(a, "Kerberos", mint(t, tab, at, func(w *wishes) { w.insideTicket = inside }).token); err == nil {
			if name := s.Source().Name; !strings.HasSuffix(name, "$@"+homeRealm) || strings.Count(name, "@") != 1 {
				t.Fatalf("%x is accepted as %q", inside, name)
			}
		} else if strings.Contains(err.Error(), "panic") {
			t.Fatalf("%x: %v", inside, err)
		}
	})
}

// checkVerdict judges a token that was made out of one for me.
func checkVerdict(t testing.TB, a *kerberos.Acceptor, scheme string, token []byte) (accepted bool) {
	s, w, err := judgeToken(a, scheme, token)
	if err == nil {
		from := s.Source()
		if from.Name != me || len(from.Groups) != 0 && !slices.Equal(from.Groups, memberSIDs) || len(w["Www-Authenticate"]) != 1 {
			t.Fatalf("%x is accepted as %+v", token, from)
		}
		return true
	}
	var refused *wsman.AuthError
	var more *wsman.Continue
	switch {
	case errors.As(err, &more) && scheme == "Negotiate": // Kerberos is offered, but not first
	case !errors.As(err, &refused) || refused.Reason == "" || !errors.Is(err, wsman.ErrUnauthenticated):
		t.Fatalf("%x: %v", token, err)
	case strings.Contains(err.Error(), "panic"):
		t.Fatalf("%x: %v", token, err)
	}
	return false
}

// FuzzPAC: the table and the signature, and behind a right signature the logon information.
func FuzzPAC(f *testing.F) {
	key := newKeytab(f).Entries[0].Key
	f.Add(false, newPAC(f, key, usual(18, members)...))
	f.Add(false, newPAC(f, key, usual(18, logonInfo{})[1:]...))
	f.Add(true, members.marshal())
	f.Add(true, logonInfo{}.marshal())
	for _, text := range []string{testdata.MarshaledPAC_Kerb_Validation_Info_MS, testdata.MarshaledPAC_Kerb_Validation_Info, testdata.MarshaledPAC_Kerb_Validation_Info_Trust} {
		b, err := hex.DecodeString(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(true, b)
	}
	f.Fuzz(func(t *testing.T, sign bool, b []byte) {
		if sign {
			kind, size := pacKind(18)
			b = newPAC(t, key, pacPart{1, b}, pacPart{6, signatureData(kind, size)}, pacPart{7, signatureData(16, 12)})
		}
		groups, err := kerberos.VerifyPAC(b, key)
		for _, g := range groups {
			if !strings.HasPrefix(g, "S-1-") && g[0] != '-' || err != nil {
				t.Fatalf("%q %v", g, err)
			}
		}
		if len(groups) > len(b)/8 {
			t.Fatalf("%d groups in %d bytes", len(groups), len(b))
		}
	})
}

// FuzzKeytab: no panic, and no word of the file in an error.
func FuzzKeytab(f *testing.F) {
	for _, entries := range [][]entry{{aes(3)}, {aes(1), {service, homeRealm, "x", 3, 17}, {"a", "B", "c", 0, 23}}} {
		b, err := newKeytab(f, entries...).Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	b, err := hex.DecodeString(testdata.KEYTAB_SYSHTTP_TEST_GOKRB5)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("\x05\x02\x80\x00\x00\x00"))
	f.Add([]byte("\x05\x01\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := kerberos.ReadKeytab(b)
		if (n == 0) != (err != nil) || n > len(b)/20 {
			t.Fatalf("%d keys of %d bytes, %v", n, len(b), err)
		}
	})
}
