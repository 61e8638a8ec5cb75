package output

import "fmt"

// NewEncoder is the encoder of a subscription's format: json, ecs or xml. node goes into every document of
// the first two; "" leaves it out.
func NewEncoder(format, node string) (Encoder, error) {
	switch format {
	case "json":
		return &JSON{Node: node}, nil
	case "xml":
		return XML{}, nil
	case "ecs":
		return &ECS{Node: node}, nil
	}
	return nil, fmt.Errorf("unknown format %q; there are json, ecs and xml", format)
}
