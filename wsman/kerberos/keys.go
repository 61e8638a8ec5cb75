package kerberos

import (
	"crypto/aes"
	"crypto/hmac"
	"fmt"
	"hash"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/crypto/common"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/types"
)

// side is one end of a context as far as its tokens tell: the flags they carry and the key usages they are made with (RFC 4121 2, 4.2.2).
type side struct {
	flags      byte
	seal, sign uint32
}

const (
	sentByAcceptor = 1 << iota
	sealed
	acceptorSubkey
	knownFlags = sentByAcceptor | sealed | acceptorSubkey // others are to be ignored
)

// sides gives this end and the other.
func (p *Params) sides() (this, other side) {
	this = side{sentByAcceptor, keyusage.GSSAPI_ACCEPTOR_SEAL, keyusage.GSSAPI_ACCEPTOR_SIGN}
	other = side{0, keyusage.GSSAPI_INITIATOR_SEAL, keyusage.GSSAPI_INITIATOR_SIGN}
	if p.Initiator {
		this, other = other, this
	}
	if p.AcceptorSubkey {
		this.flags |= acceptorSubkey
		other.flags |= acceptorSubkey
	}
	return this, other
}

// keyBytes is how long a key of an etype is, 0 if we do not seal with it. gokrb5 does not know it for etype 20.
func keyBytes(etype int32) int {
	switch etype {
	case etypeID.AES128_CTS_HMAC_SHA1_96, etypeID.AES128_CTS_HMAC_SHA256_128, etypeID.RC4_HMAC:
		return 16
	case etypeID.AES256_CTS_HMAC_SHA1_96, etypeID.AES256_CTS_HMAC_SHA384_192:
		return 32
	}
	return 0
}

// sealKeys are what the wrap tokens of one side are sealed with, made ready once.
type sealKeys struct {
	cts   cts       // under Ke
	mac   hash.Hash // under Ki
	size  int       // bytes that stay of a MAC
	sha2  bool      // the MAC is over the ciphertext (RFC 8009 3), else over the plaintext (RFC 3961 5.3)
	scrap [64]byte
}

func newSealKeys(key types.EncryptionKey, usage uint32) (*sealKeys, error) {
	e, err := crypto.GetEtype(key.KeyType)
	if err != nil {
		return nil, err
	}
	ke, err := e.DeriveKey(key.KeyValue, common.GetUsageKe(usage))
	if err != nil {
		return nil, fmt.Errorf("derive Ke: %w", err)
	}
	ki, err := e.DeriveKey(key.KeyValue, common.GetUsageKi(usage))
	if err != nil {
		return nil, fmt.Errorf("derive Ki: %w", err)
	}
	k := &sealKeys{
		mac:  hmac.New(e.GetHashFunc(), ki),
		size: e.GetHMACBitLength() / 8,
		sha2: key.KeyType == etypeID.AES128_CTS_HMAC_SHA256_128 || key.KeyType == etypeID.AES256_CTS_HMAC_SHA384_192,
	}
	k.mac.Reset() // the first one keeps the padded key's state, and allocates for it
	if k.cts.block, err = aes.NewCipher(ke); err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return k, nil
}

// seal encrypts b, which begins with the confounder, in place; the MAC goes to mac.
func (k *sealKeys) seal(b, mac []byte) {
	if k.sha2 {
		k.cts.encrypt(b)
		copy(mac, k.sum(b))
		return
	}
	copy(mac, k.sum(b))
	k.cts.encrypt(b)
}

// open decrypts b in place and says whether the MAC is right. If not, b is to be forgotten.
func (k *sealKeys) open(b, mac []byte) bool {
	if k.sha2 {
		if !hmac.Equal(mac, k.sum(b)) {
			return false
		}
		k.cts.decrypt(b)
		return true
	}
	k.cts.decrypt(b)
	return hmac.Equal(mac, k.sum(b))
}

// sum is valid until the next call.
func (k *sealKeys) sum(b []byte) []byte {
	k.mac.Reset()
	if k.sha2 {
		k.mac.Write(zeroIV[:])
	}
	k.mac.Write(b)
	return k.mac.Sum(k.scrap[:0])[:k.size]
}
