package strict

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
)

// JSON writes a struct by the keys that Read knows it by, in the order of its fields. A list without entries is [].
func JSON(v any) (json.RawMessage, error) {
	w := writer{text: func(s string) string { return s }}
	err := w.value(reflect.ValueOf(v))
	return w.out.Bytes(), err
}

// YAML writes the file that Read makes the same struct of.
func YAML(v any) ([]byte, error) {
	w := writer{text: verbatim.Replace}
	if err := w.value(reflect.ValueOf(v)); err != nil {
		return nil, err
	}
	var ordered any
	if err := yaml.UnmarshalWithOptions(w.out.Bytes(), &ordered, yaml.UseOrderedMap()); err != nil {
		return nil, err
	}
	return yaml.MarshalWithOptions(ordered, yaml.UseLiteralStyleIfMultiline(true))
}

// verbatim writes what Read would otherwise take for a reference.
var verbatim = strings.NewReplacer("$$", "$$$$", "${", "$${")

// writer is walk the other way round.
type writer struct {
	out  bytes.Buffer
	text func(string) string
}

func (w *writer) value(v reflect.Value) error {
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err != nil {
			return err
		}
		return w.scalar(string(text))
	}
	switch v.Kind() {
	case reflect.Struct:
		return w.mapping(v)
	case reflect.Slice:
		w.out.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				w.out.WriteByte(',')
			}
			if err := w.value(v.Index(i)); err != nil {
				return err
			}
		}
		w.out.WriteByte(']')
		return nil
	case reflect.String:
		return w.scalar(v.String())
	case reflect.Bool, reflect.Int, reflect.Int32, reflect.Int64:
		_, err := fmt.Fprint(&w.out, v.Interface())
		return err
	}
	return fmt.Errorf("strict: no writer for %s", v.Type())
}

func (w *writer) mapping(v reflect.Value) error {
	between := "{"
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if name == "" || name == "-" || v.Field(i).Kind() == reflect.Pointer && v.Field(i).IsNil() {
			continue
		}
		w.out.WriteString(between)
		between = ","
		if err := w.scalar(name); err != nil {
			return err
		}
		w.out.WriteByte(':')
		if err := w.value(v.Field(i)); err != nil {
			return err
		}
	}
	if between == "{" {
		w.out.WriteString(between)
	}
	w.out.WriteByte('}')
	return nil
}

func (w *writer) scalar(s string) error {
	e := json.NewEncoder(&w.out)
	e.SetEscapeHTML(false)
	if err := e.Encode(w.text(s)); err != nil {
		return err
	}
	w.out.Truncate(w.out.Len() - 1) // the line's end
	return nil
}
