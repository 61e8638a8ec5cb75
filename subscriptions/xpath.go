package subscriptions

import (
	"fmt"
	"regexp"
	"strings"
)

// xpath reads one expression of the subset that Windows understands (MS-EVEN6 2.2.15.1 and 2.2.15.2): child and attribute steps, names,
// * and text(), predicates, or, and, six comparisons, parentheses, and three functions. It is told apart from XPath 1.0 by what it
// lacks, and those who write queries mostly know XPath 1.0.
type xpath struct {
	text     string
	now      token
	problems []problem
	failed   bool // a syntax error ended it
	terms    int  // comparisons: what Windows counts
	depth    int
}

// problem is what is wrong at a byte of an XPath.
type problem struct {
	at   int
	rule string // of the table rules
	text string
}

// maxNesting is of brackets; people write four.
const maxNesting = 64

// parseXPath reads all of text.
func parseXPath(text string) *xpath {
	x := &xpath{text: text}
	x.advance()
	x.or(nil)
	if x.now.kind != end {
		x.unexpected("the expression should end here")
	}
	return x
}

// report notes a problem that leaves the rest readable.
func (x *xpath) report(at int, rule, format string, args ...any) {
	if !x.failed {
		x.problems = append(x.problems, problem{at, rule, fmt.Sprintf(format, args...)})
	}
}

// fail is the last report: the reader moves to the end.
func (x *xpath) fail(at int, rule, format string, args ...any) {
	x.report(at, rule, format, args...)
	x.failed = true
	x.now = token{kind: end, at: len(x.text), after: len(x.text)}
}

func (x *xpath) advance() {
	if x.now = next(x.text, x.now.after); x.now.kind == strange {
		x.stray()
	}
}

func (x *xpath) is(symbols ...string) bool {
	for _, s := range symbols {
		if x.now.kind == symbol && x.now.text == s {
			return true
		}
	}
	return false
}

func (x *xpath) accept(s string) bool {
	if !x.is(s) {
		return false
	}
	x.advance()
	return true
}

func (x *xpath) expect(s, where string) {
	if !x.accept(s) {
		x.unexpected(fmt.Sprintf("%s is missing %s", s, where))
	}
}

// deeper guards the stack.
func (x *xpath) deeper() bool {
	if x.depth++; x.depth > maxNesting {
		x.fail(x.now.at, "xpath-syntax", "more than %d brackets are open", maxNesting)
		return false
	}
	return true
}

// or and the methods below read one production each; in is the path of the element that the expression is about.
func (x *xpath) or(in []string) { x.chain(in, "or", x.and) }

func (x *xpath) and(in []string) { x.chain(in, "and", x.comparison) }

func (x *xpath) chain(in []string, word string, operand func([]string)) {
	operand(in)
	for x.now.kind == name && strings.EqualFold(x.now.text, word) {
		if x.now.text != word {
			x.report(x.now.at, "xpath-operator", "%s is no operator; write %s", x.now.text, word)
		}
		x.advance()
		operand(in)
	}
}

func (x *xpath) comparison(in []string) {
	x.operand(in)
	if !x.is("=", "!=", "<", "<=", ">", ">=") {
		return
	}
	x.terms++
	x.advance()
	x.operand(in)
	if x.is("=", "!=", "<", "<=", ">", ">=") {
		x.fail(x.now.at, "xpath-syntax", "a comparison has two sides; join several by and")
	}
}

var hex = regexp.MustCompile(`^(0[xX][0-9a-fA-F]+|[0-9]+(\.[0-9]*)?)$`)

func (x *xpath) operand(in []string) {
	switch t := x.now; {
	case x.is("("):
		if !x.deeper() {
			return
		}
		x.advance()
		x.or(in)
		x.expect(")", "here")
		x.depth--
	case t.kind == number:
		if !hex.MatchString(t.text) {
			x.fail(t.at, "xpath-syntax", "%s is no number; put texts between quotes", t.text)
			return
		}
		x.advance()
	case t.kind == literal:
		if s := t.text; len(s) > 1 && (s[0] == '*' || s[len(s)-1] == '*') {
			x.report(t.at, "xpath-wildcard", "'%s' is compared as it is: * is a character like any other", s)
		}
		x.advance()
	case x.is("/", "//", "..", "."):
		x.fail(t.at, "xpath-axis", "%s: a path goes from the event down, as in System/EventID", t.text)
	case t.kind == name && next(x.text, t.after).text == "(" && t.text != "text":
		x.call(in)
	case t.kind == name || x.is("*", "@"):
		x.path(in)
	case t.kind == end:
		x.fail(t.at, "xpath-syntax", "the expression ends too early")
	default:
		x.unexpected("a value, a path or ( should stand here")
	}
}

// functions are all there are, with the numbers of their arguments.
var functions = map[string]struct{ least, most int }{"position": {0, 0}, "band": {2, 2}, "timediff": {1, 2}}

func (x *xpath) call(in []string) {
	if !x.deeper() {
		return
	}
	f := x.now
	x.advance()
	x.advance() // (
	n := 0
	for !x.is(")") && x.now.kind != end {
		if n++; n > 1 {
			x.expect(",", "between the arguments of "+f.text)
		}
		x.or(in)
	}
	x.expect(")", "behind the arguments of "+f.text)
	x.depth--
	switch known, ok := functions[f.text]; {
	case ok && (n < known.least || n > known.most):
		x.report(f.at, "xpath-function", "%s takes %s, not %d", f.text, map[string]string{"position": "no argument", "band": "two arguments", "timediff": "one or two arguments"}[f.text], n)
	case !ok && functions[strings.ToLower(f.text)].most > 0, !ok && strings.EqualFold(f.text, "position"):
		x.report(f.at, "xpath-function", "%s is written %s", f.text, strings.ToLower(f.text))
	case !ok:
		x.report(f.at, "xpath-function", "Windows has no function %s; there are band, timediff and position", f.text)
	}
}

// path is steps with / between them.
func (x *xpath) path(in []string) {
	for {
		in = x.step(in)
		if x.is("//") {
			x.fail(x.now.at, "xpath-axis", "//: name every element on the way, or write * for one of any name")
		}
		if !x.accept("/") {
			return
		}
	}
}

// step gives the path that it leads to.
func (x *xpath) step(in []string) []string {
	attribute := x.accept("@")
	if after := next(x.text, x.now.after); x.now.kind == name && after.text == "::" {
		if x.now.text != "child" && x.now.text != "attribute" {
			x.fail(x.now.at, "xpath-axis", "%s:: is an axis that Windows lacks; there are child and attribute", x.now.text)
			return in
		}
		attribute = x.now.text == "attribute"
		x.advance()
		x.advance()
	}
	t := x.now
	if t.kind != name && !x.is("*") {
		if t.kind == end {
			x.fail(t.at, "xpath-syntax", "the path ends too early")
		} else {
			x.unexpected("a name or * should stand here")
		}
		return in
	}
	x.advance()
	if t.text == "text" && x.accept("(") {
		x.expect(")", "behind text(")
		return append(in[:len(in):len(in)], "text()")
	}
	x.known(t, in, attribute)
	here := append(in[:len(in):len(in)], t.text)
	if len(in) == 0 && t.text == "*" {
		here = []string{"Event"}
	}
	for x.is("[") && x.deeper() {
		x.advance()
		x.or(here)
		x.expect("]", "here")
		x.depth--
	}
	return here
}

// unexpected is a syntax error at the token at hand.
func (x *xpath) unexpected(instead string) {
	t := x.now
	switch {
	case x.is("=="):
		x.fail(t.at, "xpath-operator", "== is no operator; write =")
	case x.is("<>", "!"):
		x.fail(t.at, "xpath-operator", "%s is no operator; write !=", t.text)
	case x.is("&&"):
		x.fail(t.at, "xpath-operator", "&& is no operator; write and")
	case x.is("||"):
		x.fail(t.at, "xpath-operator", "|| is no operator; write or")
	case x.is("|", "+", "-", "*"), t.kind == name && (t.text == "div" || t.text == "mod"):
		x.fail(t.at, "xpath-operator", "Windows lacks the operator %s", t.text)
	case x.is("//", "..", "::", "."):
		x.fail(t.at, "xpath-axis", "Windows lacks %s; a path names each element from the event down", t.text)
	case t.kind == end:
		x.fail(t.at, "xpath-syntax", "the expression ends too early: %s", instead)
	default:
		x.fail(t.at, "xpath-syntax", "%s is not understood: %s", quoted(t), instead)
	}
}

func quoted(t token) string {
	if t.kind == literal {
		return "'" + clipAt(60, t.text) + "'"
	}
	return clipAt(60, t.text)
}

// stray is a token that belongs to no XPath at all.
func (x *xpath) stray() {
	switch t := x.now; {
	case t.text == "" || x.text[t.at] == '\'' || x.text[t.at] == '"':
		x.fail(t.at, "xpath-syntax", "the quote that opens here is not closed")
	case strings.ContainsAny(t.text, "‘’“”´`"):
		x.fail(t.at, "xpath-syntax", "%s is no quote; write '", t.text)
	default:
		x.fail(t.at, "xpath-syntax", "%q belongs to no XPath", t.text)
	}
}
