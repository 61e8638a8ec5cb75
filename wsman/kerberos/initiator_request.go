package kerberos

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/msgtype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// apRequest is an AP-REQ that was sent, with what the AP-REP must repeat or replace.
type apRequest struct {
	message []byte // DER
	ctime   time.Time
	cusec   int
	subkey  types.EncryptionKey
	number  uint32 // of our first token
}

const (
	gssChecksum  = 0x8003 // type of a checksum that is none, but a set of flags (RFC 4121 4.1.1)
	windowsFlags = 0x3E   // mutual, replay, sequence, confidentiality, integrity
)

// request makes an AP-REQ as Windows does: mutual authentication wanted, a subkey, a sequence number below 2^30 (RFC 4120 5.5.1).
func (i *Initiator) request(c *Credential) (*apRequest, error) {
	var random [32 + 4]byte
	_, _ = rand.Read(random[:]) // never fails
	now := time.Now().Add(i.Quirks.Skew).UTC()
	r := &apRequest{ctime: now, cusec: now.Nanosecond() / 1000, number: binary.BigEndian.Uint32(random[32:]) & 0x3fffffff}
	r.subkey = types.EncryptionKey{KeyType: c.Key.KeyType, KeyValue: random[:keyBytes(c.Key.KeyType)]}
	if len(r.subkey.KeyValue) == 0 {
		return nil, fmt.Errorf("session key of etype %d", c.Key.KeyType)
	}
	asked := uint32(windowsFlags)
	if i.Quirks.Flags != 0 {
		asked = i.Quirks.Flags
	}
	sum := binary.LittleEndian.AppendUint32(append([]byte{16}, make([]byte, 3+16)...), asked) // no channel is bound
	a := types.Authenticator{
		AVNO: iana.PVNO, CRealm: c.Realm, CName: c.Client, CTime: r.ctime, Cusec: r.cusec, SubKey: r.subkey, SeqNumber: int64(r.number),
		Cksum: types.Checksum{CksumType: gssChecksum, Checksum: sum},
	}
	plain, err := a.Marshal()
	if err != nil {
		return nil, fmt.Errorf("make authenticator: %w", err)
	}
	ap := messages.APReq{PVNO: iana.PVNO, MsgType: msgtype.KRB_AP_REQ, APOptions: types.NewKrbFlags(), Ticket: c.Ticket}
	if asked&2 != 0 {
		types.SetFlag(&ap.APOptions, flags.APOptionMutualRequired)
	}
	if ap.EncryptedAuthenticator, err = crypto.GetEncryptedData(plain, c.Key, keyusage.AP_REQ_AUTHENTICATOR, 0); err != nil {
		return nil, fmt.Errorf("encrypt authenticator: %w", err)
	}
	if r.message, err = ap.Marshal(); err != nil {
		return nil, fmt.Errorf("make AP-REQ: %w", err)
	}
	return r, nil
}

// verify opens an AP-REP (RFC 4120 3.2.4): who made it has opened our ticket, now, and not for another request.
func (r *apRequest) verify(reply []byte, session types.EncryptionKey) (Params, error) {
	var ap messages.APRep
	if err := ap.Unmarshal(reply); err != nil {
		return Params{}, fmt.Errorf("read AP-REP: %w", err)
	}
	if ap.EncPart.EType != session.KeyType {
		return Params{}, fmt.Errorf("AP-REP of etype %d, session key of etype %d", ap.EncPart.EType, session.KeyType)
	}
	if len(ap.EncPart.Cipher) < leastCipher(session.KeyType) {
		return Params{}, errors.New("AP-REP is cut short")
	}
	plain, err := crypto.DecryptEncPart(ap.EncPart, session, keyusage.AP_REP_ENCPART)
	if err != nil {
		return Params{}, fmt.Errorf("decrypt AP-REP: %w", err)
	}
	var part messages.EncAPRepPart
	if err := part.Unmarshal(plain); err != nil {
		return Params{}, fmt.Errorf("read AP-REP: %w", err)
	}
	if part.CTime.Unix() != r.ctime.Unix() || part.Cusec != r.cusec {
		return Params{}, errors.New("AP-REP answers another request")
	}
	p := Params{Key: r.subkey, Initiator: true, Send: uint64(r.number), Receive: uint64(uint32(part.SequenceNumber))}
	switch key := part.Subkey; {
	case key.KeyType == r.subkey.KeyType && len(key.KeyValue) == len(r.subkey.KeyValue):
		p.Key, p.AcceptorSubkey = key, true
	case len(key.KeyValue) != 0:
		return Params{}, fmt.Errorf("acceptor subkey of etype %d for one of etype %d", key.KeyType, r.subkey.KeyType)
	case r.subkey.KeyType != etypeID.RC4_HMAC:
		return Params{}, errors.New("no acceptor subkey")
	}
	return p, nil
}
