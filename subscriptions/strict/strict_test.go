package strict_test

import (
	"bytes"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/subscriptions/strict"
)

var update = flag.Bool("update", false, "rewrite the golden files")

type house struct {
	Name   string          `yaml:"name"`
	Format string          `yaml:"format"`
	Doors  int             `yaml:"doors"`
	Open   bool            `yaml:"open"`
	Flag   *bool           `yaml:"flag"`
	Height strict.Duration `yaml:"height"`
	Weight strict.Size     `yaml:"weight"`
	Rooms  []room          `yaml:"rooms"`
	Nets   []netip.Prefix  `yaml:"networks"`
	Words  []string        `yaml:"words"`
	Cellar *room           `yaml:"cellar"`
	Roof   room            `yaml:"roof"`
	Yard   yard            `yaml:"yard"`
	Secret string          // no tag: no key
}

type room struct {
	Name string `yaml:"name"`
	Size int    `yaml:"size"`
}

type yard struct {
	Address string     `yaml:"address"`
	Words   []string   `yaml:"words"`
	Grid    [][]string `yaml:"grid"`
	Sheds   []yard     `yaml:"sheds"`
	Rooms   []room     `yaml:"rooms"`
}

func read(t *testing.T, text string) (house, error) {
	t.Helper()
	h := house{Name: "before", Doors: 7}
	env := map[string]string{"PORT": "8080", "EMPTY": "", "YES": "true", "TRAP": "${PORT} a: b"}
	r := strict.Reader{Dir: "testdata", Lookup: func(n string) (string, bool) { v, ok := env[n]; return v, ok }}
	err := r.Unmarshal("house.yaml", []byte(text), &h)
	return h, err
}

func TestValues(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		name, yaml string
		want       house
	}{
		{"keys that are left out stay as they were", "open: true", house{Name: "before", Doors: 7, Open: true}},
		{"every kind", "name: x\ndoors: -2\nopen: true\nflag: false\nheight: 1h30m\nweight: 512KiB\nnetworks: [10.0.0.0/8]\nwords: [a, 1.10, true]\ncellar: {name: c}\nroof:\n  size: 3\nrooms:\n- name: r\n  size: 1\n- {size: 2}\n",
			house{Name: "x", Doors: -2, Open: true, Flag: &no, Height: strict.Duration(90 * time.Minute), Weight: 512 << 10, Nets: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
				Words: []string{"a", "1.10", "true"}, Cellar: &room{Name: "c"}, Roof: room{Size: 3}, Rooms: []room{{"r", 1}, {"", 2}}}},
		{"a block keeps its lines, whatever ends them in the file", "name: |\r\n  <a>\r\n\r\n    b\r\n", house{Name: "<a>\n\n  b\n", Doors: 7}},
		{"byte order mark", "\ufeffname: x", house{Name: "x", Doors: 7}},
		{"all below a key commented out", "roof:\n  # size: 1\nrooms:\ncellar:\n", house{Name: "before", Doors: 7}},
		{"an empty list is a list", "words: []", house{Name: "before", Doors: 7, Words: []string{}}},
		{"version directive and end mark", "%YAML 1.2\n---\nname: x\n...\n", house{Name: "x", Doors: 7}},
		{"variable", `name: a${PORT}b${PORT}`, house{Name: "a8080b8080", Doors: 7}},
		{"variable of another type", "doors: ${PORT}\nflag: ${YES}", house{Name: "before", Doors: 8080, Flag: &yes}},
		{"default", `words: ["${NONE:-x y}", "${EMPTY:-z}", "${PORT:-z}", "${NONE:-}", "${EMPTY}"]`, house{Name: "before", Doors: 7, Words: []string{"x y", "z", "8080", "", ""}}},
		{"required and there", `name: ${PORT:?needed}`, house{Name: "8080", Doors: 7}},
		{"file without its last line end", `name: ${file:secret.txt}`, house{Name: "pass\nword ", Doors: 7}},
		{"dollars", `words: [$, a$, "$$", "$${PORT}", "$5", "'$'", "$$$$x"]`, house{Name: "before", Doors: 7, Words: []string{"$", "a$", "$", "${PORT}", "$5", "'$'", "$$x"}}},
		{"what comes in is not looked at again", "name: ${TRAP}", house{Name: "${PORT} a: b", Doors: 7}},
		{"comments hold no variables", "# ${NONE}\nname: x # ${NONE}", house{Name: "x", Doors: 7}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := read(t, c.yaml)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestColonInPlainScalar: a colon without white space after it is part of the scalar, wherever the list stands.
func TestColonInPlainScalar(t *testing.T) {
	for _, c := range []struct {
		list string // of a flow sequence
		want []string
	}{
		{`127.0.0.1:19092`, []string{"127.0.0.1:19092"}},
		{`localhost:9092, kafka2.corp.example:9093`, []string{"localhost:9092", "kafka2.corp.example:9093"}},
		{`a:1,b:2,c`, []string{"a:1", "b:2", "c"}},
		{`a, b:2 , c:3,`, []string{"a", "b:2", "c:3"}},
		{"\n  a:1, # one\n  # two\n  é:2\n  ", []string{"a:1", "é:2"}},
		{"\r\n  a:1,\r\n  b:2\r\n  ", []string{"a:1", "b:2"}},
		{`"[::1]:9092", 'x:1', "a: b"`, []string{"[::1]:9092", "x:1", "a: b"}},
		{`fe80::1, a:b:c, http://h:80/p?q=r:s#t`, []string{"fe80::1", "a:b:c", "http://h:80/p?q=r:s#t"}},
		{`1.10:0x1f, 007:1_0, true:x, null:~, a:null, .inf:.nan, -1:-2`, []string{"1.10:0x1f", "007:1_0", "true:x", "null:~", "a:null", ".inf:.nan", "-1:-2"}},
		{`a :1, a  b:c  d, a:b "c"`, []string{"a :1", "a  b:c  d", `a:b "c"`}},
		{`"h:${PORT}", "${NONE:-h:1}", a:$$x, a:$`, []string{"h:8080", "h:1", "a:$x", "a:$"}},
	} {
		for _, form := range []struct{ yaml, at string }{
			{"words: [%]", "words"},
			{"yard: {words: [%]}", "yard.words"},
			{"yard: {address: h:1, words: [%], rooms: [{name: a, size: 1}]}", "yard.words"},
			{"{yard: {words: [%]}}", "yard.words"},
			{"yard:\n  words: [%]\n", "yard.words"},
			{"yard: {grid: [[], [%]]}", "yard.grid[1]"},
			{"yard:\n  sheds:\n  - {address: \":5985\", words: [%]}\n", "yard.sheds[0].words"},
			{"yard: {sheds: [{words: [%], address: :5985}]}", "yard.sheds[0].words"},
		} {
			text := strings.Replace(form.yaml, "%", c.list, 1)
			h, err := read(t, text)
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			got := map[string]func() []string{
				"words":               func() []string { return h.Words },
				"yard.words":          func() []string { return h.Yard.Words },
				"yard.grid[1]":        func() []string { return h.Yard.Grid[1] },
				"yard.sheds[0].words": func() []string { return h.Yard.Sheds[0].Words },
			}[form.at]()
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s: -want +got:\n%s", text, diff)
			}
		}
	}
	for _, c := range []struct{ yaml, want string }{
		{"yard: {address: 127.0.0.1:9985}", "127.0.0.1:9985"},
		{"yard: {address: :5985}", ":5985"},
		{`yard: {address: ":5985"}`, ":5985"},
		{`yard: {address: "h:${PORT}", words: [a:1]}`, "h:8080"},
		{"yard:\n  address: :5985\n", ":5985"},
		{"yard:\n  address: h:${PORT}\n", "h:8080"},
		{`yard: {"address":h}`, "h"},
	} {
		if h, err := read(t, c.yaml); err != nil || h.Yard.Address != c.want {
			t.Errorf("%s: %q %v", c.yaml, h.Yard.Address, err)
		}
	}
	h, err := read(t, `yard: {rooms: [name: a, {size: 2}, "name":b]}`) // pairs in a list are mappings
	if diff := cmp.Diff([]room{{"a", 0}, {"", 2}, {"b", 0}}, h.Yard.Rooms); err != nil || diff != "" {
		t.Errorf("%v -want +got:\n%s", err, diff)
	}
}

// TestErrors holds every message against its golden text: place, words, line and caret.
func TestErrors(t *testing.T) {
	input, err := os.ReadFile("testdata/bad.txt")
	if err != nil {
		t.Fatal(err)
	}
	var golden bytes.Buffer
	cases := strings.Split(strings.TrimPrefix(string(input), "=== "), "\n=== ")
	if len(cases) < 30 {
		t.Fatalf("only %d cases", len(cases))
	}
	for _, c := range cases {
		title, yaml, _ := strings.Cut(c, "\n")
		yaml = strings.NewReplacer(`<TAB>`, "\t", `<FF>`, "\xff", `<DEEP>`, strings.Repeat("[", 250)).Replace(yaml)
		_, err := read(t, yaml)
		if err == nil {
			t.Errorf("%s: accepted", title)
			continue
		}
		golden.WriteString("=== " + title + "\n" + err.Error() + "\n")
	}
	compare(t, "testdata/bad.golden", golden.Bytes())
}

func compare(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s: -want +got:\n%s", file, diff)
	}
}

func TestEveryErrorIsFound(t *testing.T) {
	_, err := read(t, "nmae: x\ndoors: many\nopen: perhaps\n")
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 3 {
		t.Fatalf("want three errors in one, got %v", err)
	}
	var e *strict.Error
	if !errors.As(err, &e) || e.File != "house.yaml" || e.Line != 1 || e.Column != 1 || e.Source != "nmae: x" {
		t.Errorf("%#v", e)
	}
}

func TestTooLarge(t *testing.T) {
	_, err := read(t, "name: "+strings.Repeat("x", 300<<10))
	if err == nil || err.Error() != "house.yaml: larger than 256 KiB" {
		t.Error(err)
	}
	big := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(big, make([]byte, 300<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, "name: ${file:"+big+"}"); err == nil || !strings.Contains(err.Error(), "larger than 256 KiB") {
		t.Error(err)
	}
}

func TestDirIsTheFilesOwn(t *testing.T) {
	var h house
	if err := (strict.Reader{}).Unmarshal("testdata/x.yaml", []byte("name: ${file:secret.txt}"), &h); err != nil || h.Name != "pass\nword " {
		t.Error(h.Name, err)
	}
}

func TestDocument(t *testing.T) {
	text := "name: x\nrooms:\n  - name: a\n    size: 1\nroof: {size: 2}\nformat: |\n  one\n    two\nwords: [q, \"é\", z]\n"
	var h house
	d, err := strict.Reader{}.Read("d.yaml", []byte(text), &h)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ got, want string }{
		{place(d.Errorf("name", "m")), "1:7"},
		{place(d.Errorf("rooms[0].size", "m")), "4:11"},
		{place(d.Errorf("rooms[0].color", "m")), "3:5"},
		{place(d.Errorf("roof.size", "m")), "5:14"},
		{place(d.Errorf("words[1]", "m")), "9:12"},
		{place(d.Errorf("cellar.size", "m")), "1:1"},
		{place(d.Errorf("format", "m")), "6:9"},
		{place(d.TextErrorf("format", "one\n  two\n", 0, "m")), "7:3"},
		{place(d.TextErrorf("format", "one\n  two\n", 2, "m")), "7:5"},
		{place(d.TextErrorf("format", "one\n  two\n", 6, "m")), "8:5"},
		{place(d.TextErrorf("format", "one\n  two\n", 99, "m")), "8:8"},
		{place(d.TextErrorf("format", "one\n  twice\n", 6, "m")), "6:9"},
		{place(d.TextErrorf("name", "x", 0, "m")), "1:7"},
		{place(d.TextErrorf("words[1]", "é", 0, "m")), "9:12"},
	} {
		if c.got != c.want {
			t.Errorf("at %s, want %s", c.got, c.want)
		}
	}
	if !d.Has("rooms[0].size") || d.Has("rooms[1]") || !d.Has("roof") || d.Has("doors") {
		t.Error("Has")
	}
}

func place(err error) string {
	_, rest, _ := strings.Cut(err.Error(), ":")
	line, rest, _ := strings.Cut(rest, ":")
	column, _, _ := strings.Cut(rest, ":")
	return line + ":" + column
}

func TestUnits(t *testing.T) {
	for _, c := range []struct {
		text string
		want strict.Size
		back string
	}{
		{"0", 0, "0"}, {"1", 1, "1"}, {"512000", 512000, "500KiB"}, {"512KiB", 512 << 10, "512KiB"}, {"2MiB", 2 << 20, "2MiB"}, {"1024MiB", 1 << 30, "1GiB"}, {"3TiB", 3 << 40, "3TiB"}, {"1025KiB", 1025 << 10, "1025KiB"},
	} {
		var s strict.Size
		if err := s.UnmarshalText([]byte(c.text)); err != nil || s != c.want || s.String() != c.back {
			t.Errorf("%s: %d %s %v", c.text, s, s, err)
		}
	}
	for _, text := range []string{"", "KiB", "1KB", "1.5MiB", "-1", "-1KiB", "1 MiB", "9223372036854775807KiB", "99999999999999999999", "0x10", "1_000", "+1", "1kib"} {
		var s strict.Size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("size %q became %d", text, s)
		}
	}
	for _, text := range []string{"", "30", "-1s", "1 h", "5 minutes", "90d"} {
		var d strict.Duration
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("duration %q became %s", text, d)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	input, err := os.ReadFile("testdata/bad.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range strings.Split(string(input), "\n=== ") {
		_, yaml, _ := strings.Cut(c, "\n")
		f.Add([]byte(yaml))
	}
	f.Add([]byte("name: ${A:-b}$$\nrooms: [{name: 'x'}]\nformat: |\n  a\n"))
	f.Add([]byte("yard: {words: [a:1, b::c , 'd':e, f:\t1], grid: [[x:$$]]}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4<<10 {
			t.Skip("large files are slow, and no different")
		}
		var h house
		r := strict.Reader{Dir: "testdata", Lookup: func(string) (string, bool) { return "value", true }}
		err := r.Unmarshal("fuzz.yaml", data, &h)
		if err == nil {
			return
		}
		for _, e := range flatten(err) {
			var place *strict.Error
			if !errors.As(e, &place) || place.Line < 1 || place.Column < 1 || place.Message == "" {
				t.Fatalf("an error without a place: %v", e)
			}
		}
	})
}

func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

func TestYAMLIsReadBack(t *testing.T) {
	type thing struct {
		Text  string          `yaml:"text"`
		Lines string          `yaml:"lines"`
		Wait  strict.Duration `yaml:"wait"`
		Most  strict.Size     `yaml:"most"`
		Yes   bool            `yaml:"yes"`
		Count int             `yaml:"count"`
		Inner struct {
			List []string `yaml:"list"`
			None []string `yaml:"none"`
		} `yaml:"inner"`
	}
	want := thing{Text: "a: ${b} $$ $c # <d> 'e' \"", Lines: "<a>\n  <b/> $$\n\n</a>", Wait: strict.Duration(90 * time.Minute), Most: 512 << 10, Yes: true, Count: 3}
	want.Inner.List, want.Inner.None = []string{"h:1", "*", "true"}, []string{}
	text, err := strict.YAML(&want)
	if err != nil {
		t.Fatal(err)
	}
	var got thing
	if err := (strict.Reader{}).Unmarshal("x.yaml", text, &got); err != nil {
		t.Fatal(err, string(text))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s\n%s", diff, text)
	}
	for _, line := range []string{"wait: 1h30m", "most: 512KiB", "lines: |-\n  <a>\n"} {
		if !strings.Contains(string(text), line) {
			t.Errorf("%s is not in\n%s", line, text)
		}
	}
	json, err := strict.JSON(want)
	if err != nil || !strings.Contains(string(json), `"text":"a: ${b} $$ $c # <d> 'e' \""`) || !strings.Contains(string(json), `"inner":{"list":["h:1","*","true"],"none":[]}`) {
		t.Error(string(json), err)
	}
	if _, err := strict.JSON(struct {
		C chan int `yaml:"c"`
	}{}); err == nil {
		t.Error("a channel was written")
	}
}
