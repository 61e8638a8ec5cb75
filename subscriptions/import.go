package subscriptions

import (
	"bytes"
	"crypto/sha1"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/wefka/wefka/subscriptions/strict"
)

// Imported is a subscription of another collector, as far as it can be ours.
type Imported struct {
	*Subscription
	About string   // what its owner wrote about it
	Notes []string // what could not be carried, or came out differently; a sentence each
}

// Formats that Import reads.
const (
	Wecutil = "wecutil" // what `wecutil gs NAME /f:xml` prints
	OpenWEC = "openwec" // a subscription file of OpenWEC, TOML
)

// Import reads one subscription in the format from, which is "" to tell by the content. The error is about a file that is none.
func Import(data []byte, from string) (*Imported, error) {
	text := decodeText(data)
	if from == "" {
		from = OpenWEC
		if strings.HasPrefix(strings.TrimSpace(text), "<") {
			from = Wecutil
		}
	}
	i := &Imported{Subscription: New()}
	var err error
	switch from {
	case Wecutil:
		err = i.wecutil(text)
	case OpenWEC:
		err = i.openWEC(text)
	default:
		err = fmt.Errorf("no format %q; there are %s and %s", from, Wecutil, OpenWEC)
	}
	if err != nil {
		return nil, err
	}
	i.settle()
	return i, nil
}

// decodeText takes what PowerShell's > writes, too.
func decodeText(data []byte) string {
	var order func([]byte) uint16
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		order = func(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 }
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order = func(b []byte) uint16 { return uint16(b[1]) | uint16(b[0])<<8 }
	default:
		return strings.TrimPrefix(string(data), "\ufeff")
	}
	units := make([]uint16, 0, len(data)/2)
	for b := data[2:]; len(b) > 1; b = b[2:] {
		units = append(units, order(b))
	}
	return string(utf16.Decode(units))
}

// note says one thing that was not carried.
func (i *Imported) note(format string, args ...any) {
	i.Notes = append(i.Notes, strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " "))
}

// settle makes name and id what they must be here.
func (i *Imported) settle() {
	given := i.Name
	i.Name = strings.Map(func(r rune) rune {
		if r < 0x80 && nameForm.MatchString(string(r)) {
			return r
		}
		return '-'
	}, strings.TrimSpace(given))
	if i.Name = i.Name[:min(len(i.Name), 100)]; i.Name != given {
		i.note("The name was %q.", given)
	}
	if i.ID = strings.ToLower(strings.Trim(i.ID, "{}")); !uuidForm.MatchString(i.ID) {
		i.ID = idOf(i.Name)
	}
	i.Query = strings.TrimSpace(dedent(strings.ReplaceAll(i.Query, "\r\n", "\n")))
}

// idOf is the id of a subscription that brings none: the same whenever and wherever it is imported.
func idOf(name string) string {
	h := sha1.New()
	h.Write(namespace[:])
	line(h, "imported", strings.ToLower(name))
	return strings.ToLower(uuid5(h.Sum(nil)))
}

// dedent takes away what all lines but the first are indented by.
func dedent(text string) string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	indent := -1
	for n, l := range lines {
		if lead := len(l) - len(strings.TrimLeft(l, " \t")); lead < len(l) && (n > 0 || lead > 0) && (indent < 0 || lead < indent) {
			indent = lead
		}
	}
	for n, l := range lines {
		lead := len(l) - len(strings.TrimLeft(l, " \t"))
		lines[n] = strings.TrimRight(l[min(lead, max(indent, 0)):], " \t")
	}
	return strings.Join(lines, "\n")
}

// YAML is the subscription file: what it is about and what was not carried as comments, then every key.
func (i *Imported) YAML() ([]byte, error) {
	var b bytes.Buffer
	for _, l := range strings.Split(i.About, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			fmt.Fprintf(&b, "# %s\n", printable(l))
		}
	}
	for _, n := range i.Notes {
		fmt.Fprintf(&b, "# Imported: %s\n", printable(n))
	}
	body, err := strict.YAML(i.Subscription)
	if err != nil {
		return nil, fmt.Errorf("write subscription: %w", err)
	}
	b.Write(body)
	return b.Bytes(), nil
}

// printable keeps a comment on its line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r <= 0x9f || r == '\u2028' || r == '\u2029' || r == '\ufeff' {
			return ' '
		}
		return r
	}, s)
}

// seconds is n of them, where they can be meant.
func seconds(n float64) (strict.Duration, error) {
	if n <= 0 || n > 365*86400 {
		return 0, errors.New("not between 0 and a year")
	}
	return strict.Duration(n * float64(time.Second)), nil
}

// locale takes a language tag.
func (i *Imported) locale(tag string) {
	if i.Locale = tag; tag != "" && !localeForm.MatchString(tag) {
		i.note("Locale %q is no language tag.", tag)
		i.Locale = ""
	}
}

// globs takes patterns one by one; what is none is noted.
func (i *Imported) globs(what string, patterns []string) (globs []Glob) {
	for _, p := range patterns {
		var g Glob
		if err := g.UnmarshalText([]byte(strings.TrimSpace(p))); err != nil {
			i.note("%s: %v.", what, err)
			continue
		}
		globs = append(globs, g)
	}
	return globs
}
