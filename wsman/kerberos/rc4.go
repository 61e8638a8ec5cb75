package kerberos

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/rc4"
	"encoding/binary"
)

// rc4Wrap is for etype 23, RFC 4757 7: framed tokens, whose length counts the data too, though the security header ends before it.
//
//	02 01 | 11 00 | 10 00 | FF FF | number and direction, 8 | checksum, 8 | confounder, 8 | data
//
// Windows puts no padding behind the data and MIT one byte 01. We send none.
type rc4Wrap struct {
	signing, sealing, counting []byte // keys that other keys are made from
	this, other                [4]byte
}

const (
	rc4Fixed = 32 // bytes of a wrap token from its id to the data
	rc4Head  = 8  // of them in front of the number
	rc4Salt  = 13 // for wrap tokens; micSalt for MICs
	micSalt  = 15
	rc4Clear = "\x02\x01\x11\x00\x10\x00\xFF\xFF"
	micClear = "\x01\x01\x11\x00\xFF\xFF\xFF\xFF"
)

func newRC4Wrap(p *Params) *rc4Wrap {
	inverted := bytes.Clone(p.Key.KeyValue)
	for i := range inverted {
		inverted[i] ^= 0xF0
	}
	r := &rc4Wrap{
		signing:  hmacMD5(p.Key.KeyValue, []byte("signaturekey\x00")),
		sealing:  hmacMD5(inverted, make([]byte, 4)),
		counting: hmacMD5(p.Key.KeyValue, make([]byte, 4)),
		this:     [4]byte{0xFF, 0xFF, 0xFF, 0xFF},
	}
	if p.Initiator {
		r.this, r.other = r.other, r.this
	}
	return r
}

func hmacMD5(key, text []byte) []byte {
	h := hmac.New(md5.New, key)
	h.Write(text)
	return h.Sum(nil)
}

// crypt is RC4 in place.
func crypt(key, b []byte) {
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic(err) // 16 bytes always
	}
	c.XORKeyStream(b, b)
}

func (r *rc4Wrap) checksum(salt byte, head string, text []byte) []byte {
	h := md5.New()
	h.Write([]byte{salt, 0, 0, 0})
	h.Write([]byte(head))
	h.Write(text)
	return hmacMD5(r.signing, h.Sum(nil))[:8]
}

// putNumber writes a number and our direction, sealed.
func (r *rc4Wrap) putNumber(dst, sum []byte, number uint32) {
	binary.BigEndian.PutUint32(dst, number)
	copy(dst[4:], r.this[:])
	crypt(hmacMD5(r.counting, sum), dst)
}

// number opens a number in place; the direction has to be the other end's.
func (r *rc4Wrap) number(sequence, sum []byte) (uint32, error) {
	crypt(hmacMD5(r.counting, sum), sequence)
	if string(sequence[4:]) != string(r.other[:]) {
		return 0, sealErrorf("wrong direction %x", sequence[4:])
	}
	return binary.BigEndian.Uint32(sequence), nil
}

// data seals or opens confounder and data.
func (r *rc4Wrap) data(b []byte, number uint32) {
	crypt(hmacMD5(r.sealing, binary.BigEndian.AppendUint32(nil, number)), b)
}

func (r *rc4Wrap) header(n int) int {
	var scratch [8]byte
	return len(appendHead(scratch[:0], tagFrame, len(oidKerberos)+rc4Fixed+n)) + len(oidKerberos) + rc4Fixed
}

func (r *rc4Wrap) seal(token []byte, header int, number uint64) {
	n := len(appendHead(token[:0], tagFrame, len(token)-header+rc4Fixed+len(oidKerberos)))
	copy(token[n:], oidKerberos)
	t := token[header-rc4Fixed:]
	copy(t, rc4Clear)
	_, _ = rand.Read(t[24:rc4Fixed])
	copy(t[16:24], r.checksum(rc4Salt, rc4Clear, t[24:]))
	r.data(t[24:], uint32(number))
	r.putNumber(t[8:16], t[16:24], uint32(number))
}

func (r *rc4Wrap) open(token []byte, header, length int) ([]byte, uint64, error) {
	id, inner, err := openFrame(token)
	if err != nil {
		return nil, 0, sealErrorf("%v", err)
	}
	fixed := header - rc4Fixed
	if fixed != len(token)-len(inner)-len(id) {
		return nil, 0, sealErrorf("wrap token %x with a security header of %d bytes", id, header)
	}
	t := token[fixed:]
	if string(t[:rc4Head]) != rc4Clear {
		return nil, 0, sealErrorf("not a sealed wrap token: %x", t[:rc4Head])
	}
	number, err := r.number(t[8:16], t[16:24])
	if err != nil {
		return nil, 0, err
	}
	r.data(t[24:], number)
	if !hmac.Equal(t[16:24], r.checksum(rc4Salt, rc4Clear, t[24:])) {
		return nil, 0, sealErrorf("wrong checksum")
	}
	message, ok := unpad(t[rc4Fixed:], length)
	if !ok {
		return nil, 0, sealErrorf("message of %d bytes, said to be %d", len(message), length)
	}
	return message, uint64(number), nil
}

// unpad takes MIT's padding byte off, counted in the message's length or not. A counted one shows: neither UTF-16 nor SLDC with its
// length at the end has 00 01 there, since the last character is a > and the length is below 16 MiB.
func unpad(message []byte, length int) (_ []byte, ok bool) {
	n := len(message)
	switch {
	case n == length && bytes.HasSuffix(message, []byte{0, 1}), n == length+1 && message[n-1] == 1:
		return message[:n-1], true
	}
	return message, n == length
}

// mic is RFC 4757 7.2. The number of a MIC is encrypted only; in a wrap token the key depends on it.
func (r *rc4Wrap) mic(message []byte, number uint64) []byte {
	sum := r.checksum(micSalt, micClear, message)
	var sequence [8]byte
	r.putNumber(sequence[:], sum, uint32(number))
	return appendElement(nil, tagFrame, oidKerberos, []byte(micClear), sequence[:], sum)
}

func (r *rc4Wrap) verifyMIC(message, token []byte) (uint64, error) {
	id, inner, err := openFrame(token)
	if err != nil {
		return 0, sealErrorf("%v", err)
	}
	if string(id[:])+string(inner[:min(len(inner), 6)]) != micClear || len(inner) != 6+8+8 {
		return 0, sealErrorf("not a MIC token: %x of %d bytes", id, len(token))
	}
	sum := inner[14:]
	if !hmac.Equal(sum, r.checksum(micSalt, micClear, message)) {
		return 0, sealErrorf("wrong MIC")
	}
	number, err := r.number(bytes.Clone(inner[6:14]), sum)
	return uint64(number), err
}
