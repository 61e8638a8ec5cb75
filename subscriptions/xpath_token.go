package subscriptions

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a word of an XPath.
type token struct {
	kind  kind
	text  string // as written; of a literal without its quotes
	at    int    // offset in the XPath
	after int    // offset of what follows
}

type kind int

const (
	end kind = iota
	name
	number
	literal
	symbol // one of those in symbols
	strange
)

// symbols are the longest first. Those that the subset of Windows lacks are read all the same, to be called by their names.
var symbols = []string{"!=", "<=", ">=", "==", "<>", "&&", "||", "//", "..", "::", "(", ")", "[", "]", "/", "@", "*", ",", "=", "<", ">", "|", "+", "-", ".", "!", "$"}

// next is the token at or behind offset at of xpath.
func next(xpath string, at int) token {
	for at < len(xpath) && strings.IndexByte(" \t\r\n", xpath[at]) >= 0 {
		at++
	}
	rest := xpath[at:]
	t := token{at: at}
	if rest == "" {
		t.after = at
		return t
	}
	n := 0
	switch c := rest[0]; {
	case c == '\'' || c == '"':
		t.kind = literal
		closing := strings.IndexByte(rest[1:], c)
		if closing < 0 {
			t.kind, closing = strange, len(rest)-2
		}
		t.text, t.after = rest[1:1+max(0, closing)], at+closing+2
		return t
	case c >= '0' && c <= '9':
		t.kind, n = number, span(rest, func(r rune) bool { return r == '.' || r < utf8.RuneSelf && (unicode.IsDigit(r) || unicode.IsLetter(r)) })
	case isName(first(rest)):
		t.kind, n = name, nameLength(rest)
	default:
		for _, s := range symbols {
			if strings.HasPrefix(rest, s) {
				t.kind, n = symbol, len(s)
				break
			}
		}
		if n == 0 {
			t.kind = strange
			_, n = utf8.DecodeRuneInString(rest)
		}
	}
	t.text, t.after = rest[:n], at+n
	return t
}

func first(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

func isName(r rune) bool { return r == '_' || unicode.IsLetter(r) }

// nameLength is the length of the NCName that s begins with. A dash belongs to it, as in starts-with.
func nameLength(s string) int {
	return span(s, func(r rune) bool { return isName(r) || unicode.IsDigit(r) || r == '-' || r == '.' })
}

// span is the length of the part in front of s of which each character fits.
func span(s string, fits func(rune) bool) int {
	if n := strings.IndexFunc(s, func(r rune) bool { return !fits(r) }); n >= 0 {
		return n
	}
	return len(s)
}
