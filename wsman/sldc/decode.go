package sldc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

var (
	// ErrCorrupt is wrapped by every error that says the stream is not SLDC, cut short, or not as long as its trailer says.
	ErrCorrupt = errors.New("sldc: corrupt stream")
	// ErrTooLarge says that the stream holds more than the caller's limit.
	ErrTooLarge = errors.New("sldc: output over the limit")
)

// Append decodes the one stream in src, appends its bytes to dst and returns the extended slice. It stops at End Of Record or End
// Marker; if four bytes or more follow, the last four of src must be the decoded length (MS-WSMV 2.2.9.2).
//
// Output of more than limit bytes is ErrTooLarge; anything malformed wraps ErrCorrupt. After an error the result is dst as it was
// given, though its spare capacity may have been written to. Memory grows with what was really decoded, never by the trailer's word,
// and stays within limit; with enough capacity in dst nothing is allocated. Neither slice is kept.
func Append(dst, src []byte, limit int) ([]byte, error) {
	limit = max(limit, 0)
	spare := min(cap(dst)-len(dst), limit)
	d := decoder{src: src, out: dst[:len(dst)+spare], start: len(dst), base: len(dst), pos: len(dst), limit: limit}
	if err := d.run(); err != nil {
		return dst, err
	}
	return d.out[:d.pos], nil
}

// decoder is one decoding. The output is its own history: a place in the ring is a distance back from pos.
type decoder struct {
	src    []byte
	bit    int    // next bit of src
	out    []byte // dst, the output and room for more, never beyond the limit
	start  int    // where this stream's output begins in out
	base   int    // where it began after the last reset: what lies before is zeros to a copy
	pos    int    // where the next byte goes
	limit  int
	scheme int // scheme1, scheme2, or neither yet
}

func (d *decoder) run() error {
	for {
		if d.scheme == scheme1 && d.pos-d.base >= historySize {
			d.fast()
		}
		w := d.window()
		var err error
		switch {
		case w>>55 == controlPrefix:
			var end bool
			if end, err = d.control(w); end {
				return d.checkTrailer()
			}
		case d.scheme == scheme1:
			err = d.symbol(w)
		case d.scheme == scheme2:
			err = d.plain(w)
		case d.left() == 0:
			err = d.corrupt("no end")
		default:
			err = d.corrupt("data before a scheme")
		}
		if err != nil {
			return err
		}
	}
}

// window is the next bits of src, the first on top: 57 of them, or zeros after the end.
func (d *decoder) window() uint64 {
	i := d.bit >> 3
	if i+8 <= len(d.src) {
		return binary.BigEndian.Uint64(d.src[i:]) << (d.bit & 7)
	}
	var last [8]byte
	copy(last[:], d.src[i:])
	return binary.BigEndian.Uint64(last[:]) << (d.bit & 7)
}

func (d *decoder) left() int { return len(d.src)*8 - d.bit }

// take steps over n bits.
func (d *decoder) take(n int) error {
	if n > d.left() {
		return d.corrupt("no end")
	}
	d.bit += n
	return nil
}

func (d *decoder) corrupt(what string) error {
	return fmt.Errorf("%w: %s at bit %d", ErrCorrupt, what, d.bit)
}

// control obeys the control symbol on top of w, and says whether the stream ends with it.
func (d *decoder) control(w uint64) (end bool, err error) {
	if err := d.take(controlBits); err != nil {
		return false, err
	}
	switch code := int(w >> (64 - controlBits) & 0xF); code {
	case flush:
		return false, d.take(-d.bit & 31)
	case scheme1, scheme2:
		d.scheme = code
	case fileMark:
	case endOfRecord, endMarker:
		return true, nil
	case reset1, reset2:
		d.base = d.pos
		d.scheme = scheme1 + code - reset1
	default:
		return false, d.corrupt("reserved control symbol")
	}
	return false, nil
}

// symbol decodes the literal or the copy on top of w (ECMA-321 scheme 1).
func (d *decoder) symbol(w uint64) error {
	if w>>63 == 0 {
		return d.literal(byte(w>>55), 9)
	}
	k := min(bits.LeadingZeros64(^(w << 1)), 4) // ones after the first bit
	used := 1 + min(k+1, 4)
	size := [...]int{1, 2, 3, 4, 8}[k]
	n := 2<<k + int(w<<used>>(64-size))
	used += size
	at := int(w << used >> 54)
	if err := d.take(used + 10); err != nil {
		return err
	}
	return d.copy(at, n)
}

// plain decodes one byte of scheme 2, where a zero bit follows FF.
func (d *decoder) plain(w uint64) error {
	c := byte(w >> 56)
	if c == 0xFF {
		return d.literal(c, 9)
	}
	return d.literal(c, 8)
}

// literal emits c, which took n bits.
func (d *decoder) literal(c byte, n int) error {
	if err := d.take(n); err != nil {
		return err
	}
	if err := d.room(1); err != nil {
		return err
	}
	d.out[d.pos] = c
	d.pos++
	return nil
}

// copy emits n bytes from place at of the ring. It may reach into what it writes, and behind the last reset.
func (d *decoder) copy(at, n int) error {
	if err := d.room(n); err != nil {
		return err
	}
	from, to := d.pos-d.distance(at), d.pos+n
	if from < d.base {
		zeros := min(n, d.base-from)
		clear(d.out[d.pos : d.pos+zeros])
		d.pos += zeros
		from += zeros
	}
	for d.pos < to { // out[from:pos] repeats, so each round may double it
		d.pos += copy(d.out[d.pos:to], d.out[from:d.pos])
	}
	return nil
}

// distance turns a place in the ring into bytes back from pos, 1 to 1024.
func (d *decoder) distance(at int) int {
	return (d.pos-d.base-at-1)&(historySize-1) + 1
}

// slack is room beyond the expected end, so that the fast loop gets there.
const slack = perRound * stride

// room makes sure that n more bytes fit. A first buffer is as large as the trailer says, but at most four times what the peer has
// really sent; text shrinks to a third. Later ones double.
func (d *decoder) room(n int) error {
	if n <= len(d.out)-d.pos {
		return nil
	}
	used := d.pos - d.start
	if n > d.limit-used {
		return ErrTooLarge
	}
	hint := 0
	if said, ok := d.trailer(); ok {
		hint = int(min(int64(said), 4*int64(len(d.src))))
	}
	size := min(max(used+n, 2*used, hint)+slack, d.limit)
	out := make([]byte, d.start+size)
	copy(out, d.out[:d.pos])
	d.out = out
	return nil
}

// trailer is the last four bytes of src.
func (d *decoder) trailer() (said uint32, ok bool) {
	if len(d.src) < trailerSize {
		return 0, false
	}
	return binary.LittleEndian.Uint32(d.src[len(d.src)-trailerSize:]), true
}

// checkTrailer compares the length behind the stream, if there is one, with what was decoded.
func (d *decoder) checkTrailer() error {
	if d.left() < 8*trailerSize {
		return nil
	}
	said, _ := d.trailer()
	if got := d.pos - d.start; uint64(said) != uint64(got) {
		return fmt.Errorf("%w: %d bytes decoded, trailer says %d", ErrCorrupt, got, said)
	}
	return nil
}
