package output

import "fmt"

// Formats are the names that NewEncoder takes.
var Formats = []string{"json", "ecs", "xml"}

// NewEncoder is the encoder of a subscription's format: json, ecs or xml. Of the settings, Node and Severities go into the documents of
// the first two.
func NewEncoder(format string, s Settings) (Encoder, error) {
	switch format {
	case "json":
		return &JSON{Node: s.Node, Severities: s.Severities}, nil
	case "xml":
		return XML{}, nil
	case "ecs":
		return &ECS{Node: s.Node, Severities: s.Severities}, nil
	}
	return nil, fmt.Errorf("unknown format %q; there are json, ecs and xml", format)
}
