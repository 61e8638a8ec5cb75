package subscriptions

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/wefka/wefka/subscriptions/strict"
)

// Loaded is what a folder of subscription files holds.
type Loaded struct {
	Subscriptions []*Subscription // in the order of their files' names
	Warnings      []error         // what is allowed, and probably not meant
}

// Load reads every *.yaml of dir, one subscription each. env looks up ${NAME} in values; nil: nothing is set. The error joins all
// that is wrong with all files.
func Load(dir string, env func(name string) (value string, ok bool)) (*Loaded, error) {
	entries, err := os.ReadDir(dir) // sorted
	if err != nil {
		return nil, fmt.Errorf("read subscriptions: %w", err)
	}
	l := newLoader(env)
	for _, e := range entries {
		file := filepath.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."): // editors' and Kubernetes' own
		case strings.HasSuffix(e.Name(), ".yaml"):
			l.file(file)
		case strings.HasSuffix(e.Name(), ".yml"):
			l.warn(fmt.Errorf("%s is not read; only names that end in .yaml are", file))
		}
	}
	if len(l.errs) > 0 {
		return nil, errors.Join(l.errs...)
	}
	return l.loaded, nil
}

func newLoader(env func(string) (string, bool)) *loader {
	return &loader{loaded: &Loaded{}, reader: strict.Reader{Lookup: env}, names: map[string]string{}, ids: map[string]string{}}
}

type loader struct {
	loaded     *Loaded
	reader     strict.Reader
	names, ids map[string]string // in lower case, to the file that has it
	errs       []error
}

func (l *loader) fail(err error) { l.errs = append(l.errs, err) }
func (l *loader) warn(err error) { l.loaded.Warnings = append(l.loaded.Warnings, err) }

func (l *loader) file(file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		l.fail(fmt.Errorf("read subscription: %w", err))
		return
	}
	s := New()
	doc, err := l.reader.Read(file, data, s)
	if err != nil {
		l.fail(err)
		return
	}
	s.ID = strings.ToLower(s.ID)
	c := &checker{loader: l, s: s, doc: doc}
	c.identity(file)
	c.choices()
	c.delivery()
	c.query()
	s.Query = strings.TrimSpace(strings.ReplaceAll(s.Query, "\r\n", "\n")) // how the file was saved is no new version
	l.loaded.Subscriptions = append(l.loaded.Subscriptions, s)
}

// checker holds one subscription against the rules that no single value shows.
type checker struct {
	*loader
	s   *Subscription
	doc *strict.Document
}

func (c *checker) bad(path, format string, args ...any) { c.fail(c.doc.Errorf(path, format, args...)) }

var (
	nameForm   = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,100}$`)
	uuidForm   = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	localeForm = regexp.MustCompile(`^[a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8}){0,4}$`)
)

func (c *checker) identity(file string) {
	s := c.s
	switch {
	case !c.doc.Has("name"):
		c.bad("name", "name is missing")
	case !nameForm.MatchString(s.Name):
		c.bad("name", "name %q: write 1 to 100 of a-z A-Z 0-9 . _ -", s.Name)
	default:
		c.unique(c.names, "name", s.Name, file)
	}
	switch {
	case !c.doc.Has("id"):
		c.bad("id", "id is missing; uuidgen makes one, and it never changes")
	case !uuidForm.MatchString(s.ID):
		c.bad("id", "id %q is no UUID; write 8-4-4-4-12 hexadecimal digits without braces", s.ID)
	default:
		c.unique(c.ids, "id", s.ID, file)
	}
}

func (c *checker) unique(taken map[string]string, what, value, file string) {
	if other, ok := taken[strings.ToLower(value)]; ok {
		c.bad(what, "%s %q is also in %s", what, value, other)
	}
	taken[strings.ToLower(value)] = file
}

func (c *checker) choices() {
	c.oneOf("content_format", c.s.ContentFormat, raw, rendered)
	c.oneOf("delivery.oversize", c.s.Delivery.Oversize, "notify", "skip", "cancel")
	c.oneOf("output.format", c.s.Output.Format, "json", "ecs", "xml")
	if l := c.s.Locale; l != "" && !localeForm.MatchString(l) {
		c.bad("locale", "locale %q: write a language tag, such as en-US", l)
	}
}

func (c *checker) oneOf(path, value string, choices ...string) {
	if !slices.Contains(choices, value) {
		c.bad(path, "%q is none of %s", value, strings.Join(choices, ", "))
	}
}

func (c *checker) delivery() {
	d := &c.s.Delivery
	for _, v := range []struct {
		path  string
		value strict.Duration
	}{{"delivery.heartbeat", d.Heartbeat}, {"delivery.max_time", d.MaxTime}, {"delivery.retry.interval", d.Retry.Interval}} {
		if v.value < strict.Duration(time.Millisecond) {
			c.bad(v.path, "%s is too short; it must be more than 0", v.value)
		}
	}
	if d.Retry.Count < 1 {
		c.bad("delivery.retry.count", "%d: a source must try at least once more", d.Retry.Count)
	}
	if d.MaxElements < 0 {
		c.bad("delivery.max_elements", "%d is negative; 0 leaves it to the source", d.MaxElements)
	}
	const least, most = 4 << 10, 64 << 20
	if d.MaxEnvelopeSize < least || d.MaxEnvelopeSize > most {
		c.bad("delivery.max_envelope_size", "%s is not between %s and %s", d.MaxEnvelopeSize, strict.Size(least), strict.Size(most))
	}
}

func (c *checker) query() {
	if !c.doc.Has("query") {
		c.bad("query", "query is missing")
		return
	}
	for _, f := range checkQuery(c.s.Query).flaws {
		r := rules[f.rule]
		found := &Finding{Rule: f.rule, Fatal: r.fatal, Windows: r.windows, Cure: r.cure, at: c.doc.TextErrorf("query", c.s.Query, f.at, "%s", f.text)}
		if r.fatal {
			c.fail(found)
		} else {
			c.warn(found)
		}
	}
}
