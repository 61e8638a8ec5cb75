package kerberos

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/asn1tools"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana"
	"github.com/jcmturner/gokrb5/v8/iana/asnAppTag"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/msgtype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// reply makes the framed AP-REP (RFC 4120 5.5.2) and what the context is to be made of. With AES it brings a key of our own, of the etype
// of the one it replaces, as Windows and MIT do; RC4 has no way to say that it is in use.
func (h *hearing) reply() ([]byte, Params, error) {
	p := Params{Key: h.ticket.Key, Scheme: h.method, Send: firstNumber(), Receive: uint64(uint32(h.authenticator.SeqNumber))}
	if sub := h.authenticator.SubKey; len(sub.KeyValue) > 0 {
		p.Key = sub
	}
	part := messages.EncAPRepPart{CTime: h.authenticator.CTime.UTC(), Cusec: h.authenticator.Cusec, SequenceNumber: int64(p.Send)}
	if p.Key.KeyType != etypeID.RC4_HMAC {
		p.Key, p.AcceptorSubkey = newKey(p.Key.KeyType), true
		part.Subkey = p.Key
	}
	clear, err := asn1.Marshal(part)
	if err != nil {
		return nil, p, fmt.Errorf("make AP-REP: %w", err)
	}
	// kvno 0 is left out.
	sealed, err := crypto.GetEncryptedData(asn1tools.AddASNAppTag(clear, asnAppTag.EncAPRepPart), h.ticket.Key, keyusage.AP_REP_ENCPART, 0)
	if err != nil {
		return nil, p, fmt.Errorf("seal AP-REP: %w", err)
	}
	rep, err := asn1.Marshal(messages.APRep{PVNO: iana.PVNO, MsgType: msgtype.KRB_AP_REP, EncPart: sealed})
	if err != nil {
		return nil, p, fmt.Errorf("make AP-REP: %w", err)
	}
	return appendFrame(nil, idAPRep, asn1tools.AddASNAppTag(rep, asnAppTag.APREP)), p, nil
}

// newKey makes a random key. gokrb5's own function makes one of the wrong length for etype 20.
func newKey(etype int32) types.EncryptionKey {
	k := types.EncryptionKey{KeyType: etype, KeyValue: make([]byte, keyBytes(etype))}
	_, _ = rand.Read(k.KeyValue) // never fails
	return k
}

// firstNumber is a random one below 2^30, so that nobody's counting in 32 bits gets into trouble, and not 0, which ASN.1 would leave out.
func firstNumber() uint64 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return max(1, uint64(binary.BigEndian.Uint32(b[:])&(1<<30-1)))
}

// krbError is a framed KRB-ERROR (RFC 4120 5.9.1), nil for code 0. The names in it are the ones that the client sent.
func (h *hearing) krbError(code int32) []byte {
	if code == 0 {
		return nil
	}
	t := &h.request.Ticket
	e := messages.NewKRBError(t.SName, t.Realm, code, "")
	e.STime = h.began.UTC()
	e.Susec = h.began.Nanosecond() / 1000
	b, err := e.Marshal()
	if err != nil {
		return nil // then the client just sees the 401
	}
	return appendFrame(nil, idKRBError, b)
}
