package strict

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// walk fills a value from a tree and collects what is wrong.
type walk struct {
	reader Reader
	doc    *Document
	errs   []error
}

func (w *walk) fail(p place, format string, args ...any) {
	w.errs = append(w.errs, w.doc.errorAt(p, format, args...))
}

func (w *walk) root(n *ast.MappingNode, into any) {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("strict: %T is no pointer to a struct", into))
	}
	w.mapping("", n, v.Elem())
}

// value decodes n into v, by the type of v.
func (w *walk) value(path string, n ast.Node, v reflect.Value) {
	p := start(n)
	w.doc.at[path] = p
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode:
		w.fail(p, "anchors and aliases are not read; write the value out")
		return
	case *ast.TagNode:
		w.fail(p, "tags are not read; write the bare value")
		return
	}
	_, null := n.(*ast.NullNode)
	if v.Kind() == reflect.Pointer {
		if !null {
			v.Set(reflect.New(v.Type().Elem()))
			w.value(path, n, v.Elem())
		}
		return
	}
	_, itself := v.Addr().Interface().(encoding.TextUnmarshaler)
	switch {
	case v.Kind() == reflect.Struct && !itself:
		m, ok := n.(*ast.MappingNode)
		if !ok && !null { // null: all its keys are commented out
			w.fail(p, "keys and values are due here, such as %q", "name: value")
		} else if ok {
			w.mapping(path, m, v)
		}
	case v.Kind() == reflect.Slice && !itself:
		s, ok := n.(*ast.SequenceNode)
		if !ok && !null {
			w.fail(p, "a list is due here, such as [a, b]")
		} else if ok {
			w.sequence(path, s, v)
		}
	default:
		w.scalar(p, n, v)
	}
}

func (w *walk) mapping(path string, n *ast.MappingNode, v reflect.Value) {
	fields := fieldsOf(v)
	seen := map[string]place{}
	for i := n.MapRange(); i.Next(); {
		p := at(i.Key().GetToken())
		name, ok := i.Key().(*ast.StringNode)
		if !ok {
			w.fail(p, "%q is no key", i.Key().GetToken().Value)
			continue
		}
		field, known := fields[name.Value]
		first, twice := seen[name.Value]
		switch {
		case !known:
			var names []string
			for k := range fields {
				names = append(names, k)
			}
			w.fail(p, "unknown key %q; %s", name.Value, suggestion(name.Value, names))
			continue
		case twice:
			w.fail(p, "key %q is there twice, first in line %d", name.Value, first.line)
			continue
		}
		seen[name.Value] = p
		if _, null := i.Value().(*ast.NullNode); null {
			w.null(key(path, name.Value), p, field)
			continue
		}
		w.value(key(path, name.Value), i.Value(), field)
	}
}

// null is a key without a value, which is fine where all that belongs below it may be left out.
func (w *walk) null(path string, p place, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Pointer:
		return
	}
	w.doc.at[path] = p
	w.fail(p, "the key has no value; write one, or leave the key out")
}

// fieldsOf gives the settable fields of a struct by their keys.
func fieldsOf(v reflect.Value) map[string]reflect.Value {
	fields := map[string]reflect.Value{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); f.IsExported() && name != "" && name != "-" {
			fields[name] = v.Field(i)
		}
	}
	return fields
}

func (w *walk) sequence(path string, n *ast.SequenceNode, v reflect.Value) {
	list := reflect.MakeSlice(v.Type(), len(n.Values), len(n.Values))
	for i, item := range n.Values {
		w.value(index(path, i), item, list.Index(i))
	}
	v.Set(list)
}

func (w *walk) scalar(p place, n ast.Node, v reflect.Value) {
	text, ok := w.text(p, n)
	if !ok {
		return
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(text)); err != nil {
			w.fail(p, "%v", err)
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			w.fail(p, "%q is neither true nor false", text)
		}
		v.SetBool(text == "true")
	case reflect.Int, reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			w.fail(p, "%q is no whole number of this size", text)
		}
		v.SetInt(i)
	default:
		panic(fmt.Sprintf("strict: no reader for %s", v.Type()))
	}
}

// text is a scalar's text after expansion.
func (w *walk) text(p place, n ast.Node) (string, bool) {
	var text string
	switch n := n.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		text = n.GetToken().Value // as written: 1.10 stays 1.10
	case *ast.NullNode:
		w.fail(p, "no value; write one, or leave the entry out")
		return "", false
	default:
		w.fail(p, "one value is due here")
		return "", false
	}
	expanded, err := w.reader.expand(text)
	if err != nil {
		w.fail(p, "%v", err)
		return "", false
	}
	return expanded, true
}
