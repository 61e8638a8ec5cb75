package strict

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Document remembers where the values of a file stand.
type Document struct {
	name  string
	lines []string
	at    map[string]place // path of keys → its value, or its key when it has none
}

// place is a line and column, from 1.
type place struct {
	line, column int
	block        bool // a literal block: its lines stand below, one for one
}

// Has says whether the file holds a value at path, such as "name", "output.format" or "targets.networks[0]".
func (d *Document) Has(path string) bool {
	_, ok := d.at[path]
	return ok
}

// Errorf is an *Error about the value at path; where the file has none, about what it would be part of.
func (d *Document) Errorf(path, format string, args ...any) error {
	return d.errorAt(d.find(path), format, args...)
}

// TextErrorf is Errorf about one place in the value at path: the byte at offset of text, which is the value as it was read. Where the
// file does not show that text (it came from a variable, or is quoted), the error is about the value.
func (d *Document) TextErrorf(path, text string, offset int, format string, args ...any) error {
	p := d.find(path)
	if q, ok := d.within(p, text, min(max(0, offset), len(strings.TrimRight(text, "\r\n")))); ok {
		p = q
	}
	return d.errorAt(p, format, args...)
}

// within is the place of text[offset:], if the value that begins at p stands in the file as it is.
func (d *Document) within(p place, text string, offset int) (place, bool) {
	before := text[:offset]
	row, start := strings.Count(before, "\n"), strings.LastIndexByte(before, '\n')+1
	rest, _, _ := strings.Cut(text[offset:], "\n")
	indent := p.column - 1 // of characters; a plain value stands on one line
	if p.block {
		row++
		indent = 0
		for n := p.line + 1; n <= len(d.lines); n++ {
			if line := d.line(n); strings.TrimSpace(line) != "" {
				indent = len(line) - len(strings.TrimLeft(line, " "))
				break
			}
		}
	} else if row > 0 {
		return place{}, false
	}
	q := place{line: p.line + row, column: 1 + indent + utf8.RuneCountInString(text[start:offset])}
	source := []rune(d.line(q.line))
	if q.column-1 > len(source) || !strings.HasPrefix(string(source[q.column-1:]), strings.TrimRight(rest, "\r")) {
		return place{}, false
	}
	return q, true
}

func (d *Document) find(path string) place {
	for {
		if p, ok := d.at[path]; ok {
			return p
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			return place{line: 1, column: 1}
		}
		path = path[:i]
	}
}

func (d *Document) errorAt(p place, format string, args ...any) error {
	return &Error{File: d.name, Line: p.line, Column: p.column, Message: fmt.Sprintf(format, args...), Source: d.line(p.line)}
}

func (d *Document) split(data []byte) {
	d.lines = strings.Split(string(data), "\n")
}

func (d *Document) line(n int) string {
	if n < 1 || n > len(d.lines) {
		return ""
	}
	return strings.TrimSuffix(d.lines[n-1], "\r")
}

// key extends a path.
func key(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
