package main

import (
	"os"
	"strings"
	"testing"

	"github.com/wefka/wefka/internal/kafkatest"
	"github.com/wefka/wefka/subscriptions"
)

// speakFor starts one host that proves to be old.lab.example and whose events say that they are of another computer.
func (l *lab) speakFor(computer string, more ...string) *fleet {
	l.t.Helper()
	if _, err := os.Stat(l.path("clients/old.lab.example.pem")); err != nil {
		l.wefka("pki", "client", "--dir", l.dir, "--machine", "old.lab.example")
	}
	return l.start(append([]string{"--url", "https://localhost:" + port(l.address) + "/wsman/SubscriptionManager/WEC", "--ca", l.path("ca.pem"),
		"--cert", l.path("clients/old.lab.example.pem"), "--key", l.path("clients/old.lab.example.key"), "--name", computer, "--events", "3"}, more...))
}

// configure adds text to the main file.
func (l *lab) configure(text string) {
	l.t.Helper()
	config, err := os.ReadFile(l.path("wefka.yaml"))
	if err != nil {
		l.t.Fatal(err)
	}
	l.write("wefka.yaml", string(config)+text)
}

// Each mode, from the socket to the topics: what becomes of a host whose events name another computer.
func TestIdentityModes(t *testing.T) {
	for _, c := range []struct {
		name, config    string
		published, dead int
		header          string // wef.identity of all of them
		mismatches      string // label mode
	}{
		{"off", "{computer: off}", 3, 0, "", ""},
		{"tag", "{computer: tag}", 3, 0, "mismatch", "tag"},
		{"quarantine", "{computer: quarantine}", 0, 3, "mismatch", "quarantine"},
		{"reject", "{computer: reject}", 0, 0, "", "reject"},
		{"alias", "{computer: reject, aliases: [{source: old.lab.example, computers: [NEW]}]}", 3, 0, "verified", ""},
		{"relay", "{computer: reject, relays: ['old.*']}", 3, 0, "relayed", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			broker := kafkatest.Fake(t, 1, 1, "wef.lab", "wef.dead").ListenAddrs()[0]
			l := newLab(t, broker, "lab", sysmonQuery, "json")
			l.configure("identity: " + c.config + "\n")
			s := l.serve()
			f := l.speakFor("new.lab.example")
			if c.name == "reject" {
				waitMetric(t, l, `wefka_http_requests_total{action="events",code="403",listener="tls"}`)
				if line := s.wait(t, `"msg":"request refused"`); !strings.Contains(line, `"reason":"identity"`) || !strings.Contains(line, "new.lab.example") {
					t.Error(line)
				}
				waitMetric(t, l, `wefka_batches_total{result="refused",subscription="lab"}`)
			} else {
				f.wait()
			}
			if c.mismatches != "" {
				waitMetric(t, l, `wefka_identity_mismatches_total{mode="`+c.mismatches+`",subscription="lab"}`)
			} else if _, metrics := l.get("/metrics"); strings.Contains(metrics, "wefka_identity_mismatches_total{") {
				t.Error("mismatches were counted")
			}
			s.stop(t)
			published, dead := kafkatest.ReadAll(t, broker, "wef.lab"), kafkatest.ReadAll(t, broker, "wef.dead")
			if len(published) != c.published || len(dead) != c.dead {
				t.Errorf("%d records and %d dead letters, want %d and %d", len(published), len(dead), c.published, c.dead)
			}
			for _, r := range append(published, dead...) {
				if got := header(r, "wef.identity"); got != c.header {
					t.Errorf("wef.identity %q, want %q", got, c.header)
				}
			}
			for _, r := range dead {
				if header(r, "wef.reason") != "identity" || header(r, "wef.computer") != "new.lab.example" || header(r, "wef.client") != "old.lab.example" {
					t.Errorf("dead letter %v", r.Headers)
				}
			}
			for _, r := range published {
				if member := `"Identity":"` + c.header + `"`; strings.Contains(string(r.Value), `"Identity":`) != (c.header != "") || c.header != "" && !strings.Contains(string(r.Value), member) {
					t.Errorf("no %s in %s", member, r.Value)
				}
			}
		})
	}
}

func TestAlias(t *testing.T) {
	for _, c := range []struct {
		source, pattern, proven, computer string
		want                              bool
	}{
		{"new.corp.example", "OLD", "new.corp.example", "old", true},
		{"new.corp.example", "OLD", "new.corp.example", "OLD.corp.example.", true},
		{"new.corp.example", "OLD", "new2.corp.example", "old", false},
		{"new.corp.example", "old.corp.example", "new.corp.example", "old", false},
		{"NEW$@CORP.EXAMPLE", "old-*", "new$@corp.example", "OLD-7.x", true},
		{"*$@CORP.EXAMPLE", "{host}.emea.corp.example", "PC-1$@CORP.EXAMPLE", "pc-1.EMEA.corp.example", true},
		{"*$@CORP.EXAMPLE", "{host}.emea.corp.example", "PC-1$@CORP.EXAMPLE", "pc-2.emea.corp.example", false},
		{"*.corp.example", "{host}", "pc-1.corp.example", "pc-1.other.example", true},
	} {
		var a AliasConfig
		a.Source = new(subscriptions.Glob)
		a.Computers = make([]computerGlob, 1)
		if err := a.Source.UnmarshalText([]byte(c.source)); err != nil {
			t.Fatal(err)
		}
		if err := a.Computers[0].UnmarshalText([]byte(c.pattern)); err != nil {
			t.Fatal(err)
		}
		if got := a.match(c.proven, c.computer); got != c.want {
			t.Errorf("%s may be %s: %s as %s: %v", c.source, c.pattern, c.proven, c.computer, got)
		}
	}
	for _, bad := range []string{"", "*", "*.*", "{hosts}", "a b "} {
		if err := new(computerGlob).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
