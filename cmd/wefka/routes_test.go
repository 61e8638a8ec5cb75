package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wefka/wefka/internal/kafkatest"
)

const routesYAML = `routes:
  - name: dns
    when: {event_id: [22]}
    then: {drop: true}
  - name: processes
    when: {channel: [microsoft-windows-sysmon/operational], event_id: [1, 5-5]}
    then: {topic: "wef.{event_id}", format: ecs}
`

// From the socket into real Kafka: some events dropped, some elsewhere and in another shape, all acknowledged.
func TestRoutesLine(t *testing.T) {
	kafka := kafkatest.Start(t)
	for _, topic := range []string{"wef.lab", "wef.dead", "wef.events", "wef.1"} {
		kafka.CreateTopic(topic, 1, nil)
	}
	l := newLab(t, kafka.Addr(), "lab", sysmonQuery, "json")
	l.edit("delivery_timeout", "topics: [wef.1], delivery_timeout")
	l.edit("state:", routesYAML+"state:")
	l.serve()
	report, acked := l.simulate("--hosts", "3", "--events", "600").wait()
	if report.Events.Acked != 600 {
		t.Fatalf("%d of 600 acknowledged", report.Events.Acked)
	}
	where := map[string]map[string]int{} // topic → event id → records
	for _, r := range kafkatest.ReadAll(t, kafka.Addr(), "wef.lab", "wef.1", "wef.events", "wef.dead") {
		if where[r.Topic] == nil {
			where[r.Topic] = map[string]int{}
		}
		where[r.Topic][header(r, "wef.event_id")]++
		ecs := bytes.Contains(r.Value, []byte(`"ecs":{"version"`))
		if moved := r.Topic != "wef.lab"; moved != ecs || moved != (header(r, "wef.schema") == "ecs/8.17.0") {
			t.Fatalf("%s: schema %s, %.200s", r.Topic, header(r, "wef.schema"), r.Value)
		}
		if !acked[header(r, "wef.id")] {
			t.Fatalf("%s was never acknowledged", header(r, "wef.id"))
		}
	}
	written := 0
	for _, ids := range where {
		for _, n := range ids {
			written += n
		}
	}
	_, metrics := l.get("/metrics")
	dropped := 0
	for line := range strings.Lines(metrics) {
		if n, ok := strings.CutPrefix(strings.TrimSpace(line), `wefka_events_dropped_total{route="dns"} `); ok {
			for _, c := range n {
				dropped = 10*dropped + int(c-'0')
			}
		}
	}
	if dropped == 0 || written+dropped != 600 {
		t.Errorf("%d written and %d dropped of 600: %v", written, dropped, where)
	}
	if where["wef.1"]["1"] == 0 || where["wef.lab"]["1"] != 0 || where["wef.lab"]["22"] != 0 || where["wef.events"]["5"] == 0 || len(where["wef.lab"]) == 0 {
		t.Errorf("wrong places: %v", where)
	}
}

// Routes and identity are taken while running, with the topics that they need; a mistake leaves the old in use.
func TestReloadRules(t *testing.T) {
	broker := kafkatest.Fake(t, 1, 1, "wef.lab", "wef.apart", "wef.dead").ListenAddrs()[0]
	l := newLab(t, broker, "lab", sysmonQuery, "json")
	s := l.serve()
	l.simulate("--events", "3").wait()

	l.configure("routes: [{name: all, then: {topic: wef.apart, drop: true}}]\n")
	if line := s.wait(t, `"msg":"reload failed"`); !strings.Contains(line, "routes[0].then") || !strings.Contains(line, "wefka.yaml:") {
		t.Error(line)
	}
	l.edit(", drop: true", "")
	l.configure("identity: {computer: quarantine}\n")
	s.wait(t, `"msg":"reloaded"`)
	l.simulate("--events", "5").wait()
	l.speakFor("new.lab.example").wait()

	l.edit("delivery_timeout: 8s", "delivery_timeout: 7s")
	s.wait(t, "needs a restart")
	s.stop(t)
	for topic, want := range map[string]int{"wef.lab": 3, "wef.apart": 5, "wef.dead": 3} {
		if got := len(kafkatest.ReadAll(t, broker, topic)); got != want {
			t.Errorf("%s has %d records, want %d", topic, got, want)
		}
	}
}
