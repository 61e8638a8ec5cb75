package main

import (
	"embed"
	"encoding"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"reflect"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wefka/wefka/subscriptions"
	"github.com/wefka/wefka/subscriptions/strict"
)

func (p *program) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema config|subscription",
		Short: "Print the JSON Schema of the main file, or of a subscription file",
		Long: `Prints a JSON Schema (2020-12) with every key, its meaning and its default. An editor that knows YAML takes it:

  # yaml-language-server: $schema=/usr/share/wefka/schema/config.schema.json

It knows less than wefka check, which reads what files say of each other.`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"config", "subscription"},
		RunE: func(_ *cobra.Command, args []string) error {
			var s *schema
			switch args[0] {
			case "config":
				s = schemaOf("wefka.yaml", defaults(), []string{"listeners", "kafka"})
			case "subscription":
				s = subscriptionSchema()
			default:
				return usagef("schema %s: there are config and subscription", args[0])
			}
			e := json.NewEncoder(p.stdout)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			return e.Encode(s)
		},
	}
}

// schema is a JSON Schema, as much of it as structs need.
type schema struct {
	Draft       string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Default     any                `json:"default,omitempty"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Additional  *bool              `json:"additionalProperties,omitempty"`
	Required    []string           `json:"required,omitempty"`
}

func subscriptionSchema() *schema {
	return schemaOf("A subscription of wefka", subscriptions.New(), []string{"name", "id", "query"})
}

func schemaOf(title string, of any, required []string) *schema {
	s := describe(reflect.ValueOf(of).Elem(), fieldComments())
	s.Draft, s.Title, s.Required = "https://json-schema.org/draft/2020-12/schema", title, required
	return s
}

// variable is what may stand for any value of a file.
var variable = &schema{Type: "string", Pattern: `\$\{.+\}`}

var (
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
	sizeType     = reflect.TypeFor[strict.Size]()
	durationType = reflect.TypeFor[strict.Duration]()
)

// describe follows structs by their yaml tags; v's values are the defaults.
func describe(v reflect.Value, comments map[string]string) *schema {
	t := v.Type()
	switch {
	case t == sizeType:
		return &schema{Type: []string{"string", "integer"}, Pattern: `^([0-9]+ ?([KMGT]i?B|B)?|\$\{.+\})$`}
	case t == durationType:
		return &schema{Type: []string{"string", "integer"}, Pattern: `^(([0-9.]+(ns|us|µs|ms|s|m|h))+|0|\$\{.+\})$`}
	case t.Kind() == reflect.Pointer:
		if v.IsNil() {
			v = reflect.New(t.Elem())
		}
		return describe(v.Elem(), comments)
	case reflect.PointerTo(t).Implements(textType):
		return &schema{Type: []string{"string", "integer"}}
	}
	switch t.Kind() {
	case reflect.Struct:
		s := &schema{Type: "object", Properties: map[string]*schema{}, Additional: new(false)}
		for i := range t.NumField() {
			f := t.Field(i)
			key := f.Tag.Get("yaml")
			if key == "" || !f.IsExported() {
				continue
			}
			s.Properties[key] = field(v.Field(i), t.Name()+"."+f.Name, comments)
		}
		return s
	case reflect.Slice:
		return &schema{Type: "array", Items: describe(reflect.New(t.Elem()).Elem(), comments)}
	case reflect.Bool:
		return &schema{AnyOf: []*schema{{Type: "boolean"}, variable}}
	case reflect.String:
		return &schema{Type: "string"}
	}
	return &schema{AnyOf: []*schema{{Type: "integer"}, variable}}
}

// choices is a comment that lists them: "a (the usual) | b | c: why".
var choices = regexp.MustCompile(`^([\w.-]+(?: \([^)]*\))?(?: \| [\w.-]+(?: \([^)]*\))?)+)`)

func field(v reflect.Value, name string, comments map[string]string) *schema {
	s := describe(v, comments)
	s.Description = comments[name]
	if list := choices.FindString(s.Description); list != "" && s.Type == "string" {
		for _, choice := range strings.Split(list, " | ") {
			word, _, _ := strings.Cut(choice, " ")
			s.Enum = append(s.Enum, word)
		}
		s = &schema{Description: s.Description, AnyOf: []*schema{{Enum: append(s.Enum, "")}, variable}}
	}
	switch {
	case v.Kind() == reflect.Struct && v.Type() != sizeType && v.Type() != durationType, v.Kind() == reflect.Pointer, v.IsZero():
	case v.Type() == sizeType, v.Type() == durationType:
		text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err == nil {
			s.Default = string(text)
		}
	case v.Kind() != reflect.Slice:
		s.Default = v.Interface()
	}
	return s
}

// The sources of the structs: what stands behind a field there is what an editor shows.
//
//go:embed config.go routes.go identity.go severity.go
var sources embed.FS

// fieldComments gives the comments behind fields, by Type.Field.
func fieldComments() map[string]string {
	comments := map[string]string{}
	files := []string{subscriptions.Source}
	fs.WalkDir(sources, ".", func(name string, d fs.DirEntry, _ error) error {
		if b, err := sources.ReadFile(name); err == nil {
			files = append(files, string(b))
		}
		return nil
	})
	for _, source := range files {
		file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.ParseComments)
		if err != nil {
			continue // it compiles
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				commentsOf(spec.Name.Name, s, comments)
			}
			return false
		})
	}
	return comments
}

func commentsOf(name string, s *ast.StructType, into map[string]string) {
	for _, f := range s.Fields.List {
		for _, id := range f.Names {
			into[name+"."+id.Name] = strings.TrimSpace(f.Comment.Text())
			if inner, ok := f.Type.(*ast.StructType); ok { // without a name of its own
				commentsOf("", inner, into)
			}
		}
	}
}
