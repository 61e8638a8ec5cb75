package subscriptions

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/wefka/wefka/subscriptions/strict"
)

// table is a part of a TOML file from which what is understood is taken out.
type table map[string]any

// take removes the value of key, if it has the type T.
func take[T any](t table, key string) (v T, ok bool) {
	if v, ok = t[key].(T); ok {
		delete(t, key)
	}
	return v, ok
}

// number is a whole number or not.
func (t table) number(key string) (float64, bool) {
	if n, ok := take[int64](t, key); ok {
		return float64(n), true
	}
	return take[float64](t, key)
}

func (t table) sub(key string) table {
	sub, _ := take[map[string]any](t, key)
	return sub
}

// texts is a list of strings.
func (t table) texts(key string) []string {
	list, _ := take[[]any](t, key)
	var texts []string
	for _, v := range list {
		texts = append(texts, fmt.Sprint(v))
	}
	return texts
}

// openWEC reads a subscription file of OpenWEC (its doc/subscription.md and doc/outputs.md describe the keys).
func (i *Imported) openWEC(text string) error {
	var file table
	if err := toml.Unmarshal([]byte(text), &file); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			row, column := at.Position()
			return fmt.Errorf("read subscription TOML: line %d, column %d: %w", row, column, err)
		}
		return fmt.Errorf("read subscription TOML: %w", err)
	}
	i.Name, _ = take[string](file, "name")
	i.ID, _ = take[string](file, "uuid")
	i.Query, _ = take[string](file, "query")
	if i.Name == "" || i.Query == "" {
		return errors.New("the file has no name and query; a subscription file of OpenWEC has both")
	}
	options := file.sub("options")
	i.openWECOptions(options)
	filter := file.sub("filter")
	i.openWECFilter(filter)
	outputs, _ := take[[]any](file, "outputs")
	i.openWECOutputs(outputs)
	i.unknown("", file)
	i.unknown("options.", options)
	i.unknown("filter.", filter)
	return nil
}

func (i *Imported) unknown(where string, t table) {
	for _, key := range slices.Sorted(maps.Keys(t)) {
		i.note("%s%s = %v is not carried.", where, key, t[key])
	}
}

func (i *Imported) openWECOptions(o table) {
	flag := func(key string, into *bool) {
		if v, ok := take[bool](o, key); ok {
			*into = v
		}
	}
	flag("enabled", &i.Enabled)
	flag("read_existing_events", &i.ReadExistingEvents)
	flag("ignore_channel_error", &i.IgnoreChannelError)
	d := &i.Delivery
	duration := func(key string, into *strict.Duration) {
		n, ok := o.number(key)
		if v, err := seconds(n); ok && err != nil {
			i.note("options.%s = %v: %v.", key, n, err)
		} else if ok {
			*into = v
		}
	}
	duration("heartbeat_interval", &d.Heartbeat)
	duration("max_time", &d.MaxTime)
	duration("connection_retry_interval", &d.Retry.Interval)
	if n, ok := take[int64](o, "connection_retry_count"); ok {
		if d.Retry.Count = int(max(n, 1)); n < 1 {
			i.note("options.connection_retry_count = %d: a host tries at least once.", n)
		}
	}
	if n, ok := take[int64](o, "max_elements"); ok {
		d.MaxElements = int(max(n, 0))
	}
	if n, ok := take[int64](o, "max_envelope_size"); ok {
		d.MaxEnvelopeSize = strict.Size(n)
	}
	if format, ok := take[string](o, "content_format"); ok && strings.EqualFold(format, "RenderedText") {
		i.ContentFormat = rendered
	}
	if l, ok := take[string](o, "locale"); ok {
		i.locale(l)
	}
	if l, ok := take[string](o, "data_locale"); ok && l != i.Locale {
		i.note("options.data_locale = %s: there is one locale here.", l)
	}
	if uri, ok := take[string](o, "uri"); ok && uri != "" {
		var p Path
		if err := p.UnmarshalText([]byte(uri)); err != nil {
			i.note("options.uri: %v.", err)
		} else {
			i.Targets.Paths = []Path{p}
		}
	}
}

func (i *Imported) openWECFilter(f table) {
	operation, _ := take[string](f, "operation")
	targets := f.texts("targets")
	if len(targets) == 0 {
		targets = f.texts("princs")
	}
	if kind, ok := take[string](f, "kind"); ok && kind == "MachineID" {
		i.note("The filter compared what hosts claim (MachineID); here their proven names are compared.")
	}
	patterns := false
	for _, flag := range f.texts("flags") {
		patterns = patterns || flag == "GlobPattern"
	}
	if !patterns && slices.ContainsFunc(targets, func(t string) bool { return strings.ContainsAny(t, "*?") }) {
		i.note("* and ? in the filter were characters like any other; here they stand for others.")
	}
	globs := i.globs("filter.targets", targets)
	switch strings.ToLower(operation) {
	case "":
	case "only":
		i.Targets.Names = globs
		if len(globs) == 0 {
			i.note("The filter let nobody in, so it is off (enabled: false).")
			i.Enabled = false
		}
	case "except":
		i.Targets.Except = globs
	default:
		i.note("filter.operation = %s is not known here.", operation)
	}
}

// openWECOutputs carries the first output that goes to Kafka.
func (i *Imported) openWECOutputs(outputs []any) {
	taken := false
	for _, o := range outputs {
		t, _ := o.(map[string]any)
		out := table(t)
		driver, _ := take[string](out, "driver")
		format, _ := take[string](out, "format")
		config := out.sub("config")
		topic, _ := take[string](config, "topic")
		if driver != "Kafka" || taken {
			i.note("The output %s in format %s is not carried; here everything goes to one Kafka topic.", driver, format)
			continue
		}
		taken = true
		i.Output.Topic = topic
		switch format {
		case "Raw":
			i.Output.Format = "xml"
		case "Json":
			i.note("The format json is this collector's own: its members are not those of OpenWEC.")
		default:
			i.note("The format %s does not exist here; it is json.", format)
		}
		i.unknown("outputs.config.", config)
	}
}
