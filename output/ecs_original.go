package output

import (
	"unicode/utf8"
)

// original sets the event as it was sent. What JSON cannot hold is U+FFFD here too; the format xml has the bytes.
func (e *ECS) original() {
	raw := e.record.Raw
	if e.record.Illegal {
		from := len(e.scratch)
		for i := 0; i < len(raw); {
			r, n := utf8.DecodeRune(raw[i:])
			if r < ' ' && r != '\t' && r != '\n' && r != '\r' {
				r = utf8.RuneError
			}
			e.scratch = utf8.AppendRune(e.scratch, r)
			i += n
		}
		raw = e.scratch[from:]
	}
	e.set(eventOriginal, raw)
}
