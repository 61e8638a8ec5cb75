package strict

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	maxFile = 256 << 10 // bytes: hundreds of pages; the parser's time grows faster than the file
	maxOpen = 200       // brackets open at once: it grows faster still with depth, and recurses
)

// Reader says what ${…} stands for. The zero Reader knows no variables.
type Reader struct {
	Lookup func(name string) (value string, ok bool) // of ${NAME}; nil: nothing is set
	Dir    string                                    // where the relative paths of ${file:PATH} start; "" = the folder of the file
}

// Unmarshal reads the file called name, whose content is data, into the struct that into points to. Keys that are left out leave
// their fields alone. The error joins one *Error for each thing that is wrong.
func (r Reader) Unmarshal(name string, data []byte, into any) error {
	_, err := r.Read(name, data, into)
	return err
}

// Read is Unmarshal for callers that have rules of their own: they report against the Document. It is nil when err is not.
func (r Reader) Read(name string, data []byte, into any) (*Document, error) {
	if r.Dir == "" {
		r.Dir = filepath.Dir(name)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	d := &Document{name: name, at: map[string]place{}}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s: larger than %d KiB", name, maxFile>>10)
	}
	if i := invalid(data); i >= 0 {
		line, column := locate(data[:i])
		d.split(data[:i])
		return nil, d.errorAt(place{line: line, column: column}, "not UTF-8; save the file as UTF-8")
	}
	d.split(data)
	if i := tooDeep(data); i >= 0 {
		line, column := locate(data[:i])
		return nil, d.errorAt(place{line: line, column: column}, "more than %d brackets are open", maxOpen)
	}
	root, err := d.parse(data)
	if err != nil {
		return nil, err
	}
	w := &walk{reader: r, doc: d}
	w.root(root, into)
	if len(w.errs) > 0 {
		return nil, errors.Join(w.errs...)
	}
	return d, nil
}

// parse gives the one mapping that the file is.
func (d *Document) parse(data []byte) (root *ast.MappingNode, err error) {
	defer func() {
		if p := recover(); p != nil { // the parser has its dark corners
			root, err = nil, d.errorAt(place{line: 1, column: 1}, "not YAML: %v", p)
		}
	}()
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey()) // duplicates: ours to report, with both places
	if err != nil {
		return nil, d.syntax(err)
	}
	for _, doc := range file.Docs {
		switch body := doc.Body.(type) {
		case nil, *ast.DirectiveNode:
		case *ast.MappingNode:
			if root != nil {
				return nil, d.errorAt(start(body), "a second document; this file is one")
			}
			root = body
		default:
			return nil, d.errorAt(start(body), "keys and values are due here, such as %q", "name: value")
		}
	}
	if root == nil {
		return nil, d.errorAt(place{line: 1, column: 1}, "the file is empty")
	}
	joinPlain(root)
	return root, nil
}

// syntax turns the parser's error into ours.
func (d *Document) syntax(err error) error {
	var located interface {
		GetMessage() string
		GetToken() *token.Token
	}
	if !errors.As(err, &located) || located.GetToken() == nil || located.GetToken().Position == nil {
		return d.errorAt(place{line: 1, column: 1}, "not YAML: %v", err)
	}
	p := at(located.GetToken())
	hint := ""
	if strings.Contains(d.line(p.line), "${") {
		hint = `; between braces or brackets ${…} needs quotes: "${NAME}"`
	}
	return d.errorAt(p, "%s%s", located.GetMessage(), hint)
}

// start is where a node's text begins; a mapping's own token is its first colon.
func start(n ast.Node) place {
	if m, ok := n.(*ast.MappingNode); ok {
		if i := m.MapRange(); i.Next() {
			return at(i.Key().GetToken())
		}
	}
	p := at(n.GetToken())
	if l, ok := n.(*ast.LiteralNode); ok {
		p.block = strings.HasPrefix(l.Start.Value, "|")
	}
	return p
}

func at(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{line: 1, column: 1}
	}
	return place{line: t.Position.Line, column: t.Position.Column}
}

// invalid is the index of the first byte that is not UTF-8, else -1.
func invalid(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return -1
}

// tooDeep is the index of the bracket that is one too many, else -1.
func tooDeep(data []byte) int {
	open := 0
	for i, c := range data {
		switch c {
		case '[', '{':
			open++
		case ']', '}':
			open = max(0, open-1)
		}
		if open > maxOpen {
			return i
		}
	}
	return -1
}

// locate is the place after before.
func locate(before []byte) (line, column int) {
	line = 1 + bytes.Count(before, []byte("\n"))
	return line, 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
}
