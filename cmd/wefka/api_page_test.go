package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/wefka/wefka/internal/kafkatest"
)

// The page of a running server: hosts that deliver, one that is refused, and the policy that a browser is to hold it to.
func TestStatusPage(t *testing.T) {
	broker := kafkatest.Fake(t, 1, 1, "wef.lab", "wef.dead").ListenAddrs()[0]
	l := newLab(t, broker, "lab", sysmonQuery, "json")
	l.serve()
	if code, body := l.get("/"); code != http.StatusOK || !strings.Contains(body, "Ready, and no host has come yet") {
		t.Errorf("%d %s", code, body)
	}
	f := l.simulate("--hosts", "30", "--events", "600")
	f.wait()
	l.wefka("pki", "init", "--dir", l.path("other"), "--name", "other authority")
	stranger := l.start([]string{"--url", "https://localhost:" + port(l.address) + "/wsman/SubscriptionManager/WEC", "--ca", l.path("ca.pem"), "--issue-ca", l.path("other/ca.pem"),
		"--issue-key", l.path("other/ca.key"), "--hosts", "1", "--events", "1", "--duration", "1s"})
	<-stranger.done

	r, err := http.Get("http://" + l.admin + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	page := string(body)
	for _, want := range []string{"All is well", "sim-00001.lab.example", "600 in Kafka", "30 found", "no_cert", "&amp;after=sim-00025.lab.example", "until 20"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
	if csp := r.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("policy %q", csp)
	}
	if _, second := l.get("/?after=sim-00025.lab.example"); !strings.Contains(second, "sim-00030.lab.example") || strings.Contains(second, "sim-00001.lab.example") {
		t.Error("the second part is not what follows")
	}
	if _, found := l.get("/?search=00017"); !strings.Contains(found, "sim-00017.lab.example") || strings.Contains(found, "sim-00018.lab.example") {
		t.Error("the search finds something else")
	}
	if _, none := l.get("/?state=dead"); !strings.Contains(none, "No host like that") {
		t.Error("a dead host, just now?")
	}
	if code, _ := l.get("/nowhere"); code != http.StatusNotFound {
		t.Errorf("/nowhere: %d", code)
	}
}

// An hour is kept, and what happened before it is forgotten.
func TestPulse(t *testing.T) {
	p := &pulse{}
	for i := range pulseLength + 5 {
		p.events = remember(p.events, float64(i))
	}
	if events, _ := p.past(); len(events) != pulseLength || events[0] != 5 || events[pulseLength-1] != pulseLength+4 {
		t.Errorf("%d samples from %v to %v", len(events), events[0], events[len(events)-1])
	}
}
