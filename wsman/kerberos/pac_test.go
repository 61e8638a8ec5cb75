package kerberos_test

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/pac"
	"github.com/jcmturner/gokrb5/v8/test/testdata"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/wefka/wefka/wsman/kerberos"
)

var domain = []uint32{21, 1004336348, 1177238915, 682003330}

// logonInfo is a KERB_VALIDATION_INFO (MS-PAC 2.5) as a domain controller writes it.
type logonInfo struct {
	groups   [][2]uint32 // RID, attributes
	extra    [][]uint32  // SIDs of authority 5
	resource [][2]uint32
}

func (l logonInfo) marshal() []byte {
	var fixed, deferred []byte
	u32 := func(b *[]byte, v ...uint32) {
		for _, x := range v {
			*b = binary.LittleEndian.AppendUint32(*b, x)
		}
	}
	referent := uint32(0x20000)
	pointer := func(there bool) {
		if !there {
			u32(&fixed, 0)
			return
		}
		referent += 4
		u32(&fixed, referent)
	}
	text := func(s string) {
		u32(&fixed, uint32(2*len(s))|uint32(2*len(s))<<16)
		pointer(s != "")
		if s == "" {
			return
		}
		u32(&deferred, uint32(len(s)), 0, uint32(len(s)))
		for _, c := range s {
			deferred = append(deferred, byte(c), 0)
		}
		for len(deferred)%4 != 0 {
			deferred = append(deferred, 0)
		}
	}
	sid := func(sub []uint32) {
		u32(&deferred, uint32(len(sub)))
		deferred = append(deferred, 1, byte(len(sub)), 0, 0, 0, 0, 0, 5)
		u32(&deferred, sub...)
	}
	members := func(list [][2]uint32) {
		if len(list) == 0 {
			return
		}
		u32(&deferred, uint32(len(list)))
		for _, m := range list {
			u32(&deferred, m[0], m[1])
		}
	}
	for range 6 {
		u32(&fixed, 0xffffffff, 0x7fffffff)
	}
	for _, s := range []string{"WIN10$", "", "", "odd", "", ""} {
		text(s)
	}
	u32(&fixed, 7, 1105, 515, uint32(len(l.groups)))
	pointer(len(l.groups) > 0)
	members(l.groups)
	u32(&fixed, 0x20, 0, 0, 0, 0)
	text("DC1")
	text("EXAMPLE")
	pointer(true)
	sid(domain)
	u32(&fixed, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0)
	u32(&fixed, uint32(len(l.extra)))
	pointer(len(l.extra) > 0)
	if len(l.extra) > 0 {
		u32(&deferred, uint32(len(l.extra)))
		for i := range l.extra {
			u32(&deferred, uint32(0x30000+4*i), 7)
		}
		for _, s := range l.extra {
			sid(s)
		}
	}
	pointer(len(l.resource) > 0)
	if len(l.resource) > 0 {
		sid(domain)
	}
	u32(&fixed, uint32(len(l.resource)))
	pointer(len(l.resource) > 0)
	members(l.resource)

	out := []byte{1, 0x10, 8, 0, 0xcc, 0xcc, 0xcc, 0xcc}
	u32(&out, uint32(4+len(fixed)+len(deferred)+7)&^7, 0, 0x20000)
	out = append(append(out, fixed...), deferred...)
	for len(out)%8 != 0 {
		out = append(out, 0)
	}
	return out
}

type pacPart struct {
	kind uint32
	data []byte
}

// checksum kinds and lengths by etype of the key
func pacKind(etype int32) (kind int32, size int) {
	switch etype {
	case 17:
		return 15, 12
	case 18:
		return 16, 12
	case 19:
		return 19, 16
	case 20:
		return 20, 24
	}
	return -138, 16
}

func signatureData(kind int32, size int, more ...byte) []byte {
	return append(append(binary.LittleEndian.AppendUint32(nil, uint32(kind)), make([]byte, size)...), more...)
}

// newPAC lays parts out and signs: the first part of kind 6 is filled in.
func newPAC(t testing.TB, key types.EncryptionKey, parts ...pacPart) []byte {
	t.Helper()
	b := layPAC(parts...)
	signPAC(t, key, b)
	return b
}

func layPAC(parts ...pacPart) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(parts)))
	b = binary.LittleEndian.AppendUint32(b, 0)
	at := 8 + 16*len(parts)
	for _, p := range parts {
		b = binary.LittleEndian.AppendUint32(b, p.kind)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p.data)))
		b = binary.LittleEndian.AppendUint64(b, uint64(at))
		at += (len(p.data) + 7) &^ 7
	}
	for _, p := range parts {
		b = append(b, p.data...)
		for len(b)%8 != 0 {
			b = append(b, 0)
		}
	}
	return b
}

// signPAC fills in the server's signature, over whatever there is, if there is room for it. The signatures must be zero.
func signPAC(t testing.TB, key types.EncryptionKey, b []byte) {
	t.Helper()
	for row := 8; row+16 <= len(b) && row < 8+16*int(binary.LittleEndian.Uint32(b)); row += 16 {
		if binary.LittleEndian.Uint32(b[row:]) != 6 {
			continue
		}
		at := int(binary.LittleEndian.Uint64(b[row+8:]))
		kind := int32(binary.LittleEndian.Uint32(b[at:]))
		e, err := crypto.GetChksumEtype(kind)
		if err != nil {
			t.Fatal(err)
		}
		sum, err := e.GetChecksumHash(key.KeyValue, b, 17)
		if err != nil {
			t.Fatal(err)
		}
		_, size := pacKind(e.GetETypeID())
		copy(b[at+4:at+4+size], sum)
		return
	}
}

// usual are the parts of a PAC from a domain controller.
func usual(etype int32, info logonInfo) []pacPart {
	kind, size := pacKind(etype)
	kdc := signatureData(16, 12)
	return []pacPart{
		{1, info.marshal()}, {10, make([]byte, 22)}, {12, make([]byte, 40)}, {6, signatureData(kind, size)}, {7, kdc}, {16, signatureData(16, 12)}, {19, signatureData(16, 12)},
	}
}

// carry puts authorization data into a ticket.
func carry(t testing.TB, pacs ...[]byte) func(*wishes) {
	t.Helper()
	var inner types.AuthorizationData
	for _, p := range pacs {
		inner = append(inner, types.AuthorizationDataEntry{ADType: 128, ADData: p})
	}
	b, err := asn1.Marshal(inner)
	if err != nil {
		t.Fatal(err)
	}
	return func(w *wishes) { w.ticket.AuthorizationData = types.AuthorizationData{{ADType: 1, ADData: b}} }
}

var (
	members = logonInfo{
		groups: [][2]uint32{{515, 7}, {1110, 7}, {1111, 0x10}, {515, 7}}, // the third is for denial only
		extra:  [][]uint32{{18, 1}, {21, 1, 2, 3, 512}}, resource: [][2]uint32{{1120, 0x20000007}, {515, 7}},
	}
	memberSIDs = []string{
		"S-1-5-21-1004336348-1177238915-682003330-515", "S-1-5-21-1004336348-1177238915-682003330-1110",
		"S-1-5-18-1", "S-1-5-21-1-2-3-512", "S-1-5-21-1004336348-1177238915-682003330-1120",
	}
)

// TestGroups: of every etype of service key, by the server's signature under it.
func TestGroups(t *testing.T) {
	for _, etype := range []int32{17, 18, 19, 20, 23} {
		c := collect(t, newKeytab(t, aes(1), entry{service, homeRealm, "secret", 3, etype}), func(a *kerberos.Acceptor) { a.RC4 = true })
		key := c.tab.Entries[1].Key
		under := func(w *wishes) { w.key, w.kvno = key, 3 }
		c.dial().prove(under, carry(t, newPAC(t, key, usual(etype, members)...))).works(me)
		if diff := cmp.Diff(memberSIDs, c.handler.last().Groups); diff != "" {
			t.Errorf("etype %d: %s", etype, diff)
		}
		// HMAC-MD5 works with any key, and so it is seen.
		parts := usual(etype, members)
		parts[3].data = signatureData(-138, 16)
		c.dial().prove(under, carry(t, newPAC(t, key, parts...))).works(me)
		if diff := cmp.Diff(memberSIDs, c.handler.last().Groups); diff != "" {
			t.Errorf("etype %d: %s", etype, diff)
		}
	}
	c := collect(t, nil)
	key := c.tab.Entries[0].Key
	for name, x := range map[string]func(*wishes){
		"none":                 func(*wishes) {},
		"no logon information": carry(t, newPAC(t, key, usual(18, members)[1:]...)),
		"no groups":            carry(t, newPAC(t, key, usual(18, logonInfo{})...)),
		"not below if-relevant": func(w *wishes) {
			w.ticket.AuthorizationData = types.AuthorizationData{{ADType: 128, ADData: newPAC(t, key, usual(18, members)...)}}
		},
		"only in the authenticator": func(w *wishes) {
			w.authenticator = func(a *types.Authenticator) {
				ticket := &wishes{}
				carry(t, newPAC(t, key, usual(18, members)...))(ticket)
				a.AuthorizationData = ticket.ticket.AuthorizationData
			}
		},
	} {
		c.dial().prove(x).works(me)
		if g := c.handler.last().Groups; len(g) != 0 {
			t.Errorf("%s: %v", name, g)
		}
	}
	// A read-only domain controller adds its number; the KDC's signature may be of a kind that we do not know.
	parts := usual(18, members)
	parts[3].data, parts[4].data = signatureData(16, 12, 0x34, 0x12), signatureData(99, 7)
	c.dial().prove(carry(t, newPAC(t, key, parts...))).works(me)
	if diff := cmp.Diff(memberSIDs, c.handler.last().Groups); diff != "" {
		t.Error(diff)
	}
	// As many buffers as are allowed.
	parts = append(usual(18, members), make([]pacPart, 57)...)
	c.dial().prove(carry(t, newPAC(t, key, parts...))).works(me)
	if a := c.dial().try("Kerberos", mint(t, c.tab, carry(t, newPAC(t, key, append(parts, pacPart{})...))).token); a.status != 401 {
		t.Errorf("65 buffers: %s", a)
	}
	// So many groups that gokrb5's reader would refill its buffer on the way.
	var many logonInfo
	for i := range 5500 { // nearly the largest token that Windows makes by default
		many.groups = append(many.groups, [2]uint32{uint32(2000 + i), 7})
	}
	c.dial().prove(carry(t, newPAC(t, key, usual(18, many)...))).works(me)
	if g := c.handler.last().Groups; len(g) != 5500 || g[5499] != "S-1-5-21-1004336348-1177238915-682003330-7499" {
		t.Errorf("%d groups", len(g))
	}
}

// TestBrokenPACs: whoever has one is refused, and not just taken for a member of nothing.
func TestBrokenPACs(t *testing.T) {
	c := collect(t, nil)
	key := c.tab.Entries[0].Key
	good := func() []byte { return newPAC(t, key, usual(18, members)...) }
	edit := func(f func(b []byte)) []byte { b := good(); f(b); return b }
	resign := func(f func(b []byte)) []byte { b := layPAC(usual(18, members)...); f(b); signPAC(t, key, b); return b }
	with := func(f func(p []pacPart) []pacPart) []byte { return newPAC(t, key, f(usual(18, members))...) }
	row := func(b []byte, i int) []byte { return b[8+16*i:] }
	for name, pacs := range map[string][][]byte{
		"two PACs":                     {good(), good()},
		"empty":                        {{}},
		"seven bytes":                  {good()[:7]},
		"table cut short":              {good()[:40]},
		"cut short":                    {good()[:len(good())-1]},
		"another's signature":          {newPAC(t, randomKey(18), usual(18, members)...)},
		"no signature":                 {with(func(p []pacPart) []pacPart { return slices.Delete(p, 3, 4) })},
		"short signature":              {edit(func(b []byte) { binary.LittleEndian.PutUint32(row(b, 3)[4:], 15) })},
		"tiny signature":               {edit(func(b []byte) { binary.LittleEndian.PutUint32(row(b, 3)[4:], 3) })},
		"empty signature":              {edit(func(b []byte) { binary.LittleEndian.PutUint32(row(b, 3)[4:], 0) })},
		"short KDC signature":          {resign(func(b []byte) { binary.LittleEndian.PutUint32(row(b, 4)[4:], 15) })},
		"signature of AES128":          {edit(func(b []byte) { b[binary.LittleEndian.Uint64(row(b, 3)[8:])] = 15 })},
		"signature of CRC":             {edit(func(b []byte) { binary.LittleEndian.PutUint32(b[binary.LittleEndian.Uint64(row(b, 3)[8:]):], 1) })},
		"version 1":                    {resign(func(b []byte) { b[4] = 1 })},
		"2^32-1 buffers":               {edit(func(b []byte) { copy(b, "\xff\xff\xff\xff") })},
		"more than there are":          {resign(func(b []byte) { b[0] = 60 })},
		"offset beyond":                {resign(func(b []byte) { binary.LittleEndian.PutUint64(row(b, 0)[8:], uint64(len(b))+1) })},
		"offset of 2^64-1":             {resign(func(b []byte) { binary.LittleEndian.PutUint64(row(b, 0)[8:], 1<<64-1) })},
		"offset of 2^63":               {resign(func(b []byte) { binary.LittleEndian.PutUint64(row(b, 1)[8:], 1<<63) })},
		"size beyond":                  {resign(func(b []byte) { binary.LittleEndian.PutUint32(row(b, 0)[4:], 1<<32-1) })},
		"two server signatures":        {with(func(p []pacPart) []pacPart { return append(p, pacPart{6, signatureData(16, 12)}) })},
		"two KDC signatures":           {with(func(p []pacPart) []pacPart { return append(p, pacPart{7, signatureData(16, 12)}) })},
		"two logon informations":       {with(func(p []pacPart) []pacPart { return append(p, pacPart{1, logonInfo{}.marshal()}) })},
		"empty logon information":      {with(func(p []pacPart) []pacPart { p[0].data = nil; return p })},
		"half a logon information":     {with(func(p []pacPart) []pacPart { p[0].data = p[0].data[:200]; return p })},
		"big-endian logon information": {with(func(p []pacPart) []pacPart { p[0].data[1] = 0; return p })},
	} {
		m := c.dial()
		a := m.try("Kerberos", mint(t, c.tab, carry(t, pacs...)).token)
		if a.String() != "401 Negotiate Kerberos" {
			t.Errorf("%s: %s", name, a)
			continue
		}
		m.prove(carry(t, good())).works(me)
	}
	if a := c.dial().try("Kerberos", mint(t, c.tab, func(w *wishes) {
		w.ticket.AuthorizationData = types.AuthorizationData{{ADType: 1, ADData: []byte{0x30, 5}}}
	}).token); a.status != 401 {
		t.Errorf("broken authorization data: %s", a)
	}
	if n := c.metric("auth_failures_total", "reason", "malformed"); n != 27 {
		t.Errorf("auth_failures_total = %v\n%s", n, c.log)
	}
}

// TestPACBytes: every changed byte is refused, but for the KDC's signature, which only the KDC can check.
func TestPACBytes(t *testing.T) {
	key := newKeytab(t).Entries[0].Key
	good := newPAC(t, key, usual(18, members)...)
	if g, err := kerberos.VerifyPAC(good, key); err != nil || !slices.Equal(g, memberSIDs) {
		t.Fatal(g, err)
	}
	kdc := int(binary.LittleEndian.Uint64(good[8+16*4+8:])) + 4
	for i := range good {
		for _, bit := range []byte{1, 0x80} {
			b := slices.Clone(good)
			b[i] ^= bit
			_, err := kerberos.VerifyPAC(b, key)
			if inside := i >= kdc && i < kdc+12; inside != (err == nil) {
				t.Errorf("byte %d ^ %#x: %v", i, bit, err)
			}
		}
	}
}

// TestForeignPACs: vectors of gokrb5, from Windows domain controllers, and its own reader as the oracle.
func TestForeignPACs(t *testing.T) {
	for name, text := range map[string]string{
		"MS": testdata.MarshaledPAC_Kerb_Validation_Info_MS, "gokrb5": testdata.MarshaledPAC_Kerb_Validation_Info, "trust": testdata.MarshaledPAC_Kerb_Validation_Info_Trust,
		"ours": hex.EncodeToString(members.marshal()), "ours, empty": hex.EncodeToString(logonInfo{}.marshal()),
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		var oracle pac.KerbValidationInfo
		if err := oracle.Unmarshal(b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := slices.DeleteFunc(oracle.GetGroupMembershipSIDs(), func(sid string) bool { return sid == "S-1-5-21-1004336348-1177238915-682003330-1111" })
		slices.Sort(want)
		want = slices.Compact(want)
		got, err := kerberos.ReadLogonInfo(b)
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v\n%s", name, err, cmp.Diff(want, got))
		}
		for n := range b[:len(b)&^7-8] {
			if _, err := kerberos.ReadLogonInfo(b[:n]); err == nil {
				t.Errorf("%s: %d of %d bytes are enough", name, n, len(b))
			}
		}
	}
	var tab keytab.Keytab
	b, _ := hex.DecodeString(testdata.KEYTAB_SYSHTTP_TEST_GOKRB5)
	if err := tab.Unmarshal(b); err != nil {
		t.Fatal(err)
	}
	whole, _ := hex.DecodeString(testdata.MarshaledPAC_AD_WIN2K_PAC)
	verified := 0
	for _, e := range tab.Entries {
		groups, err := kerberos.VerifyPAC(slices.Clone(whole), e.Key)
		if e.Key.KeyType == 18 && e.KVNO == 2 {
			if verified++; err != nil || len(groups) == 0 {
				t.Errorf("%v %v", groups, err)
			}
		} else if err == nil {
			t.Errorf("verified by %d %d", e.Key.KeyType, e.KVNO)
		}
	}
	if verified != 1 {
		t.Errorf("%d keys", verified)
	}
}
