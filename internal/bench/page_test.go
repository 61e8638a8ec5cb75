package bench_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wefka/wefka/internal/corpus"
)

var (
	makeLine = regexp.MustCompile(`(?m)^    make ([a-z-]+)(.*)$`)
	cliLine  = regexp.MustCompile(`(?m)^    wefka ([a-z]+)`)
	flagWord = regexp.MustCompile(`[" ]-([a-z]+)`)
	runWord  = regexp.MustCompile(`RUN=(\S+)`)
)

// TestPage holds docs/performance.md against the Makefile, the program and this room: its commands must exist.
func TestPage(t *testing.T) {
	root := corpus.Root(t)
	page, err := os.ReadFile(filepath.Join(root, "docs", "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	lines := makeLine.FindAllSubmatch(page, -1)
	if len(lines) == 0 {
		t.Error("the page has no command of make")
	}
	for _, m := range lines {
		target, rest := string(m[1]), string(m[2])
		if !strings.Contains(string(makefile), "\n"+target+":") {
			t.Errorf("docs/performance.md: the Makefile has no target %s", target)
		}
		if !strings.HasPrefix(target, "bench-") {
			continue
		}
		if _, arguments, ok := strings.Cut(rest, "ARGS="); ok {
			for _, f := range flagWord.FindAllStringSubmatch(arguments, -1) {
				if !isFlag(f[1]) {
					t.Errorf("docs/performance.md: make %s knows no flag -%s", target, f[1])
				}
			}
		}
		if run := runWord.FindStringSubmatch(rest); run != nil && target == "bench-server" && !isRow(run[1]) {
			t.Errorf("docs/performance.md: no row %s", run[1])
		}
	}
	for _, m := range cliLine.FindAllSubmatch(page, -1) {
		if out, err := exec.Command(wefka(t), string(m[1]), "--help").CombinedOutput(); err != nil {
			t.Errorf("docs/performance.md: wefka %s: %v\n%s", m[1], err, out)
		}
	}
}

func isFlag(name string) bool { return flag.Lookup(name) != nil }

func isRow(name string) bool {
	for _, auth := range auths {
		if slices.ContainsFunc(rowsOf(auth), func(r row) bool { return r.name() == name }) {
			return true
		}
	}
	return false
}
