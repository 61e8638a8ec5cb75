package subscriptions

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	maxChannels = 256 // Windows refuses a query with more
	maxTerms    = 20  // of one XPath, by Microsoft's page on consuming events; collectors saw hosts refuse from about 22
	mostTerms   = 32  // by its page on the query schema: nobody promises more
)

// flaw is something about a query, at a byte of it.
type flaw struct {
	at   int
	rule string
	text string
}

// query is a QueryList under examination.
type query struct {
	text     string
	channels map[string]bool // lower case, as all names of channels here
	wholes   map[string]bool // channels of which everything is taken
	parts    map[string]bool // and those of which something is suppressed
	files    int             // paths that are files
	file     int             // the offset of the first of them
	ids      map[string]bool
	queries  int
	selects  int
	flaws    []flaw
}

// checkQuery looks at what Windows would otherwise refuse silently, or in its own log only.
func checkQuery(text string) *query {
	q := &query{text: text, channels: map[string]bool{}, wholes: map[string]bool{}, parts: map[string]bool{}, ids: map[string]bool{}}
	tops, others, err := readTree(text)
	if err != nil {
		at := 0
		var where *textError
		if errors.As(err, &where) {
			at = where.at
		}
		q.add(at, "query-xml", "the query is no XML: %v", err)
		return q
	}
	if root := q.root(tops, others); root != nil {
		q.queries = len(root.children)
		for _, e := range root.children {
			q.query(e)
		}
		q.whole(root)
	}
	return q
}

func (q *query) add(at int, rule, format string, args ...any) {
	q.flaws = append(q.flaws, flaw{at, rule, fmt.Sprintf(format, args...)})
}

// root is the one QueryList, alone in its document: it becomes part of an envelope.
func (q *query) root(tops []*element, others []outside) *element {
	for _, o := range others {
		q.add(o.at, "query-xml", "%s", o.describe())
	}
	if len(tops) == 0 {
		q.add(0, "query-empty", "the query is empty; write a QueryList")
		return nil
	}
	for _, e := range tops[1:] {
		q.add(e.at, "query-xml", "a second root element, %s", e.name)
	}
	if root := tops[0]; root.name == "QueryList" {
		return root
	}
	q.add(tops[0].at, "query-element", "the root of a query is QueryList, not %s", tops[0].name)
	return nil
}

func (q *query) query(e *element) {
	if e.name != "Query" {
		q.add(e.at, "query-element", "in QueryList there is Query, not %s", e.name)
		return
	}
	q.attributes(e, "Id", "Path")
	q.id(e)
	path, _ := e.attr("Path")
	selected := map[string]bool{}
	for _, child := range e.children {
		if child.name == "Select" {
			selected[channel(child, path)] = true
		}
	}
	for _, child := range e.children {
		switch child.name {
		case "Select":
			q.selects++
			q.expression(child, path)
		case "Suppress":
			q.expression(child, path)
			if c := channel(child, path); c != "" && len(selected) > 0 && !selected[c] {
				q.add(child.at, "suppress-select", "Suppress of a Path that this Query has no Select for")
			}
		default:
			q.add(child.at, "query-element", "in Query there are Select and Suppress, not %s", child.name)
		}
	}
	if len(selected) == 0 && slices.ContainsFunc(e.children, func(c *element) bool { return c.name == "Suppress" }) {
		q.add(e.at, "suppress-select", "a Query with Suppress and without Select selects nothing")
	}
}

// id is optional while there is but one Query (the query schema of Windows).
func (q *query) id(e *element) {
	id, there := e.attr("Id")
	if !there && q.queries == 1 {
		return
	}
	if _, err := strconv.ParseUint(id, 10, 32); err != nil {
		q.add(e.at, "query-id", "a Query needs a number as its Id")
	} else if q.ids[id] {
		q.add(e.at, "query-id", "two Query elements have the Id %s", id)
	}
	q.ids[id] = true
}

// path is what e reads from, in its own spelling; query is what its Query says.
func path(e *element, query string) string {
	if own, ok := e.attr("Path"); ok {
		return own
	}
	return query
}

func channel(e *element, query string) string {
	return strings.ToLower(strings.TrimSpace(path(e, query)))
}

// expression is a Select or Suppress; inherited is the Path of its Query.
func (q *query) expression(e *element, inherited string) {
	q.attributes(e, "Path")
	q.path(e, path(e, inherited))
	for _, child := range e.children {
		q.add(child.at, "query-element", "%s holds text only, not %s", e.name, child.name)
	}
	c := channel(e, inherited)
	switch {
	case e.name == "Suppress":
		q.parts[c] = true
	case strings.TrimSpace(e.text) == "*":
		q.wholes[c] = true
	}
	q.xpath(e)
}

func (q *query) path(e *element, path string) {
	switch trimmed := strings.TrimSpace(path); {
	case trimmed == "":
		q.add(e.at, "path-missing", "%s has no Path, and neither has its Query: name a channel", e.name)
		return
	case strings.HasPrefix(strings.ToLower(trimmed), "file:"):
		if q.files++; q.files == 1 {
			q.file = e.at
		}
		q.add(e.at, "path-file", "Path %q is a saved log; sources forward channels", path)
		return
	case strings.ContainsAny(path, "*?"):
		q.add(e.at, "path-wildcard", "Path %q: Windows knows no wildcards in channel names", path)
	case trimmed != path:
		q.add(e.at, "path-space", "Path %q begins or ends with a space", path)
	}
	q.channels[strings.ToLower(strings.TrimSpace(path))] = true
}

func (q *query) xpath(e *element) {
	if strings.TrimSpace(e.text) == "" {
		if len(e.children) == 0 {
			q.add(e.at, "xpath-empty", "%s is empty; * takes every event", e.name)
		}
		return
	}
	if len(e.children) > 0 {
		return // the text is in pieces
	}
	x := parseXPath(e.text)
	for _, p := range x.problems {
		q.add(e.place(p.at), p.rule, "%s", p.text)
	}
	switch {
	case x.terms > mostTerms:
		q.add(e.at, "xpath-size", "%s has %d terms; Windows promises to take %d, and refuses from about 22 on: split it into several", e.name, x.terms, maxTerms)
	case x.terms > maxTerms:
		q.add(e.at, "xpath-terms", "%s has %d terms; Windows takes %d, and refuses from about 22 on: split it into several", e.name, x.terms, maxTerms)
	}
}

func (q *query) attributes(e *element, known ...string) {
	seen := map[string]bool{}
	for _, a := range e.attrs {
		switch name := full(a.Name); {
		case !slices.Contains(known, name):
			q.add(e.at, "query-attribute", "%s has no attribute %s", e.name, name)
		case seen[name]:
			q.add(e.at, "query-attribute", "%s has the attribute %s twice", e.name, name)
		default:
			seen[name] = true
		}
	}
}

// whole is about all of it.
func (q *query) whole(root *element) {
	for c := range q.parts {
		delete(q.wholes, c)
	}
	if q.selects == 0 && !q.fatal() {
		q.add(root.at, "query-empty", "the query selects nothing; it needs a Select")
	}
	if len(q.channels) > maxChannels {
		q.add(root.at, "query-channels", "%d channels; Windows refuses more than %d", len(q.channels), maxChannels)
	}
	if q.files > 0 && len(q.channels) > 0 {
		q.add(q.file, "path-mixed", "saved logs and channels in one query")
	}
}

func (q *query) fatal() bool {
	return slices.ContainsFunc(q.flaws, func(f flaw) bool { return rules[f.rule].fatal })
}
