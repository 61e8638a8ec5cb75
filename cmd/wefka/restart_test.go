package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/wefka/wefka/internal/kafkatest"
)

// The main file is read again too: what can change is in force at once, what cannot is named, and an error changes nothing.
func TestMainFileReloads(t *testing.T) {
	broker := kafkatest.Fake(t, 1, 3, "wef.lab", "wef.dead", "wef.other").ListenAddrs()[0]
	l := newLab(t, broker, "lab", sysmonQuery, "json")
	socket := l.path("admin.sock")
	v := &site{lab: l, t: t}
	v.change(`socket: ""`, `socket: "`+socket+`"`)
	v.change("node: lab\n", "node: lab\nlog: {level: info, access: true}\n")
	s := l.serve()
	reload := func() string {
		t.Helper()
		out, _ := exec.Command(l.program, "--admin", socket, "reload").CombinedOutput()
		return string(out)
	}
	published := func(topic string) bool {
		t.Helper()
		l.simulate("--hosts", "1", "--events", "10").wait()
		_, body := l.get("/metrics")
		return strings.Contains(body, `wefka_kafka_records_total{topic="`+topic+`"}`)
	}
	if published("wef.other") {
		t.Error("published to another topic before it was named")
	}

	v.change("kafka: {", "kafka: {topic: wef.other, ")
	v.change("level: info", "level: debug")
	if said := reload(); strings.Contains(said, "failed") {
		t.Fatal(said)
	}
	if !published("wef.other") {
		t.Error("the new topic is not in use")
	}
	s.wait(t, `"level":"DEBUG"`)

	v.change("node: lab\n", "node: elsewhere\n")
	v.change("delivery_timeout: 8s", "delivery_timeout: 9s")
	v.change("topic: wef.other", "topic: wef.lab")
	reload()
	s.wait(t, "needs a restart: node, kafka.delivery_timeout")
	for _, path := range []string{"/readyz?verbose", "/api/v1/status"} {
		if code, body := l.get(path); code != 200 || !strings.Contains(body, "kafka.delivery_timeout") {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}

	v.change("level: debug", "level: loud")
	if said := reload(); !strings.Contains(said, "log.level") {
		t.Errorf("a wrong file: %s", said)
	}
	for path, want := range map[string]string{"/readyz?verbose": "log.level", "/api/v1/status": "log.level", "/metrics": "wefka_config_last_reload_successful 0"} {
		if code, body := l.get(path); code != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	if _, body := l.get("/api/v1/status"); strings.Contains(body, "elsewhere") {
		t.Error("the node changed while running")
	}
	v.change("level: loud", "level: info")
	v.change("node: elsewhere\n", "node: lab\n")
	v.change("delivery_timeout: 9s", "delivery_timeout: 8s")
	reload()
	if _, body := l.get("/readyz?verbose"); strings.Contains(body, "degraded") {
		t.Errorf("all as it was: %s", body)
	}
	s.stop(t)
}
