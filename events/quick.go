package events

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// The functions here read elements in exactly the shape that Windows gives them: no blanks, single quotes, attributes in the
// manifest's order. They halve the time of an event and decide nothing: whatever they do not know they leave where it is, for
// the functions that know XML.

// quickRoot reads <Event>.
func (d *Decoder) quickRoot() bool {
	const root = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>"
	from := d.pos + len("<")
	if !d.literal(root) {
		return false
	}
	d.tag, d.attrs = from-1, d.attrs[:0]
	d.open = append(d.open, span{from: from, to: from + len("Event")})
	return true
}

// quickSystem reads what it can of System's children from d.pos on, in the order in which Windows writes them.
func (d *Decoder) quickSystem(r *Record) {
	if d.empty || d.pos >= len(d.text) || d.text[d.pos] != '<' {
		return
	}
	if r.parts&PartProvider == 0 && d.quickTag("<Provider Name='", "' Guid='", &r.Provider, &r.ProviderGUID) {
		r.parts |= PartProvider
	}
	d.quickText("<EventID>", &r.EventID)
	d.quickText("<Version>", &r.Version)
	d.quickText("<Level>", &r.Level)
	d.quickText("<Task>", &r.Task)
	d.quickText("<Opcode>", &r.Opcode)
	d.quickText("<Keywords>", &r.Keywords)
	if r.parts&partTimeCreated == 0 && d.quickTag("<TimeCreated SystemTime='", "", &r.TimeCreated, nil) {
		r.parts |= partTimeCreated
	}
	d.quickText("<EventRecordID>", &r.EventRecordID)
	if r.parts&PartCorrelation == 0 && d.literal("<Correlation/>") {
		r.parts |= PartCorrelation
	}
	if r.parts&PartExecution == 0 && d.quickTag("<Execution ProcessID='", "' ThreadID='", &r.Execution[0], &r.Execution[1]) {
		r.parts |= PartExecution
	}
	d.quickText("<Channel>", &r.Channel)
	d.quickText("<Computer>", &r.Computer)
	if r.parts&partSecurity == 0 && d.quickTag("<Security UserID='", "", &r.UserID, nil) {
		r.parts |= partSecurity
	}
}

// at says whether text stands at i.
func (d *Decoder) at(i int, text string) bool {
	return len(d.text)-i >= len(text) && string(d.text[i:i+len(text)]) == text
}

// literal steps over text if it stands at d.pos. It stands for one element.
func (d *Decoder) literal(text string) bool {
	if !d.at(d.pos, text) {
		return false
	}
	d.pos += len(text)
	d.parts++
	return true
}

// quickText reads an element without attributes that holds one plain text; open is its start tag.
func (d *Decoder) quickText(open string, into *[]byte) {
	if *into != nil || !d.at(d.pos, open) {
		return
	}
	from := d.pos + len(open)
	to := from + quoteAt(d.text[from:])
	if !d.at(to+2, open[1:]) || d.text[to] != '<' || d.text[to+1] != '/' || !d.plain(from, to) {
		return
	}
	*into = d.text[from:to:to]
	d.pos = to + 1 + len(open)
	d.parts++
}

// quickTag reads an empty element with one attribute, or two when middle is what stands between their values.
func (d *Decoder) quickTag(open, middle string, first, second *[]byte) bool {
	if !d.at(d.pos, open) {
		return false
	}
	from := d.pos + len(open)
	to := from + quoteAt(d.text[from:])
	a, end := d.text[from:to:to], to
	var b []byte
	if middle != "" {
		if !d.at(to, middle) {
			return false
		}
		i := to + len(middle)
		end = i + quoteAt(d.text[i:])
		b = d.text[i:end:end]
	}
	if !d.at(end, "'/>") || d.found&hasBlanks != 0 || !d.plain(from, end) {
		return false
	}
	*first = a
	if second != nil {
		*second = b
	}
	d.pos = end + len("'/>")
	d.parts += 3
	return true
}

// quickData reads <Data Name='…'>…</Data>.
func (d *Decoder) quickData(r *Record) bool {
	const open, shut = "<Data Name='", "</Data>"
	if d.empty || !d.at(d.pos, open) || d.parts > maxParts-2 {
		return false
	}
	from := d.pos + len(open)
	to := from + quoteAt(d.text[from:])
	if !d.at(to, "'>") || d.found&hasBlanks != 0 && bytes.ContainsAny(d.text[from:to], "\t\n") {
		return false
	}
	i := to + len("'>")
	j := i + lessAt(d.text[i:])
	if !d.at(j, shut) {
		return false
	}
	value := d.text[i:j:j]
	if !d.plain(from, j) {
		if bytes.ContainsAny(d.text[from:to], "&\r") {
			return false
		}
		value = d.decoded(i, j)
	}
	if d.err != nil {
		return false
	}
	d.pos = j + len(shut)
	d.parts += 2
	f := r.field()
	f.Name, f.Value = d.text[from:to:to], value
	return true
}

// quoteAt is where the first single quote or < of text stands, or its length. Names are short: this beats IndexByte.
func quoteAt(text []byte) int {
	i := 0
	for ; i+8 <= len(text); i += 8 {
		w := binary.LittleEndian.Uint64(text[i:])
		quote, less := w^('\''*ones), w^('<'*ones)
		if found := ((quote-ones)&^quote | (less-ones)&^less) & highs; found != 0 {
			return i + bits.TrailingZeros64(found)>>3
		}
	}
	for i < len(text) && text[i] != '\'' && text[i] != '<' {
		i++
	}
	return i
}

// lessAt is where the first < of text stands, or its length: near by, as most are, or wherever.
func lessAt(text []byte) int {
	const near = 32
	for i := 0; i+8 <= len(text); i += 8 {
		w := binary.LittleEndian.Uint64(text[i:]) ^ '<'*ones
		if found := (w - ones) &^ w & highs; found != 0 {
			return i + bits.TrailingZeros64(found)>>3
		}
		if i == near {
			break
		}
	}
	if i := bytes.IndexByte(text, '<'); i >= 0 {
		return i
	}
	return len(text)
}
