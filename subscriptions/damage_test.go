package subscriptions_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/wefka/wefka/subscriptions"
)

// stateFile is one with some hundred states, closed.
func stateFile(t *testing.T) (path string, content []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "state.db")
	b := open(t, path)
	b.Hurry()
	for i := range 300 {
		must(t, put(b, subscriptions.Key{Subscription: id1, Source: fmt.Sprint("pc", i)}, strings.Repeat(mark1, 20)))
	}
	must(t, b.Close())
	content, err := os.ReadFile(path)
	must(t, err)
	return path, content
}

// Whatever is wrong with a file that is there: an error that names it and the cure, and never a new, empty state in its place.
func TestDamagedFile(t *testing.T) {
	path, content := stateFile(t)
	page := os.Getpagesize()
	used := len(bytes.TrimRight(content, "\x00")) // bbolt makes files larger than they need be
	garbage := bytes.Repeat([]byte("garbage "), len(content)/8)
	other := filepath.Join(t.TempDir(), "other.db")
	db, err := bbolt.Open(other, 0o600, nil)
	must(t, err)
	must(t, db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("somebody's")); return err }))
	must(t, db.Close())
	foreign, err := os.ReadFile(other)
	must(t, err)
	state := bytes.Clone(content)
	at := bytes.LastIndex(state, []byte("pc299")) + len("pc299")
	state[at] = 0xee // the format of a packed state
	for name, bad := range map[string][]byte{
		"empty":              {},
		"cut in its head":    content[:100],
		"cut behind it":      content[:2*page],
		"cut in half":        content[:used/2],
		"cut by a page":      content[:used-page],
		"text":               garbage,
		"zeros":              make([]byte, len(content)),
		"garbage in pages":   append(bytes.Clone(content[:2*page]), garbage[2*page:]...),
		"one state":          state,
		"another's database": foreign,
	} {
		must(t, os.WriteFile(path, bad, 0o600))
		b, err := subscriptions.OpenBolt(path)
		if err == nil {
			b.Close()
			t.Errorf("%s: opened", name)
			continue
		}
		var damage *subscriptions.Damage
		if !errors.As(err, &damage) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "restore the file from a copy") {
			t.Errorf("%s: %v", name, err)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, bad) {
			t.Errorf("%s: the file was changed", name)
		}
	}
	must(t, os.WriteFile(path, content, 0o600))
	b := open(t, path)
	if got := bookmark(t, b, subscriptions.Key{Subscription: id1, Source: "pc299"}); got == "" {
		t.Error("the copy does not help")
	}
}
