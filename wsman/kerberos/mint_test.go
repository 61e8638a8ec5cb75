package kerberos_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/asn1tools"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/asnAppTag"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

const (
	homeRealm = "EXAMPLE.TEST"
	service   = "HTTP/wec.example.test"
)

// entry is a line of a keytab.
type entry struct {
	principal, realm, password string
	kvno                       int
	etype                      int32
}

func aes(kvno int) entry { return entry{service, homeRealm, "secret", kvno, 18} }

// newKeytab makes a keytab; with no entries one of the service with AES256 and version 3.
func newKeytab(t testing.TB, entries ...entry) *keytab.Keytab {
	t.Helper()
	if len(entries) == 0 {
		entries = []entry{aes(3)}
	}
	tab := keytab.New()
	for _, e := range entries {
		if err := tab.AddEntry(e.principal, e.realm, e.password, time.Now(), byte(e.kvno), e.etype); err != nil {
			t.Fatal(err)
		}
		tab.Entries[len(tab.Entries)-1].KVNO = uint32(e.kvno)
	}
	return tab
}

// save writes it to a file.
func save(t testing.TB, tab *keytab.Keytab) string {
	t.Helper()
	b, err := tab.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "wef.keytab")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// wishes are what a KDC and a client put into a ticket and an AP-REQ. The zero of none of them is the default; see mint.
type wishes struct {
	cname, crealm string
	sname, realm  string
	key           types.EncryptionKey // of the service
	kvno          int
	session       int32 // etypes
	subkey        int32 // 0: none
	now           time.Time
	ticket        messages.EncTicketPart
	options       []int
	gss           uint32 // flags

	authenticator func(*types.Authenticator)
	request       func(*messages.APReq)

	insideTicket, insideAuthenticator []byte // instead of what would be encrypted; nil: that
}

// minted is an AP-REQ and what only the client knows of it.
type minted struct {
	token         []byte    // framed
	ciphers       [2][]byte // of ticket and authenticator
	session       types.EncryptionKey
	authenticator types.Authenticator
}

// mint makes a ticket and an AP-REQ without a network, as a Windows source with a ticket under the first key of tab has them.
func mint(t testing.TB, tab *keytab.Keytab, change ...func(*wishes)) *minted {
	t.Helper()
	first := tab.Entries[0]
	w := &wishes{
		cname: "WIN10$", crealm: homeRealm, sname: service, realm: first.Principal.Realm, key: first.Key, kvno: int(first.KVNO),
		session: 18, subkey: 18, now: time.Now(), options: []int{flags.APOptionMutualRequired}, gss: 0x3e,
	}
	w.ticket = messages.EncTicketPart{
		Flags: types.NewKrbFlags(), AuthTime: w.now.Add(-time.Hour).UTC(), StartTime: w.now.Add(-time.Hour).UTC(), EndTime: w.now.Add(9 * time.Hour).UTC(),
	}
	for _, c := range change {
		c(w)
	}
	if w.ticket.Key.KeyType == 0 {
		w.ticket.Key = randomKey(w.session)
	}
	name := types.PrincipalName{NameType: 1, NameString: strings.Split(w.cname, "/")}
	w.ticket.CName, w.ticket.CRealm = name, w.crealm
	a, err := types.NewAuthenticator(w.crealm, name)
	if err != nil {
		t.Fatal(err)
	}
	a.CTime, a.Cusec = w.now.UTC().Truncate(time.Second), w.now.Nanosecond()/1000
	a.Cksum = types.Checksum{CksumType: 0x8003, Checksum: gssChecksum(w.gss)}
	if w.subkey != 0 {
		a.SubKey = randomKey(w.subkey)
	}
	if w.authenticator != nil {
		w.authenticator(&a)
	}
	ticket := messages.Ticket{TktVNO: 5, Realm: w.realm, SName: types.PrincipalName{NameType: 2, NameString: strings.Split(w.sname, "/")}}
	clear, err := asn1.Marshal(w.ticket)
	if err != nil {
		t.Fatal(err)
	}
	if clear = asn1tools.AddASNAppTag(clear, asnAppTag.EncTicketPart); w.insideTicket != nil {
		clear = w.insideTicket
	}
	ticket.EncPart, err = crypto.GetEncryptedData(clear, w.key, keyusage.KDC_REP_TICKET, w.kvno)
	if err != nil {
		t.Fatal(err)
	}
	under := w.ticket.Key
	if full := randomKey(w.session); len(under.KeyValue) < len(full.KeyValue) {
		under = full // a KDC gone mad; some key it takes
	}
	request, err := messages.NewAPReq(ticket, under, a)
	if err != nil {
		t.Fatal(err)
	}
	if w.insideAuthenticator != nil {
		if request.EncryptedAuthenticator, err = crypto.GetEncryptedData(w.insideAuthenticator, under, keyusage.AP_REQ_AUTHENTICATOR, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range w.options {
		types.SetFlag(&request.APOptions, o)
	}
	if w.request != nil {
		w.request(&request)
	}
	b, err := request.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return &minted{framed(1, b), [2][]byte{request.Ticket.EncPart.Cipher, request.EncryptedAuthenticator.Cipher}, w.ticket.Key, a}
}

func randomKey(etype int32) types.EncryptionKey {
	n := map[int32]int{17: 16, 18: 32, 19: 16, 20: 32, 23: 16}[etype]
	k := types.EncryptionKey{KeyType: etype, KeyValue: make([]byte, n)}
	_, _ = rand.Read(k.KeyValue)
	return k
}

func gssChecksum(flags uint32) []byte {
	b := append([]byte{16, 0, 0, 0}, make([]byte, 16)...)
	return binary.LittleEndian.AppendUint32(b, flags)
}

const oidKRB5 = "\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"

// der is one element, made by other means than the room's.
func der(tag byte, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	b, err := asn1.Marshal(asn1.RawValue{Class: int(tag >> 6), IsCompound: tag&0x20 != 0, Tag: int(tag & 0x1f), Bytes: body})
	if err != nil {
		panic(err)
	}
	return b
}

// framed is a token of the Kerberos mechanism.
func framed(id byte, inner []byte) []byte { return der(0x60, []byte(oidKRB5), []byte{id, 0}, inner) }

// answered takes the collector's AP-REP apart as a client does.
func (m *minted) answered(t testing.TB, token []byte) messages.EncAPRepPart {
	t.Helper()
	head := framed(2, nil)
	at := bytes.Index(token, head[2:])
	if at < 0 || !bytes.Equal(framed(2, token[at+len(head)-2:]), token) {
		t.Fatalf("no AP-REP in its frame: %x", token)
	}
	var rep messages.APRep
	if err := rep.Unmarshal(token[at+len(head)-2:]); err != nil {
		t.Fatal(err)
	}
	if rep.PVNO != 5 || rep.EncPart.EType != m.session.KeyType || rep.EncPart.KVNO != 0 {
		t.Errorf("AP-REP: version %d, etype %d, kvno %d", rep.PVNO, rep.EncPart.EType, rep.EncPart.KVNO)
	}
	clear, err := crypto.DecryptEncPart(rep.EncPart, m.session, keyusage.AP_REP_ENCPART)
	if err != nil {
		t.Fatal(err)
	}
	var part messages.EncAPRepPart
	if err := part.Unmarshal(clear); err != nil {
		t.Fatal(err)
	}
	if !part.CTime.Equal(m.authenticator.CTime) || part.Cusec != m.authenticator.Cusec {
		t.Errorf("AP-REP of %s %d, the authenticator is of %s %d", part.CTime, part.Cusec, m.authenticator.CTime, m.authenticator.Cusec)
	}
	return part
}

// context is the client's end after an AP-REP.
func (m *minted) context(t testing.TB, part messages.EncAPRepPart, scheme wsman.Method) *kerberos.Context {
	t.Helper()
	p := kerberos.Params{Key: m.session, Initiator: true, Scheme: scheme, Send: uint64(uint32(m.authenticator.SeqNumber)), Receive: uint64(part.SequenceNumber)}
	if len(m.authenticator.SubKey.KeyValue) > 0 {
		p.Key = m.authenticator.SubKey
	}
	if len(part.Subkey.KeyValue) > 0 {
		p.Key, p.AcceptorSubkey = part.Subkey, true
	}
	c, err := kerberos.NewContext(p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
