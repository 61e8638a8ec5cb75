package events

import (
	"bytes"
	"unicode/utf8"
)

// reference reads the entity or character reference at the start of text. n is 0 when there is none that we know. A number
// beyond Unicode gives an illegal rune.
func reference(text []byte) (r rune, n int) {
	end := bytes.IndexByte(text[:min(len(text), 32)], ';')
	if end > 0 {
		switch string(text[1:end]) {
		case "lt":
			return '<', end + 1
		case "gt":
			return '>', end + 1
		case "amp":
			return '&', end + 1
		case "quot":
			return '"', end + 1
		case "apos":
			return '\'', end + 1
		}
	}
	if len(text) < 3 || text[1] != '#' {
		return 0, 0
	}
	n, base := 2, rune(10)
	if text[2] == 'x' {
		n, base = 3, 16
	}
	first := n
	for ; n < len(text) && text[n] != ';'; n++ {
		digit, ok := digitOf(text[n], base)
		if !ok {
			return 0, 0
		}
		r = min(r*base+digit, utf8.MaxRune+1)
	}
	if n == first || n == len(text) {
		return 0, 0
	}
	return r, n + 1
}

func digitOf(c byte, base rune) (rune, bool) {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0'), true
	case base == 16 && 'a' <= c|0x20 && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10, true
	}
	return 0, false
}

// plain says whether text[i:j] needs no decoding. Calls go forward through the text, so that it is searched once in all.
func (d *Decoder) plain(i, j int) bool {
	if d.amp < i {
		d.amp = d.find('&', i)
	}
	if d.cr < i {
		d.cr = d.find('\r', i)
	}
	return d.amp >= j && d.cr >= j
}

func (d *Decoder) find(c byte, from int) int {
	if n := bytes.IndexByte(d.text[from:], c); n >= 0 {
		return from + n
	}
	return len(d.text)
}

// appendText appends text[i:j] decoded: references, and a raw CR or CR LF as LF (XML 1.0 2.11).
func (d *Decoder) appendText(dst []byte, i, j int) []byte {
	for i < j {
		n := i
		for n < j && d.text[n] != '&' && d.text[n] != '\r' {
			n++
		}
		dst = append(dst, d.text[i:n]...)
		if i = n; i == j {
			break
		}
		switch d.text[i] {
		case '&':
			r, n := reference(d.text[i:j])
			if n == 0 {
				if j == len(d.text) {
					i = j // it may be what is left of one
				}
				d.fail(i, "unknown entity or broken reference")
				return dst
			}
			if !legalRune(r) {
				d.illegal = true // Decode repairs the text and scans it again
			}
			dst = utf8.AppendRune(dst, r)
			i += n
		case '\r':
			dst = append(dst, '\n')
			i++
			if i < len(d.text) && d.text[i] == '\n' {
				i++
			}
		}
	}
	return dst
}

// decoded is text[i:j] decoded, in the scratch.
func (d *Decoder) decoded(i, j int) []byte {
	from := d.claim()
	d.scratch = d.appendText(d.scratch, i, j)
	return d.scratch[from:len(d.scratch):len(d.scratch)]
}

// claim makes the scratch large enough for all that this text can decode to and returns where it ends. A decoded text is never
// longer than its source.
func (d *Decoder) claim() int {
	if cap(d.scratch) < len(d.text)+1 {
		d.scratch = make([]byte, 0, len(d.text)+1) // what was handed out keeps the old one
	}
	return len(d.scratch)
}

// attribute is the value text[i:j] decoded; white space becomes blanks (XML 1.0 3.3.3).
func (d *Decoder) attribute(i, j int) []byte {
	if d.plain(i, j) && (d.found&hasBlanks == 0 || !bytes.ContainsAny(d.text[i:j], "\t\n")) {
		return d.text[i:j:j]
	}
	from := d.claim()
	for i < j {
		n := i
		for n < j && d.text[n] != '\t' && d.text[n] != '\n' && d.text[n] != '\r' {
			n++
		}
		d.scratch = d.appendText(d.scratch, i, n)
		if n < j {
			d.scratch = append(d.scratch, ' ')
			if d.text[n] == '\r' && n+1 < j && d.text[n+1] == '\n' {
				n++
			}
			n++
		}
		i = n
	}
	return d.scratch[from:len(d.scratch):len(d.scratch)]
}

// leaf reads the element whose start tag was just read to its end and returns its text. Elements inside it are read too:
// their text counts, and the part becomes odd.
func (d *Decoder) leaf() []byte {
	if d.empty {
		d.close()
		return d.text[d.pos:d.pos:d.pos]
	}
	i := d.pos
	j := d.find('<', i)
	if !d.end(j) {
		return d.mixed()
	}
	if d.plain(i, j) {
		return d.text[i:j:j]
	}
	return d.decoded(i, j)
}

// mixed is leaf for a text in several pieces.
func (d *Decoder) mixed() []byte {
	d.pieces = d.pieces[:0]
	for depth := len(d.open); len(d.open) >= depth && d.err == nil; {
		i := d.pos
		switch d.next() {
		case textToken:
			d.pieces = d.appendText(d.pieces, i, d.pos)
		case cdataToken:
			d.pieces = d.appendRaw(d.pieces, i+len("<![CDATA["), d.pos-len("]]>"))
		case startToken:
			d.odd = true
			if d.empty {
				d.close()
			}
		}
	}
	from := d.claim()
	d.scratch = append(d.scratch, d.pieces...)
	return d.scratch[from:len(d.scratch):len(d.scratch)]
}

// appendRaw appends text[i:j] without decoding references.
func (d *Decoder) appendRaw(dst []byte, i, j int) []byte {
	for ; i < j; i++ {
		c := d.text[i]
		if c == '\r' {
			if i+1 < j && d.text[i+1] == '\n' {
				continue
			}
			c = '\n'
		}
		dst = append(dst, c)
	}
	return dst
}
