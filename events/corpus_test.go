package events_test

import (
	"path/filepath"
	"testing"

	"github.com/wefka/wefka/internal/corpus"
)

// recorded is the events beside the checkout, by file.
func recorded(t testing.TB) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, name := range corpus.Files(t) {
		all[filepath.Base(name)] = corpus.Lines(t, name)
	}
	return all
}
