package simulator

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// query says which events a subscription wants. It knows channels, EventID and Level; of every other condition it lets all pass.
type query struct {
	parts   []queryPart // an event is wanted when one of them wants it
	unknown []string    // conditions that were not understood
}

// queryPart is one Query element: what it selects less what it suppresses.
type queryPart struct{ selects, suppresses []clause }

type clause struct {
	channel string
	test    func(*recording) bool
}

// parseQuery reads a QueryList.
func parseQuery(text string) (*query, error) {
	type path struct {
		Path  string `xml:"Path,attr"`
		XPath string `xml:",chardata"`
	}
	var list struct {
		XMLName xml.Name `xml:"QueryList"`
		Query   []struct {
			Path     string `xml:"Path,attr"`
			Select   []path
			Suppress []path
		}
	}
	if err := xml.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	q := &query{}
	for _, part := range list.Query {
		clauses := func(paths []path, otherwise bool) (all []clause) {
			for _, p := range paths {
				if p.Path == "" {
					p.Path = part.Path
				}
				test, ok := parseCondition(p.XPath)
				if !ok {
					q.unknown = append(q.unknown, strings.TrimSpace(p.XPath))
					test = func(*recording) bool { return otherwise }
				}
				all = append(all, clause{p.Path, test})
			}
			return all
		}
		q.parts = append(q.parts, queryPart{clauses(part.Select, true), clauses(part.Suppress, false)})
	}
	return q, nil
}

// wants says whether a subscription with this query gets an event.
func (q *query) wants(r *recording) bool {
	matches := func(clauses []clause) bool {
		for _, c := range clauses {
			if strings.EqualFold(c.channel, r.channel) && c.test(r) {
				return true
			}
		}
		return false
	}
	for _, p := range q.parts {
		if matches(p.selects) && !matches(p.suppresses) {
			return true
		}
	}
	return false
}

// channels are those that the query reads, each once.
func (q *query) channels() (list []string) {
	seen := map[string]bool{}
	for _, p := range q.parts {
		for _, c := range p.selects {
			if name := strings.ToLower(c.channel); !seen[name] {
				seen[name] = true
				list = append(list, c.channel)
			}
		}
	}
	return list
}

// parseCondition reads * and *[System[…]] with comparisons of EventID and Level, joined by and, or and brackets.
func parseCondition(xpath string) (test func(*recording) bool, ok bool) {
	text := strings.Join(strings.Fields(xpath), "")
	if text == "*" {
		return func(*recording) bool { return true }, true
	}
	for _, prefix := range []string{"*[System[", "Event[System[", "Event/System["} {
		inner, found := strings.CutPrefix(text, prefix)
		if !found {
			continue
		}
		end := "]]"
		if strings.HasSuffix(prefix, "/System[") {
			end = "]"
		}
		if inner, found = strings.CutSuffix(inner, end); !found {
			continue
		}
		p := conditionParser{rest: inner}
		test = p.any()
		return test, !p.failed && p.rest == ""
	}
	return nil, false
}

// conditionParser descends through a condition without white space; names, operators and numbers separate themselves.
type conditionParser struct {
	rest   string
	failed bool
}

func (p *conditionParser) take(token string) bool {
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = rest
	}
	return ok
}

// any reads terms joined by or.
func (p *conditionParser) any() func(*recording) bool {
	test := p.all()
	for p.take("or") {
		left, right := test, p.all()
		test = func(r *recording) bool { return left(r) || right(r) }
	}
	return test
}

// all reads terms joined by and.
func (p *conditionParser) all() func(*recording) bool {
	test := p.term()
	for p.take("and") {
		left, right := test, p.term()
		test = func(r *recording) bool { return left(r) && right(r) }
	}
	return test
}

func (p *conditionParser) term() func(*recording) bool {
	if p.failed {
		return nil
	}
	if p.take("(") {
		test := p.any()
		p.failed = p.failed || !p.take(")")
		return test
	}
	var field func(*recording) int
	switch {
	case p.take("EventID"):
		field = func(r *recording) int { return r.id }
	case p.take("Level"):
		field = func(r *recording) int { return r.level }
	default:
		p.failed = true
		return nil
	}
	for _, op := range []string{"!=", "<=", ">=", "=", "<", ">"} {
		if !p.take(op) {
			continue
		}
		digits := p.rest[:len(p.rest)-len(strings.TrimLeft(p.rest, "0123456789"))]
		n, err := strconv.Atoi(digits)
		p.failed = p.failed || err != nil
		p.rest = p.rest[len(digits):]
		return func(r *recording) bool { return compare(field(r), op, n) }
	}
	p.failed = true
	return nil
}

func compare(a int, op string, b int) bool {
	switch op {
	case "!=":
		return a != b
	case "<=":
		return a <= b
	case ">=":
		return a >= b
	case "<":
		return a < b
	case ">":
		return a > b
	}
	return a == b
}
