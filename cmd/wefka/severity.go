package main

import (
	"fmt"
	"math"

	"github.com/wefka/wefka/output"
)

// severities are the labels of the configuration as the output takes them.
func (c *Config) severities() output.Severities {
	s := output.Severities{}
	for _, label := range c.Severity {
		if label.EventID == nil {
			continue // Validate says so
		}
		s[output.EventType{Provider: label.Provider, ID: uint32(*label.EventID)}] = label.Severity
	}
	return s
}

func (v *validator) severity(labels []SeverityConfig) {
	seen := map[output.EventType]bool{}
	for i, l := range labels {
		key := fmt.Sprintf("severity[%d]", i)
		v.require(key+".provider", l.Provider)
		if l.Severity < 1 || l.Severity > 5 {
			v.add(key+".severity", "%d is no label; write 1 (least) to 5", l.Severity)
		}
		if l.EventID == nil || *l.EventID < 0 || *l.EventID > math.MaxUint16 {
			v.add(key+".event_id", "missing, or not from 0 to 65535")
			continue
		}
		event := output.EventType{Provider: l.Provider, ID: uint32(*l.EventID)}
		if seen[event] {
			v.add(key, "event %d of %s is there twice", event.ID, event.Provider)
		}
		seen[event] = true
	}
}
