package output

import "fmt"

// NewEncoder is the encoder of a subscription's format: json or xml. node goes into every json document; "" leaves it out.
func NewEncoder(format, node string) (Encoder, error) {
	switch format {
	case "json":
		return &JSON{Node: node}, nil
	case "xml":
		return XML{}, nil
	case "ecs":
		return nil, fmt.Errorf("format ecs is not built yet; there are json and xml")
	}
	return nil, fmt.Errorf("unknown format %q; there are json and xml", format)
}
