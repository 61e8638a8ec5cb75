package wsman

import (
	"bytes"
	"errors"
)

// What an envelope may not have. Each is answered 400, or 413 where a number is too large.
var (
	errMalformed = errors.New("not well-formed XML")
	errDTD       = errors.New("document type declaration")
	errDepth     = errors.New("elements nested too deep")
	errCrowded   = errors.New("too many attributes or namespace declarations")
	errEnvelope  = errors.New("not a SOAP 1.2 envelope")
	errEvents    = errors.New("too many events")
)

// Bounds that no honest envelope comes near; they keep the scanner's work linear.
const (
	maxAttributes = 256     // of one element
	maxBindings   = 64      // namespace declarations in scope
	maxAdded      = 1 << 20 // bytes of declarations added to fragments, a message
)

// scanner reads an envelope's tokens in one pass over UTF-8 text: no tree, and no memory but its own few slices, which it keeps for
// the next envelope. It checks what it must to know where things end (nesting, quotes, the limits), refuses DTDs and lets characters
// pass that XML 1.0 forbids: event texts have them (MS-WSMV says nothing; Windows does it).
//
// It accepts every envelope that encoding/xml accepts, and a few more.
type scanner struct {
	text      []byte
	pos       int
	maxDepth  int
	maxEvents int

	open     [][]byte  // names of open elements as written, outermost first
	bindings []binding // declarations in scope, innermost last

	// The token just read.
	start  int    // where its '<' is
	prefix []byte // of an element's name
	local  []byte
	after  int    // first byte after the name
	attrs  []attr // of a start tag
	shut   bool   // start tag was <a/>: an end follows that is not in the text
	chunk  []byte // chars
	cdata  bool   // chunk is literal, else it may have entities

	needs []need // of the content being walked
	added int

	tag     []byte // start tag of an ordinary event, as this message writes it
	closing []byte // its counterpart, preceded by the end of a CDATA section

	dirty bool // something was replaced
	fault bool // the body has an s:Fault
}

type binding struct {
	prefix []byte
	raw    []byte // value as written between its quotes
	quote  byte
	space  space
	depth  int
}

type attr struct{ prefix, local, raw []byte }

type token uint8

const (
	eof token = iota
	startTag
	endTag
	chars
)

// reset makes s ready for text, and with nil lets go of the last one.
func (s *scanner) reset(text []byte) {
	clear(s.open[:cap(s.open)])
	clear(s.bindings[:cap(s.bindings)])
	clear(s.attrs[:cap(s.attrs)])
	clear(s.needs[:cap(s.needs)])
	*s = scanner{
		text: text, maxDepth: s.maxDepth, maxEvents: s.maxEvents, closing: s.closing[:0],
		open: s.open[:0], bindings: s.bindings[:0], attrs: s.attrs[:0], needs: s.needs[:0],
	}
}

// next reads a token. Comments and processing instructions are none.
func (s *scanner) next() (token, error) {
	if s.shut {
		s.shut = false
		s.pop()
		return endTag, nil
	}
	for {
		rest := s.text[s.pos:]
		if len(rest) == 0 {
			if len(s.open) > 0 {
				return eof, errMalformed
			}
			return eof, nil
		}
		if rest[0] != '<' {
			end := bytes.IndexByte(rest, '<')
			if end < 0 {
				end = len(rest)
			}
			s.chunk, s.cdata = rest[:end:end], false
			s.pos += end
			if len(s.open) > 0 {
				return chars, nil
			}
			if len(trim(s.chunk)) > 0 {
				return eof, errMalformed
			}
			continue
		}
		switch {
		case len(rest) < 2:
			return eof, errMalformed
		case rest[1] == '/':
			return endTag, s.end()
		case rest[1] == '?':
			if !s.skipPast("<?", "?>") {
				return eof, errMalformed
			}
		case rest[1] == '!':
			switch {
			case bytes.HasPrefix(rest, cdataOpen):
				if len(s.open) == 0 {
					return eof, errMalformed
				}
				body := rest[len(cdataOpen):]
				end := bytes.Index(body, cdataClose)
				if end < 0 {
					return eof, errMalformed
				}
				s.chunk, s.cdata = body[:end:end], true
				s.pos += len(cdataOpen) + end + len(cdataClose)
				return chars, nil
			case bytes.HasPrefix(rest, commentOpen):
				if !s.skipPast("<!--", "-->") {
					return eof, errMalformed
				}
			default:
				return eof, errDTD
			}
		default:
			return startTag, s.begin()
		}
	}
}

var (
	cdataOpen   = []byte("<![CDATA[")
	cdataClose  = []byte("]]>")
	commentOpen = []byte("<!--")
)

// skipPast moves behind close, looked for after open, which is here.
func (s *scanner) skipPast(open, close string) bool {
	from := s.pos + len(open)
	i := bytes.Index(s.text[from:], []byte(close))
	if i < 0 {
		return false
	}
	s.pos = from + i + len(close)
	return true
}

// begin reads a start tag with its attributes.
func (s *scanner) begin() error {
	if len(s.open) >= s.maxDepth {
		return errDepth
	}
	t, i := s.text, s.pos+1
	s.start = s.pos
	for i < len(t) && !delimiter(t[i]) {
		i++
	}
	name := t[s.pos+1 : i]
	if len(name) == 0 {
		return errMalformed
	}
	s.prefix, s.local = split(name)
	s.after = i
	s.attrs = s.attrs[:0]
	depth := len(s.open) + 1
	for {
		i = skipSpace(t, i)
		if i >= len(t) {
			return errMalformed
		}
		if t[i] == '>' {
			i++
			break
		}
		if t[i] == '/' {
			if i+1 >= len(t) || t[i+1] != '>' {
				return errMalformed
			}
			s.shut = true
			i += 2
			break
		}
		from := i
		for i < len(t) && !delimiter(t[i]) {
			i++
		}
		key := t[from:i]
		i = skipSpace(t, i)
		if len(key) == 0 || i >= len(t) || t[i] != '=' {
			return errMalformed
		}
		i = skipSpace(t, i+1)
		if i >= len(t) || t[i] != '"' && t[i] != '\'' {
			return errMalformed
		}
		quote := t[i]
		i++
		n := bytes.IndexByte(t[i:], quote)
		if n < 0 || bytes.IndexByte(t[i:i+n], '<') >= 0 {
			return errMalformed
		}
		if err := s.attribute(key, t[i:i+n], quote, depth); err != nil {
			return err
		}
		i += n + 1
	}
	s.pos = i
	s.open = append(s.open, name)
	return nil
}

func (s *scanner) attribute(key, raw []byte, quote byte, depth int) error {
	prefix, local := split(key)
	switch {
	case string(prefix) == "xmlns":
		prefix = local
	case string(key) == "xmlns":
		prefix = nil
	default:
		if len(s.attrs) >= maxAttributes {
			return errCrowded
		}
		s.attrs = append(s.attrs, attr{prefix, local, raw})
		return nil
	}
	if len(s.bindings) >= maxBindings {
		return errCrowded
	}
	s.bindings = append(s.bindings, binding{prefix: prefix, raw: raw, quote: quote, space: spaceOf(s.plain(raw)), depth: depth})
	return nil
}

// end reads an end tag, which must close the innermost element.
func (s *scanner) end() error {
	t, i := s.text, s.pos+2
	s.start = s.pos
	for i < len(t) && !delimiter(t[i]) {
		i++
	}
	name := t[s.pos+2 : i]
	i = skipSpace(t, i)
	if len(s.open) == 0 || i >= len(t) || t[i] != '>' || !bytes.Equal(name, s.open[len(s.open)-1]) {
		return errMalformed
	}
	s.pos = i + 1
	s.pop()
	return nil
}

func (s *scanner) pop() {
	s.open = s.open[:len(s.open)-1]
	n := len(s.bindings)
	for n > 0 && s.bindings[n-1].depth > len(s.open) {
		n--
	}
	s.bindings = s.bindings[:n]
}

// lookup is the index of the declaration in force for a prefix, or -1.
func (s *scanner) lookup(prefix []byte) int {
	for i := len(s.bindings) - 1; i >= 0; i-- {
		if bytes.Equal(s.bindings[i].prefix, prefix) {
			return i
		}
	}
	return -1
}

// space is the namespace of the element just opened.
func (s *scanner) space() space {
	if i := s.lookup(s.prefix); i >= 0 {
		return s.bindings[i].space
	}
	return noSpace
}

// is says whether the element just opened has this name.
func (s *scanner) is(in space, local string) bool {
	return string(s.local) == local && s.space() == in
}

// plain is an attribute's value or a text without its entities; raw itself where it has none.
func (s *scanner) plain(raw []byte) []byte {
	if bytes.IndexByte(raw, '&') < 0 {
		return raw
	}
	return s.unescape(nil, raw)
}

// value reads to the end of the element just opened and gives its text, trimmed. Elements below it are skipped.
func (s *scanner) value() ([]byte, error) {
	var out []byte
	depth := len(s.open)
	for {
		kind, err := s.next()
		switch {
		case err != nil:
			return nil, err
		case kind == endTag && len(s.open) < depth:
			return trim(out), nil
		case kind == chars && len(s.open) == depth:
			literal := s.cdata || bytes.IndexByte(s.chunk, '&') < 0
			switch {
			case literal && out == nil:
				out = s.chunk
			case literal:
				out = append(out, s.chunk...) // chunks have no spare capacity: the text is not written to
			default:
				out = s.unescape(out, s.chunk)
			}
		}
	}
}

// skip reads to the end of the element just opened.
func (s *scanner) skip() error {
	for depth := len(s.open); ; {
		kind, err := s.next()
		if err != nil {
			return err
		}
		if kind == endTag && len(s.open) < depth {
			return nil
		}
	}
}

// split cuts a name at its colon. As in encoding/xml, a colon at either end is part of an unprefixed name.
func split(name []byte) (prefix, local []byte) {
	i := bytes.IndexByte(name, ':')
	if i <= 0 || i == len(name)-1 {
		return nil, name
	}
	return name[:i], name[i+1:]
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

func delimiter(c byte) bool {
	switch c {
	case ' ', '\n', '\r', '\t', '/', '>', '=', '<', '"', '\'':
		return true
	}
	return false
}

func skipSpace(t []byte, i int) int {
	for i < len(t) && isSpace(t[i]) {
		i++
	}
	return i
}

// trim takes XML's white space off both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}
