package strict

import (
	"encoding/json"

	"github.com/goccy/go-yaml"
)

// Marshal writes as YAML what encoding/json would write of value: the same members in the same order.
func Marshal(value any) ([]byte, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return yaml.JSONToYAML(data)
}
