package page

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"io"
	"net/url"
	"strings"
	"time"
)

//go:embed templates
var templates embed.FS

var style = func() string {
	b, err := templates.ReadFile("templates/style.css")
	if err != nil {
		panic(err) // it is embedded
	}
	return string(b)
}()

// Policy is the Content-Security-Policy under which the page works: its own style sheet, its own form, nothing else.
var Policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}()

var document = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"spark": spark, "count": counted, "size": size, "ago": ago, "span": span, "rate": rate, "seconds": seconds, "expiry": expiry,
	"words": words, "meaning": meaning, "path": url.PathEscape,
	"circuit": func(c string) string {
		switch c {
		case "closed":
			return "takes everything"
		case "half_open":
			return "trying again"
		}
		return "away"
	},
	"date": func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
	"time": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
}).ParseFS(templates, "templates/page.html"))

// Render writes the page, UTF-8. It may be called concurrently.
func Render(w io.Writer, s *Snapshot) error {
	return document.Execute(w, struct {
		*Snapshot
		Style template.CSS
	}{s, template.CSS(style)})
}

// Headline says in words how the node is.
func (s *Snapshot) Headline() string {
	switch {
	case s.Status == "unready":
		return "This node serves nobody"
	case s.Status == "degraded" && s.Kafka.Circuit == "open":
		return "Kafka is away: hosts keep their events"
	case s.Status == "degraded":
		return "Works, with something to mend"
	case s.Total() == 0:
		return "Ready, and no host has come yet"
	}
	return "All is well"
}

// Total is the number of hosts in all states.
func (s *Snapshot) Total() int {
	n := 0
	for _, c := range s.States {
		n += c.Hosts
	}
	return n
}

// Query is the reader's search and state, for links.
func (s *Snapshot) Query() template.URL {
	q := url.Values{}
	if s.Search != "" {
		q.Set("search", s.Search)
	}
	if s.State != "" {
		q.Set("state", s.State)
	}
	return template.URL(q.Encode())
}

func words(state string) string { return strings.ReplaceAll(state, "_", " ") }

// meaning explains a state to somebody who sees the word for the first time.
func meaning(state string) string {
	return map[string]string{
		"active": "delivers events", "alive": "sends heartbeats, and has no events", "late": "silent for longer than its heartbeat",
		"dead": "silent for long", "ended": "ended its subscription", "not_delivering": "asks for subscriptions, and never delivers",
	}[state]
}

// counted is count for what a Snapshot holds.
func counted(n any) string {
	switch n := n.(type) {
	case int:
		return count(n)
	case uint64:
		return count(n)
	}
	return ""
}
