package output

import (
	"crypto/sha256"
	"encoding/hex"
	"unicode"
	"unicode/utf8"

	"github.com/wefka/wefka/events"
)

// AppendID appends the event's id, 32 lower-case hex digits: the first 16 bytes of SHA-256 over the proven identity in lower
// case, Computer, Channel, Provider, EventRecordID and TimeCreated, joined by NUL. Absent texts are empty, and so is source where
// nobody proved one. The same event delivered twice has the same id; nobody can make another host's.
func AppendID(dst []byte, source string, r *events.Record) []byte {
	var buffer [512]byte // longer texts cost an allocation
	text := appendLower(buffer[:0], source)
	for _, t := range [...][]byte{r.Computer, r.Channel, r.Provider, r.EventRecordID, r.TimeCreated} {
		text = append(append(text, 0), t...)
	}
	sum := sha256.Sum256(text)
	return hex.AppendEncode(dst, sum[:16])
}

// appendLower is strings.ToLower without its string.
func appendLower(dst []byte, s string) []byte {
	for _, r := range s {
		if r < utf8.RuneSelf {
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			dst = append(dst, byte(r))
		} else {
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		}
	}
	return dst
}
