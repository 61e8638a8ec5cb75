package subscriptions

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"time"
)

// The packed form of a State, all lengths and times as varints:
//
//	format byte · bookmark · version · first seen · last events · last heard · ended · address · number of old bookmarks · (text · time)…
//
// A time is nanoseconds since 1970, 0 for none. A text is its length and its bytes.
const packedFormat = 1

var errPacked = errors.New("the stored state is damaged or of a newer version")

// MarshalBinary gives the packed form. It never fails.
func (st State) MarshalBinary() ([]byte, error) { return packState(st), nil }

// UnmarshalBinary reads what MarshalBinary gave. An error says that the bytes are damaged, or of a newer version.
func (st *State) UnmarshalBinary(data []byte) (err error) {
	*st, err = unpackState(data)
	return err
}

func packState(s State) []byte {
	b := make([]byte, 0, 256+len(s.Bookmark)/2)
	b = append(b, packedFormat)
	b = packText(b, shorten(s.Bookmark))
	b = packText(b, s.Version)
	for _, t := range [...]time.Time{s.FirstSeen, s.LastEvents, s.LastHeard, s.Ended} {
		b = packTime(b, t)
	}
	addr, _ := s.Addr.MarshalBinary() // never fails
	b = packText(b, string(addr))
	b = binary.AppendUvarint(b, uint64(len(s.History)))
	for _, old := range s.History {
		b = packText(b, shorten(old.Text))
		b = packTime(b, old.Time)
	}
	return b
}

func unpackState(data []byte) (State, error) {
	u := unpacker{rest: data}
	if u.byte() != packedFormat {
		return State{}, errPacked
	}
	var s State
	s.Bookmark = lengthen(u.text())
	s.Version = u.text()
	for _, t := range [...]*time.Time{&s.FirstSeen, &s.LastEvents, &s.LastHeard, &s.Ended} {
		*t = u.time()
	}
	var addr netip.Addr
	if addr.UnmarshalBinary([]byte(u.text())) != nil {
		u.bad = true
	}
	s.Addr = addr
	n := u.uvarint()
	if n > uint64(len(u.rest)) { // each takes at least a byte
		return State{}, errPacked
	}
	for range n {
		s.History = append(s.History, Bookmark{Text: lengthen(u.text()), Time: u.time()})
	}
	if u.bad || len(u.rest) > 0 {
		return State{}, errPacked
	}
	return s, nil
}

func packText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func packTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	return binary.AppendVarint(b, t.UnixNano())
}

// unpacker reads from the front of rest; bad says that something did not fit.
type unpacker struct {
	rest []byte
	bad  bool
}

func (u *unpacker) byte() byte {
	if len(u.rest) == 0 {
		u.bad = true
		return 0
	}
	c := u.rest[0]
	u.rest = u.rest[1:]
	return c
}

func (u *unpacker) uvarint() uint64 {
	v, n := binary.Uvarint(u.rest)
	return advance(u, v, n)
}

func (u *unpacker) time() time.Time {
	v, n := binary.Varint(u.rest)
	if v = advance(u, v, n); v == 0 {
		return time.Time{}
	}
	return time.Unix(0, v).UTC()
}

func advance[V uint64 | int64](u *unpacker, v V, n int) V {
	if n <= 0 {
		u.bad, u.rest = true, nil
		return 0
	}
	u.rest = u.rest[n:]
	return v
}

func (u *unpacker) text() string {
	n := u.uvarint()
	if n > uint64(len(u.rest)) {
		u.bad, u.rest = true, nil
		return ""
	}
	s := string(u.rest[:n])
	u.rest = u.rest[n:]
	return s
}

// words are what bookmarks of Windows consist of, each with a byte that no XML text can hold (XML 1.0 2.2). A bookmark of 18 channels
// shrinks to a third. Do not change their bytes: files hold them.
var words = []string{
	"<BookmarkList>", "\x01",
	"</BookmarkList>", "\x02",
	"<Bookmark Channel=\"", "\x03",
	"<Bookmark Channel='", "\x04",
	"\" RecordId=\"", "\x05",
	"' RecordId='", "\x06",
	"\" IsCurrent=\"true\"/>", "\x07",
	"' IsCurrent='true'/>", "\x08",
	"\"/>", "\x0b",
	"'/>", "\x0c",
	"Microsoft-Windows-", "\x0e",
	"/Operational", "\x0f",
	"/Admin", "\x10",
}

var (
	shortener  = strings.NewReplacer(words...)
	lengthener = strings.NewReplacer(swapped(words)...)
)

// verbatim marks a text that holds such bytes itself, or would seem marked.
const verbatim = '\x00'

// shorten gives what lengthen makes the same text of, byte for byte, whatever it is.
func shorten(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' }) {
		return string(verbatim) + text
	}
	return shortener.Replace(text)
}

func lengthen(short string) string {
	if text, ok := strings.CutPrefix(short, string(verbatim)); ok {
		return text
	}
	return lengthener.Replace(short)
}

func swapped(pairs []string) []string {
	s := make([]string, len(pairs))
	for i := 0; i < len(pairs); i += 2 {
		s[i], s[i+1] = pairs[i+1], pairs[i]
	}
	return s
}
