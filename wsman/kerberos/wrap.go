package kerberos

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"slices"
)

// protection is one kind of per-message tokens: aesWrap or rc4Wrap. A wrap token is one string of bytes here. Its security header is
// what WinRM puts in front of the data; the data has the length of the message.
type protection interface {
	// header is the length of the security header for n bytes of data.
	header(n int) int
	// seal makes a token out of a header not yet written and a message in clear, in place. Up to 16 bytes behind the token are overwritten.
	seal(token []byte, header int, number uint64)
	// open gives the message, which lies in token, if it is as long as it is said to be. Whatever is behind the token, up to its
	// capacity, may be overwritten.
	open(token []byte, header, length int) (message []byte, number uint64, err error)

	mic(message []byte, number uint64) []byte
	verifyMIC(message, token []byte) (number uint64, err error)
}

// The wrap token of RFC 4121 4.2.6.2 is a clear header, and then, before rotation to the right by RRC:
//
//	E(confounder | message | EC bytes of filler | header with RRC 0) | MAC
//
// WinRM rotates by a block and a MAC. So E(header) and MAC come first, and the rest, E(confounder | message), is contiguous.
const (
	wrapHeader = 16
	confounder = 16
)

// aesWrap is for etypes 17 to 20.
type aesWrap struct {
	key         signKey
	this, other side
	out, in     *sealKeys
}

func newAESWrap(p *Params) (*aesWrap, error) {
	a := &aesWrap{key: signKey(p.Key)}
	a.this, a.other = p.sides()
	var err error
	if a.out, err = newSealKeys(p.Key, a.this.seal); err != nil {
		return nil, err
	}
	a.in, err = newSealKeys(p.Key, a.other.seal)
	return a, err
}

// rotation is the RRC that WinRM chooses.
func (k *sealKeys) rotation() int { return wrapHeader + k.size }

func (a *aesWrap) header(int) int { return wrapHeader + a.out.rotation() + confounder }

func (a *aesWrap) seal(token []byte, header int, number uint64) {
	clear, rotated := token[:wrapHeader], token[wrapHeader:]
	copy(clear, []byte{5, 4, a.this.flags | sealed, 0xFF, 0, 0, 0, 0})
	binary.BigEndian.PutUint64(clear[8:], number)
	_, _ = rand.Read(token[header-confounder : header])
	b := append(token[header-confounder:], clear...) // goes to where the closing boundary will be
	a.out.seal(b, rotated[wrapHeader:a.out.rotation()])
	copy(rotated, b[len(b)-wrapHeader:])
	binary.BigEndian.PutUint16(clear[6:], uint16(a.out.rotation()))
}

func (a *aesWrap) open(token []byte, _, length int) ([]byte, uint64, error) {
	least := confounder + wrapHeader + a.in.size
	if len(token) < wrapHeader+least {
		return nil, 0, sealErrorf("token of %d bytes", len(token))
	}
	clear, b := token[:wrapHeader], token[wrapHeader:]
	if clear[0] != 5 || clear[1] != 4 || clear[3] != 0xFF {
		return nil, 0, sealErrorf("not a wrap token: %x", clear[:4])
	}
	if clear[2]&knownFlags != a.other.flags|sealed {
		return nil, 0, sealErrorf("wrap token with flags %02x", clear[2])
	}
	filler, rotation := int(binary.BigEndian.Uint16(clear[4:])), int(binary.BigEndian.Uint16(clear[6:]))
	if filler > len(b)-least {
		return nil, 0, sealErrorf("filler of %d in a token of %d bytes", filler, len(token))
	}
	var mac []byte
	if rotation == a.in.rotation() && cap(b)-len(b) >= wrapHeader {
		mac = b[wrapHeader:rotation]
		b = append(b[rotation:], b[:wrapHeader]...) // into the room of the closing boundary: nothing else moves
	} else {
		rotateLeft(b, rotation%len(b))
		b, mac = b[:len(b)-a.in.size], b[len(b)-a.in.size:]
	}
	if !a.in.open(b, mac) {
		return nil, 0, sealErrorf("wrong MAC")
	}
	b, inner := b[:len(b)-wrapHeader], b[len(b)-wrapHeader:]
	clear[6], clear[7] = 0, 0
	if !bytes.Equal(clear, inner) {
		return nil, 0, sealErrorf("header %x, but sealed as %x", clear, inner)
	}
	message := b[confounder : len(b)-filler]
	if len(message) != length {
		return nil, 0, sealErrorf("message of %d bytes, said to be %d", len(message), length)
	}
	return message, binary.BigEndian.Uint64(clear[8:]), nil
}

func rotateLeft(b []byte, n int) {
	slices.Reverse(b[:n])
	slices.Reverse(b[n:])
	slices.Reverse(b)
}
