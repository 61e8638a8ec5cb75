package hosts_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/wefka/wefka/hosts"
)

//go:generate go test -run TestManual -update

var update = flag.Bool("update", false, "write docs/causes.md")

const manual = "../docs/causes.md"

// docs/causes.md is the table of causes.
func TestManual(t *testing.T) {
	var b bytes.Buffer
	if err := hosts.WriteManual(&b); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(manual, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(manual)
	if err != nil || !bytes.Equal(written, b.Bytes()) {
		t.Errorf("%s is not the table of causes (%v): go generate ./hosts", manual, err)
	}
	seen := map[string]bool{}
	for _, c := range hosts.Causes() {
		if seen[c.ID] || c.ID == "" || c.Text == "" || c.Remedy == "" || c.Link == "" {
			t.Errorf("cause %+v: id twice, or something is missing", c)
		}
		seen[c.ID] = true
	}
}
