package main

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/wefka/wefka/internal/kafkatest"
)

// check --online says beforehand what serve would say of the state topic.
func TestCheckStateTopic(t *testing.T) {
	for _, c := range []struct {
		settings map[string]string
		code     int
		want     []string
	}{
		{map[string]string{"cleanup.policy": "delete"}, exitProblems, []string{"FAIL state: topic wef.state has cleanup.policy=delete", "--add-config cleanup.policy=compact"}},
		{map[string]string{"cleanup.policy": "compact", "retention.ms": "1000"}, exitOK, []string{"WARN state: retention.ms=1000", "OK   state: topic wef.state is compacted"}},
	} {
		cluster := kafkatest.FakeWith(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "wef.lab", "wef.dead", "wef.events"))
		if err := cluster.CreateTopic("wef.state", 12, c.settings); err != nil {
			t.Fatal(err)
		}
		l := newLab(t, cluster.ListenAddrs()[0], "lab", sysmonQuery, "json")
		l.share()
		var out strings.Builder
		p := &program{stdout: &out, stderr: &out, env: func(string) (string, bool) { return "", false }}
		if code := p.run(t.Context(), []string{"check", "--online", "--config", l.path("wefka.yaml")}); code != c.code {
			t.Errorf("exit code %d", code)
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %q in\n%s", want, out.String())
			}
		}
	}
}

// The state has a topic of its own.
func TestStateTopicIsNoOther(t *testing.T) {
	l := newLab(t, "127.0.0.1:9", "state", sysmonQuery, "json")
	l.share()
	var out strings.Builder
	p := &program{stdout: &out, stderr: &out, env: func(string) (string, bool) { return "", false }}
	if code := p.run(t.Context(), []string{"check", "--config", l.path("wefka.yaml")}); code != exitProblems || !strings.Contains(out.String(), "wef.state is a topic for events too") {
		t.Errorf("%d\n%s", code, out.String())
	}
}
