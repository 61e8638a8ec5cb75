package main

import (
	"errors"
	"reflect"
	"strings"
)

// again reads the main file once more. What it gives is the running configuration with all that can change while running taken from the
// file, and the keys of what differs beside that.
func (c *Config) again() (next *Config, restart []string, err error) {
	if c.name == "" {
		return c, nil, nil
	}
	if next, err = readConfig(c.name, c.env); err != nil {
		return nil, nil, err
	}
	if problems := next.Validate(); len(problems) > 0 {
		return nil, nil, errors.Join(problems...)
	}
	changeable := *c
	changeable.Identity, changeable.Severity, changeable.Routes = next.Identity, next.Severity, next.Routes
	changeable.Log.Level = next.Log.Level
	k, n := &changeable.Kafka, &next.Kafka
	k.Topic, k.Topics, k.DefaultTopic, k.DeadLetterTopic, k.Timestamp, k.TimestampMaxAge = n.Topic, n.Topics, n.DefaultTopic, n.DeadLetterTopic, n.Timestamp, n.TimestampMaxAge
	return &changeable, unequal("", reflect.ValueOf(changeable), reflect.ValueOf(*next)), nil
}

// unequal are the keys whose values are not the same; of a list the list's.
func unequal(prefix string, a, b reflect.Value) (keys []string) {
	for i := range a.NumField() {
		tag := a.Type().Field(i).Tag.Get("yaml")
		if tag == "" {
			continue
		}
		key, x, y := prefix+strings.Split(tag, ",")[0], a.Field(i), b.Field(i)
		switch {
		case reflect.DeepEqual(x.Interface(), y.Interface()):
		case x.Kind() == reflect.Struct:
			keys = append(keys, unequal(key+".", x, y)...)
		default:
			keys = append(keys, key)
		}
	}
	return keys
}
