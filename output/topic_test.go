package output_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/wefka/wefka/output"
)

func TestParseTopic(t *testing.T) {
	for _, c := range []struct{ template, problem string }{
		{"wef.events", ""},
		{"wef.{subscription}", ""},
		{"{channel}-{provider}_{event_id}", ""},
		{"", "empty topic"},
		{"wef.{computer}", "unknown field {computer}"},
		{"wef.{channel", "'{' without '}'"},
		{"wef events", `" " is not allowed`},
		{"wef.é", "is not allowed"},
		{"..", "not a name that Kafka takes"},
		{strings.Repeat("x", 250), "not a name that Kafka takes"},
	} {
		_, err := output.ParseTopic(c.template)
		switch {
		case c.problem == "" && err != nil:
			t.Errorf("%q: %v", c.template, err)
		case c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)):
			t.Errorf("%q: got %v, want %q", c.template, err, c.problem)
		}
	}
}

func TestNames(t *testing.T) {
	s := output.Settings{Topic: "wef.{subscription}", DefaultTopic: "wef.events", DeadTopic: "wef.dead", Topics: []string{"wef.Security", "wef.System"}}
	got, err := s.Names(map[string]string{"sysmon": "", "windows": "wef.{channel}", "other": "fixed"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"fixed", "wef.Security", "wef.System", "wef.dead", "wef.events", "wef.sysmon"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := s.Names(map[string]string{"bad": "{nothing}"}); err == nil || !strings.Contains(err.Error(), "subscription bad") {
		t.Errorf("a bad template must name its subscription, got %v", err)
	}
}
