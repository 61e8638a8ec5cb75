package floors_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wefka/wefka/internal/corpus"
)

const module = "github.com/wefka/wefka"

// floor is what the files of one room may import beside the standard library. A library's name stands for all its packages.
type floor struct {
	ours    []string
	outside []string
}

const everybody = "every room that ships"

var floors = map[string]floor{
	"wsman/sldc": {},
	"events":     {},
	"hosts":      {ours: []string{"wsman", "events"}},
	"policy":     {},
	"page":       {},
	"certs":      {outside: []string{"software.sslmate.com/src/go-pkcs12"}},
	"wsman":      {ours: []string{"wsman/sldc"}, outside: []string{"github.com/beevik/etree"}},

	"wsman/kerberos":  {ours: []string{"wsman"}, outside: []string{"github.com/jcmturner"}},
	"output":          {ours: []string{"events", "output/producer"}},
	"output/producer": {outside: []string{"github.com/segmentio/kafka-go", "github.com/klauspost/compress", "github.com/pierrec/lz4"}},

	"output/fetch": {outside: []string{"github.com/segmentio/kafka-go"}},

	"subscriptions/library": {},
	"subscriptions/strict":  {outside: []string{"github.com/goccy/go-yaml"}},
	"subscriptions": {ours: []string{"wsman", "events", "subscriptions/strict"},
		outside: []string{"github.com/beevik/etree", "go.etcd.io/bbolt", "github.com/pelletier/go-toml"}},
	"subscriptions/compacted": {ours: []string{"subscriptions", "output/fetch", "output/producer"}},
	"simulator":               {ours: []string{"wsman", "wsman/kerberos", "certs"}, outside: []string{"github.com/Azure/go-ntlmssp"}},
	"simulator/witness":       {ours: []string{"simulator", "output/fetch"}, outside: []string{"github.com/segmentio/kafka-go"}},

	"cmd/wefka": {ours: []string{everybody}, outside: []string{"github.com/spf13/cobra", "github.com/prometheus/client_golang", "github.com/prometheus/client_model",
		"github.com/prometheus/exporter-toolkit", "github.com/goccy/go-yaml", "github.com/pires/go-proxyproto", "github.com/fsnotify/fsnotify", "github.com/mattn/go-isatty", "github.com/coreos/go-systemd",
		"github.com/klauspost/compress", "golang.org/x/sync",
		"github.com/segmentio/kafka-go"}}, // to read back what was published

	// Helpers of tests.
	"internal/bench":     {},
	"internal/corpus":    {},
	"internal/floors":    {},
	"internal/infoset":   {ours: []string{"events"}},
	"internal/kdctest":   {},
	"internal/ordeal":    {},
	"internal/storetest": {ours: []string{"subscriptions"}, outside: []string{"github.com/google/go-cmp"}},
	"internal/kafkatest": {outside: []string{"github.com/segmentio/kafka-go", fakeBroker}},
}

const (
	fakeBroker = "github.com/twmb/franz-go"
	prometheus = "github.com/prometheus/client_golang/prometheus"
)

// extras are libraries for files of one name.
func extras(file string) []string {
	dir, base := path.Split(file)
	switch {
	case base == "metrics.go":
		return []string{prometheus}
	case dir == "cmd/wefka/" && strings.HasPrefix(base, "quickstart"):
		return []string{fakeBroker}
	}
	return nil
}

// breaches reads one source file, named from the root of the repository, and says what it imports against the table.
func breaches(file string, source []byte) ([]string, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	room := path.Dir(file)
	own, known := floors[room]
	if !known {
		return []string{fmt.Sprintf("%s: there is no room %q; give it a row in internal/floors and a decision record", file, room)}, nil
	}
	var found []string
	for _, spec := range parsed.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		if rule := broken(room, own, extras(file), name); rule != "" {
			found = append(found, fmt.Sprintf("%s imports %s: %s", file, name, rule))
		}
	}
	return found, nil
}

// broken is the rule that an import breaks, "" if none.
func broken(room string, own floor, extra []string, name string) string {
	if name == "C" {
		return "no cgo"
	}
	if name == module || within(name, module) {
		other := strings.TrimPrefix(strings.TrimPrefix(name, module), "/")
		switch {
		case within(other, "internal"):
			return "internal is for _test files only"
		case slices.Contains(own.ours, other), slices.Contains(own.ours, everybody):
			return ""
		}
		return fmt.Sprintf("of ours %s may import %s", room, list(own.ours))
	}
	if first, _, _ := strings.Cut(name, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	for _, library := range own.outside {
		if within(name, library) {
			return ""
		}
	}
	if slices.ContainsFunc(extra, func(library string) bool { return within(name, library) }) {
		return ""
	}
	switch {
	case within(name, fakeBroker):
		return "the fake broker belongs into cmd/wefka/quickstart*.go, internal/kafkatest and _test files"
	case within(name, prometheus):
		return "metrics live in metrics.go"
	}
	return fmt.Sprintf("of libraries %s may import %s", room, list(own.outside))
}

// within says whether name is library or below it.
func within(name, library string) bool {
	rest, ok := strings.CutPrefix(name, library)
	return ok && (rest == "" || rest[0] == '/')
}

func list(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

func TestFloors(t *testing.T) {
	root := corpus.Root(t)
	rooms := map[string]int{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		file, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		file = filepath.ToSlash(file)
		base := entry.Name()
		switch {
		case file == ".":
			return nil
		case file == "deploy/tools":
			return filepath.SkipDir // a module of its own
		case entry.IsDir():
			// Those that the go command passes over too.
			if base == "testdata" || base[0] == '.' || base[0] == '_' {
				return filepath.SkipDir
			}
			return nil
		case path.Ext(base) != ".go" || strings.HasSuffix(base, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		found, err := breaches(file, source)
		if err != nil {
			return err
		}
		for _, f := range found {
			t.Error(f)
		}
		rooms[path.Dir(file)]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range []string{"cmd/wefka", "subscriptions", "output", "wsman", "events", "certs"} {
		if rooms[room] == 0 {
			t.Errorf("no source of %s was read", room)
		}
	}
}

// The watchman must bark: each rule, broken and kept.
func TestBreaches(t *testing.T) {
	for _, row := range []struct {
		file, imports string
		rule          string // "" = allowed
	}{
		{"events/decode.go", "net/http", ""},
		{"events/decode.go", module + "/wsman", "of ours events may import nothing"},
		{"events/decode.go", "github.com/beevik/etree", "of libraries events may import nothing"},
		{"events/decode.go", "C", "no cgo"},
		{"certs/pair.go", "software.sslmate.com/src/go-pkcs12", ""},
		{"certs/pair.go", prometheus, "metrics live in metrics.go"},
		{"certs/metrics.go", prometheus, ""},
		{"certs/metrics.go", "github.com/prometheus/common/model", "of libraries certs may import software"},
		{"wsman/server.go", module + "/wsman/sldc", ""},
		{"wsman/server.go", module + "/subscriptions", "of ours wsman may import wsman/sldc"},
		{"wsman/server.go", module, "of ours wsman may import wsman/sldc"},
		{"wsman/server.go", "github.com/beevik/etreeish", "of libraries wsman may import github.com/beevik/etree"},
		{"subscriptions/manager.go", module + "/output", "of ours subscriptions may import wsman, events"},
		{"output/kafka.go", module + "/output/producer", ""},
		{"output/kafka.go", "github.com/segmentio/kafka-go", "of libraries output may import nothing"},
		{"output/producer/transport.go", "github.com/segmentio/kafka-go/protocol/rawproduce", ""},
		{"output/producer/transport.go", "github.com/twmb/franz-go/pkg/kfake", "the fake broker belongs into"},
		{"simulator/machine.go", module + "/events", "of ours simulator may import wsman"},
		{"subscriptions/strict/strict.go", "github.com/goccy/go-yaml/ast", ""},
		{"subscriptions/strict/strict.go", module + "/subscriptions", "of ours subscriptions/strict may import nothing"},
		{"cmd/wefka/serve.go", module + "/output/producer", ""},
		{"cmd/wefka/serve.go", module + "/internal/kafkatest", "internal is for _test files only"},
		{"cmd/wefka/serve.go", "github.com/twmb/franz-go/pkg/kfake", "the fake broker belongs into"},
		{"cmd/wefka/quickstart.go", "github.com/twmb/franz-go/pkg/kfake", ""},
		{"cmd/wefka/quickstart_broker.go", "github.com/twmb/franz-go/pkg/kfake", ""},
		{"cmd/wefka/serve.go", "github.com/spf13/viper", "of libraries cmd/wefka may import github.com/spf13/cobra"},
		{"internal/kafkatest/fake.go", "github.com/twmb/franz-go/pkg/kfake", ""},
		{"internal/kafkatest/fake.go", module + "/output", "of ours internal/kafkatest may import nothing"},
		{"util/strings.go", "fmt", `there is no room "util"`},
	} {
		source := fmt.Sprintf("package x\n\nimport (\n\t\"errors\"\n\tname %q\n)\n\nvar _ = errors.New\n", row.imports)
		found, err := breaches(row.file, []byte(source))
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case row.rule == "" && len(found) != 0:
			t.Errorf("allowed, but: %q", found)
		case row.rule != "" && (len(found) != 1 || !strings.Contains(found[0], row.file) || !strings.Contains(found[0], row.rule)):
			t.Errorf("%s imports %s: found %q, want %q", row.file, row.imports, found, row.rule)
		case row.rule != "" && row.file != "util/strings.go" && !strings.Contains(found[0], row.imports):
			t.Errorf("%q does not name the import", found)
		}
	}
	if _, err := breaches("events/decode.go", []byte("no Go")); err == nil {
		t.Error("a file that cannot be read is no file without imports")
	}
}
