package strict

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// joinPlain puts plain scalars below n together again. In a list between braces, as in {brokers: [localhost:9092]}, the parser takes
// every colon for the end of a key; YAML wants white space after it, and outside of braces the parser does too.
func joinPlain(n ast.Node) {
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, pair := range n.Values {
			joinPlain(pair.Value)
		}
	case *ast.SequenceNode:
		for i, item := range n.Values {
			if s := plain(item); s != nil {
				n.Values[i] = s
			} else {
				joinPlain(item)
			}
		}
	}
}

// plain is the scalar that the parser made a mapping of, else nil.
func plain(n ast.Node) ast.Node {
	m, ok := n.(*ast.MappingNode)
	if !ok || m.IsFlowStyle || len(m.Values) != 1 { // flow style: it has braces of its own
		return nil
	}
	const white = " \t\r\n"
	k, v := m.Values[0].Key.GetToken(), m.Values[0].Value.GetToken()
	if !isPlain(k) || !isPlain(v) || strings.TrimLeft(v.Origin, white) != v.Origin {
		return nil // quotes, brackets or white space stand next to the colon
	}
	written := k.Origin + ":" + v.Origin // not from columns: they do not count tabs
	text := strings.Trim(written, white)
	for i, c := range text {
		if c == '\n' || c == ':' && (i == len(text)-1 || strings.IndexByte(white, text[i+1]) >= 0) {
			return nil // a:b: c is a key and a value
		}
	}
	return ast.String(token.String(text, written, k.Position))
}

func isPlain(t *token.Token) bool {
	return t != nil && t.CharacterType == token.CharacterTypeMiscellaneous && t.Type != token.ImplicitNullType
}
