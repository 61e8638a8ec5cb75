package strict

import (
	"fmt"
	"strconv"
	"strings"
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

// LineErrorf is Errorf about one line, from 1, of a value that has several.
func (d *Document) LineErrorf(path string, line int, format string, args ...any) error {
	p := d.find(path)
	if text := d.line(p.line + line); p.block && line > 0 && text != "" {
		p = place{line: p.line + line, column: 1 + len(text) - len(strings.TrimLeft(text, " \t"))}
	}
	return d.errorAt(p, format, args...)
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
