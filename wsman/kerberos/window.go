package kerberos

// maxGap is how far a sender may be ahead of what we have opened: messages that were refused before being opened (413, 503) count too.
const maxGap = 65_536

// window says which number the other end's next token may have. It only goes up: WinRM's messages come one after another.
type window struct {
	next uint64
	mask uint64 // numbers have 64 bits in the tokens of AES, 32 in those of RC4
}

// pass takes a number whose token was proven. One that is lower than due is a replay.
func (w *window) pass(number uint64) error {
	if (number-w.next)&w.mask > maxGap {
		return sealErrorf("number %d where %d is due: replayed, or too far ahead", number, w.next)
	}
	w.next = (number + 1) & w.mask
	return nil
}
