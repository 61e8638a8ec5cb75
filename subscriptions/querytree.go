package subscriptions

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// element is a node of a QueryList that knows where it stands.
type element struct {
	name     string // with its prefix, as written
	at       int    // offset of its < in the query
	attrs    []xml.Attr
	children []*element
	text     string // all its own text, decoded
	places   []int  // offset in the query of each byte of text, and of what follows it
}

// attr is the value of the attribute called name.
func (e *element) attr(name string) (value string, ok bool) {
	for _, a := range e.attrs {
		if full(a.Name) == name {
			return a.Value, true
		}
	}
	return "", false
}

// place is where byte i of the text stands in the query.
func (e *element) place(i int) int {
	if i < len(e.places) {
		return e.places[i]
	}
	return e.at
}

// maxDepth is far more than the three levels of a QueryList.
const maxDepth = 16

// textError is what is wrong with a text, and where: at a byte.
type textError struct {
	at  int
	err error
}

func (e *textError) Error() string { return e.err.Error() }

// readTree gives the elements at the top of text, one if it is XML as XML should be, and what else stands there.
func readTree(text string) (tops []*element, others []outside, err error) {
	if err := wellFormed(text); err != nil {
		return nil, nil, err
	}
	d := xml.NewDecoder(strings.NewReader(text))
	var open []*element
	for {
		from := int(d.InputOffset())
		token, err := d.RawToken()
		if err == io.EOF {
			return tops, others, nil
		}
		if err != nil {
			return nil, nil, &textError{from, err}
		}
		switch t := token.(type) {
		case xml.StartElement:
			e := &element{name: full(t.Name), at: from, attrs: append([]xml.Attr(nil), t.Attr...)}
			if len(open) == maxDepth {
				return nil, nil, &textError{from, errors.New("elements within elements within elements")}
			}
			if len(open) > 0 {
				parent := open[len(open)-1]
				parent.children = append(parent.children, e)
			} else {
				tops = append(tops, e)
			}
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].add(string(t), text[from:d.InputOffset()], from)
			} else if strings.TrimSpace(string(t)) != "" {
				others = append(others, outside{"text", from})
			}
		case xml.ProcInst:
			others = append(others, outside{"instruction", from})
		case xml.Directive:
			others = append(others, outside{"directive", from})
		}
	}
}

// outside is something that stands beside the root, or is no element.
type outside struct {
	what string // text | instruction | directive
	at   int
}

func wellFormed(text string) error {
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			var syntax *xml.SyntaxError
			if errors.As(err, &syntax) {
				err = errors.New(syntax.Msg)
			}
			return &textError{min(int(d.InputOffset()), len(text)), err}
		}
	}
}

func full(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

// add appends decoded text that stands as source in the query, from on.
func (e *element) add(decoded, source string, from int) {
	if body, ok := strings.CutPrefix(source, "<![CDATA["); ok {
		from, source = from+len(source)-len(body), strings.TrimSuffix(body, "]]>")
		e.walk(decoded, source, from, false)
		return
	}
	e.walk(decoded, source, from, true)
}

// walk notes the place of each decoded byte: of an entity all bytes have the entity's.
func (e *element) walk(decoded, source string, from int, entities bool) {
	e.places = e.places[:len(e.text)]
	i := 0
	for d := 0; d < len(decoded); {
		_, n := utf8.DecodeRuneInString(decoded[d:])
		for range n {
			e.places = append(e.places, from+i)
		}
		d += n
		rest := source[min(i, len(source)):]
		switch semicolon := strings.IndexByte(rest, ';'); {
		case entities && semicolon > 0 && rest[0] == '&':
			i += semicolon + 1
		case strings.HasPrefix(rest, "\r\n"):
			i += 2
		default:
			i += n
		}
	}
	e.text += decoded
	e.places = append(e.places, from+i)
}

// describe is what an outside is called in a message.
func (o outside) describe() string {
	switch o.what {
	case "instruction":
		return "no XML declaration or processing instruction is allowed in a query"
	case "directive":
		return "no DTD is allowed in a query"
	}
	return fmt.Sprintf("%s outside of QueryList", o.what)
}
