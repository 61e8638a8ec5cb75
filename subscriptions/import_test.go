package subscriptions_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wefka/wefka/subscriptions"
)

// foreign are the recorded files of others.
func foreign(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/import/*.xml")
	must(t, err)
	more, err := filepath.Glob("testdata/import/*.toml")
	must(t, err)
	if files = append(files, more...); len(files) < 5 {
		t.Fatal(files)
	}
	return files
}

// TestImport holds what becomes of foreign subscriptions against golden files; each must load.
func TestImport(t *testing.T) {
	files := foreign(t)
	for _, file := range files {
		data, err := os.ReadFile(file)
		must(t, err)
		i, err := subscriptions.Import(data, "")
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		text, err := i.YAML()
		must(t, err)
		compare(t, file+".golden", text)
		loaded, err := subscriptions.Load(folder(t, "a.yaml", string(text)), nil)
		must(t, err)
		if diff := cmp.Diff(i.Subscription, loaded.Subscriptions[0], cmp.AllowUnexported(subscriptions.Glob{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: -imported +loaded:\n%s", file, diff)
		}
		again, err := subscriptions.Import(data, "")
		must(t, err)
		if again.ID != i.ID {
			t.Error("another id the second time")
		}
	}
}

// PowerShell's > writes UTF-16.
func TestImportUTF16(t *testing.T) {
	data, err := os.ReadFile("testdata/import/latency.xml")
	must(t, err)
	want, err := subscriptions.Import(data, subscriptions.Wecutil)
	must(t, err)
	for _, big := range []bool{false, true} {
		var wide []byte
		for _, u := range utf16.Encode([]rune("\ufeff" + string(data))) {
			if big {
				wide = append(wide, byte(u>>8), byte(u))
			} else {
				wide = append(wide, byte(u), byte(u>>8))
			}
		}
		got, err := subscriptions.Import(wide, "")
		must(t, err)
		if got.Version() != want.Version() {
			t.Error("not the same")
		}
	}
}

func TestImportRefuses(t *testing.T) {
	for _, c := range []struct{ from, text, want string }{
		{"", "", "has no name and query"},
		{"", "<html/>", "wecutil gs NAME /f:xml"},
		{"", "<Subscription/>", "no SubscriptionId"},
		{"", "<Subscription>", "read subscription XML"},
		{"", "a = \n", "line 1, column"},
		{"wecutil", "name = 'x'", "subscription"},
		{"openwec", "<Subscription/>", "read subscription TOML"},
		{"nxlog", "", `no format "nxlog"; there are wecutil and openwec`},
	} {
		if _, err := subscriptions.Import([]byte(c.text), c.from); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %q: %v", c.from, c.text, err)
		}
	}
}

// What goes to Windows comes back the same, as far as Windows has words for it.
func TestWecutilAndBack(t *testing.T) {
	for _, file := range []string{"both.xml", "lockout.xml", "kafka.toml"} {
		data, err := os.ReadFile("testdata/import/" + file)
		must(t, err)
		first, err := subscriptions.Import(data, "")
		must(t, err)
		text, notes, err := first.Wecutil()
		must(t, err)
		compare(t, "testdata/import/"+file+".wecutil", text)
		for _, n := range notes {
			if !bytes.Contains(text, []byte(n)) {
				t.Errorf("%s: %q is no comment", file, n)
			}
		}
		back, err := subscriptions.Import(text, "")
		must(t, err)
		if back.Query != first.Query || back.Enabled != first.Enabled || back.ContentFormat != first.ContentFormat || back.Delivery.MaxTime != first.Delivery.MaxTime ||
			back.Delivery.Heartbeat != first.Delivery.Heartbeat || back.Delivery.MaxElements != first.Delivery.MaxElements {
			t.Errorf("%s: %+v\n%+v", file, first.Subscription, back.Subscription)
		}
		if diff := cmp.Diff(first.Targets.Groups, back.Targets.Groups); diff != "" {
			t.Error(file, diff)
		}
	}
}

func FuzzImport(f *testing.F) {
	for _, file := range foreign(f) {
		data, err := os.ReadFile(file)
		must(f, err)
		f.Add(data)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 8<<10 {
			t.Skip("large files are slow, and no different")
		}
		i, err := subscriptions.Import(data, "")
		if err != nil {
			return
		}
		text, err := i.YAML()
		must(t, err)
		file := filepath.Join(dir, "a.yaml")
		must(t, os.WriteFile(file, text, 0o600))
		found, err := subscriptions.Lint([]string{file}, nil)
		must(t, err)
		for _, f := range found {
			if f.Rule == "file" && strings.Contains(f.Error(), "not YAML") {
				t.Errorf("%v\n%s", f, text)
			}
		}
		if _, _, err := i.Wecutil(); err != nil {
			t.Error(err)
		}
	})
}
