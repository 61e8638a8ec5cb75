package wsman

import "bytes"

// content is what is between an element's tags.
type content struct {
	start, end int
	elements   bool // there are some; else only text
	chunks     int  // pieces of text outside of elements
	only       []byte
	literal    bool // only needs no decoding
	broken     bool // a reference in it means nothing
}

// need says that the element whose name ends at at must make a declaration which it, or something below it, takes from outside.
type need struct {
	at, index int
	binding
}

// content walks to the end of the element just opened and notes which declarations from outside its content uses, in s.needs.
func (s *scanner) content() (content, error) {
	c := content{start: s.pos, end: s.pos}
	s.needs = s.needs[:0]
	if s.shut {
		_, err := s.next()
		return c, err
	}
	depth, outside := len(s.open), len(s.bindings)
	top, first := 0, 0 // the element directly below: where its name ends, and its first need
	for {
		kind, err := s.next()
		switch {
		case err != nil:
			return c, err
		case kind == endTag && len(s.open) < depth:
			c.end = s.start
			return c, nil
		case kind == chars && len(s.open) == depth:
			c.chunks++
			c.only, c.literal = s.chunk, s.cdata || bytes.IndexByte(s.chunk, '&') < 0
			c.broken = c.broken || !c.literal && !resolvable(s.chunk)
		case kind == chars:
			c.broken = c.broken || !s.cdata && !resolvable(s.chunk)
		case kind == startTag:
			c.elements = true
			if len(s.open) == depth+1 {
				top, first = s.after, len(s.needs)
			}
			s.require(s.prefix, top, first, outside)
			for _, a := range s.attrs {
				c.broken = c.broken || !resolvable(a.raw)
				if a.prefix != nil {
					s.require(a.prefix, top, first, outside)
				}
			}
		}
	}
}

func (s *scanner) require(prefix []byte, top, first, outside int) {
	i := s.lookup(prefix)
	if i < 0 || i >= outside || len(s.bindings[i].raw) == 0 {
		return
	}
	for _, n := range s.needs[first:] {
		if n.index == i {
			return
		}
	}
	s.needs = append(s.needs, need{top, i, s.bindings[i]})
}

// cut gives the content as written, trimmed, and able to stand alone: declarations that it took from outside are added to its
// outermost elements.
func (s *scanner) cut(c content) ([]byte, error) {
	if len(s.needs) == 0 {
		return trim(s.text[c.start:c.end:c.end]), nil
	}
	size := c.end - c.start
	for _, n := range s.needs {
		grown := len(` xmlns:=""`) + len(n.prefix) + len(n.raw)
		size += grown
		s.added += grown
	}
	if s.added > maxAdded {
		return nil, errCrowded
	}
	out := make([]byte, 0, size)
	from := c.start
	for _, n := range s.needs {
		out = append(append(out, s.text[from:n.at]...), " xmlns"...)
		if len(n.prefix) > 0 {
			out = append(append(out, ':'), n.prefix...)
		}
		out = append(append(append(out, '=', n.quote), n.raw...), n.quote)
		from = n.at
	}
	return trim(append(out, s.text[from:c.end]...)), nil
}

// flatten joins the pieces of a content without elements: text with its entities resolved, CDATA as it is, nothing of comments. It
// works in place.
func (s *scanner) flatten(c content) []byte {
	if c.chunks == 0 {
		return s.text[c.start:c.start:c.start]
	}
	if c.chunks == 1 && c.literal {
		return c.only
	}
	out, rest := s.text[c.start:c.start], s.text[c.start:c.end]
	for len(rest) > 0 {
		n := 0
		switch {
		case bytes.HasPrefix(rest, cdataOpen):
			n = bytes.Index(rest, cdataClose)
			out = append(out, rest[len(cdataOpen):n]...)
			n += len(cdataClose)
		case bytes.HasPrefix(rest, commentOpen):
			n = len(commentOpen) + bytes.Index(rest[len(commentOpen):], []byte("-->")) + len("-->")
		case rest[0] == '<': // a processing instruction: anything else would be an element
			n = 2 + bytes.Index(rest[2:], []byte("?>")) + len("?>")
		default:
			if n = bytes.IndexByte(rest, '<'); n < 0 {
				n = len(rest)
			}
			out = s.unescape(out, rest[:n])
		}
		rest = rest[n:]
	}
	return out[:len(out):len(out)]
}
