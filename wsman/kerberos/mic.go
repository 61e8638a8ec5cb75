package kerberos

import (
	"crypto/hmac"
	"encoding/binary"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/types"
)

// signKey makes the checksums of MICs. A context needs one or two MICs, if any (RFC 4178 5), so Kc is derived when it is due.
type signKey types.EncryptionKey

const micHeader = 16

// mic is RFC 4121 4.2.6.1: the checksum is over the message and then the header.
func (a *aesWrap) mic(message []byte, number uint64) []byte {
	token := append(make([]byte, 0, micHeader+a.out.size), 4, 4, a.this.flags, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF)
	token = binary.BigEndian.AppendUint64(token, number)
	return append(token, a.key.sum(a.this.sign, message, token)...)
}

func (a *aesWrap) verifyMIC(message, token []byte) (uint64, error) {
	if len(token) != micHeader+a.in.size {
		return 0, sealErrorf("MIC token of %d bytes", len(token))
	}
	header, sum := token[:micHeader], token[micHeader:]
	if string(header[:2]) != "\x04\x04" || string(header[3:8]) != "\xFF\xFF\xFF\xFF\xFF" {
		return 0, sealErrorf("not a MIC token: %x", header)
	}
	if header[2]&knownFlags != a.other.flags {
		return 0, sealErrorf("MIC token with flags %02x", header[2])
	}
	if !hmac.Equal(sum, a.key.sum(a.other.sign, message, header)) {
		return 0, sealErrorf("wrong MIC")
	}
	return binary.BigEndian.Uint64(header[8:]), nil
}

// sum is the checksum under Kc.
func (k signKey) sum(usage uint32, message, header []byte) []byte {
	text := append(append(make([]byte, 0, len(message)+len(header)), message...), header...)
	e, err := crypto.GetEtype(k.KeyType)
	if err != nil {
		return nil // NewContext has looked: it is one of four
	}
	sum, err := e.GetChecksumHash(k.KeyValue, text, usage)
	if err != nil {
		return nil
	}
	return sum
}
