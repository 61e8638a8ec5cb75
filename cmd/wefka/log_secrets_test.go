package main

import (
	"os"
	"strings"
	"testing"

	"github.com/wefka/wefka/internal/kafkatest"
)

// With all that the log can say, it holds nothing of events, keys and passwords.
func TestLogKeepsSecrets(t *testing.T) {
	broker := kafkatest.Fake(t, 1, 1, "wef.lab", "wef.dead").ListenAddrs()[0]
	l := newLab(t, broker, "lab", sysmonQuery, "json")
	(&site{lab: l, t: t}).change("node: lab\n", "node: lab\nlog: {level: debug, access: true}\n")
	s := l.serve()
	l.simulate("--hosts", "2", "--events", "200").wait()
	records := kafkatest.ReadAll(t, broker, "wef.lab")
	s.stop(t)
	log := s.logs.all()
	if len(records) != 200 || !strings.Contains(log, `"msg":"request"`) {
		t.Fatalf("%d records; the log:\n%s", len(records), log)
	}
	for _, word := range []string{"<Event", "EventData", "CommandLine", "ProcessGuid", "PRIVATE KEY"} {
		if strings.Contains(log, word) {
			t.Errorf("the log holds %s", word)
		}
	}
	key, err := os.ReadFile(l.path("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(key)) {
		if line = strings.TrimSpace(line); len(line) > 40 && strings.Contains(log, line) {
			t.Error("the log holds the server's key")
		}
	}
}
