package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/wefka/wefka/internal/kafkatest"
	"github.com/wefka/wefka/internal/storetest"
	"github.com/wefka/wefka/subscriptions"
)

// stateCopy runs the command and gives what it prints, errors included.
func stateCopy(t *testing.T, config, from, to string) (code int, out string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := &program{stdout: &stdout, stderr: &stderr, env: func(string) (string, bool) { return "", false }}
	code = p.run(t.Context(), []string{"state", "copy", "--config", config, "--from", from, "--to", to})
	return code, stdout.String() + stderr.String()
}

func TestStateCopy(t *testing.T) {
	cluster := kafkatest.FakeWith(t, kfake.NumBrokers(1))
	if err := cluster.CreateTopic("wef.state", 12, map[string]string{"cleanup.policy": "compact", "retention.ms": "-1"}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	config := path("wefka.yaml")
	text := fmt.Sprintf("listeners: []\nkafka: {brokers: [%q]}\nstate: {path: %q}\n", cluster.ListenAddrs()[0], path("state.db"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := subscriptions.OpenBolt(path("state.db"))
	if err != nil {
		t.Fatal(err)
	}
	put := func(from, to int) {
		done := make(chan error)
		for i := from; i < to; i++ {
			go func() {
				k, s := storetest.Host(i, i%3, i)
				done <- file.Put(context.Background(), k, s)
			}()
		}
		for i := from; i < to; i++ {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	put(0, 500)
	if code, out := stateCopy(t, config, "bbolt", "kafka"); code != exitFailure || !strings.Contains(out, "another process has it open; stop that one") {
		t.Errorf("a file in use: %d %s", code, out)
	}
	file.Close()

	for _, step := range []struct{ from, to, want string }{
		{"bbolt", "kafka", "500 states copied from bbolt to kafka, and compared"},
		{"bbolt", "kafka", "500 states copied"}, // again: nothing else is there
		{"kafka:wef.state", "bbolt:" + path("back.db"), "500 states copied"},
		{"bbolt:" + path("back.db"), "bbolt:" + path("third.db"), "500 states copied"},
	} {
		if code, out := stateCopy(t, config, step.from, step.to); code != exitOK || !strings.Contains(out, step.want) {
			t.Fatalf("%s to %s: %d %s", step.from, step.to, code, out)
		}
	}

	if file, err = subscriptions.OpenBolt(path("third.db")); err != nil {
		t.Fatal(err)
	}
	put(500, 503)
	file.Close()
	if code, out := stateCopy(t, config, "kafka", "bbolt:"+path("third.db")); code != exitFailure || !strings.Contains(out, "holds 3 states that kafka has not") {
		t.Errorf("not empty: %d %s", code, out)
	}
	for _, c := range []struct {
		from, to, want string
		code           int
	}{
		{"bbolt:" + path("none.db"), "kafka", "no such file", exitFailure},
		{"kafka:other", "bbolt:" + path("x.db"), "--create --topic other", exitFailure},
		{"sqlite:x", "kafka", "bbolt:PATH or kafka", exitUsage},
		{"kafka", "kafka", "the same", exitUsage},
		{"", "kafka", "no place", exitUsage},
	} {
		if code, out := stateCopy(t, config, c.from, c.to); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%s to %s: %d %s", c.from, c.to, code, out)
		}
	}
	if _, err := os.Stat(path("none.db")); err == nil {
		t.Error("a source was made")
	}
}
