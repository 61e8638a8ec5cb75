package kerberos

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"errors"
)

// cts is AES-CBC with ciphertext stealing, CS3, and a zero IV (RFC 3962 5, RFC 8009 3): the last two blocks are swapped whatever
// the length. It goes one way: a direction of a context either encrypts or decrypts.
type cts struct {
	mode cbcMode
	last [aes.BlockSize]byte // scratch
}

// cbcMode is a BlockMode that can be used for one message after another, as all of the standard library's can.
type cbcMode interface {
	cipher.BlockMode
	SetIV(iv []byte)
}

var zeroIV [aes.BlockSize]byte // read only

func newCTS(key []byte, make func(cipher.Block, []byte) cipher.BlockMode) (*cts, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	mode, ok := make(block, zeroIV[:]).(cbcMode)
	if !ok {
		return nil, errors.New("CBC without SetIV")
	}
	return &cts{mode: mode}, nil
}

// whole is how many of n bytes stand in whole blocks before the last one, which may be a fragment. n is above a block.
func whole(n int) int { return (n - 1) &^ (aes.BlockSize - 1) }

// encrypt works in place. b is longer than a block.
func (c *cts) encrypt(b []byte) {
	blocks, fragment := b[:whole(len(b))], b[whole(len(b)):]
	c.mode.SetIV(zeroIV[:])
	c.mode.CryptBlocks(blocks, blocks)
	c.last = zeroIV
	copy(c.last[:], fragment)
	c.mode.CryptBlocks(c.last[:], c.last[:])
	swap := blocks[len(blocks)-aes.BlockSize:]
	copy(fragment, swap)
	copy(swap, c.last[:])
}

// decrypt works in place. b is longer than a block.
func (c *cts) decrypt(b []byte) {
	blocks, fragment := b[:whole(len(b))], b[whole(len(b)):]
	swap := blocks[len(blocks)-aes.BlockSize:]
	c.mode.SetIV(zeroIV[:])
	c.mode.CryptBlocks(c.last[:], swap)
	// What was decrypted is the last block before chaining: the clear fragment and, where that ends, the stolen rest of the block
	// before. With both put right, plain CBC remains.
	copy(swap, fragment)
	copy(swap[len(fragment):], c.last[len(fragment):])
	subtle.XORBytes(fragment, fragment, c.last[:])
	c.mode.SetIV(zeroIV[:])
	c.mode.CryptBlocks(blocks, blocks)
}
