package main

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/wefka/wefka/internal/kafkatest"
)

// TestSubscriptionsOfAServer asks a running server, by its interface and by the commands, before and after its files change.
func TestSubscriptionsOfAServer(t *testing.T) {
	broker := kafkatest.Fake(t, 1, 1, "wef.lab", "wef.dead").ListenAddrs()[0]
	l := newLab(t, broker, "lab", sysmonQuery, "json")
	s := l.serve()
	defer s.stop(t)
	l.simulate("--hosts", "2", "--events", "100").wait()

	var list subscriptionList
	status, body := l.get("/api/v1/subscriptions")
	if err := json.Unmarshal([]byte(body), &list); err != nil || status != 200 || len(list.Subscriptions) != 1 {
		t.Fatal(status, body, err)
	}
	a := list.Subscriptions[0]
	if a.Name != "lab" || a.Topic != "wef.lab" || a.Hosts["ended"] != 2 || *a.Events != 100 || *a.DeadLetters != 0 || a.LastEvent == nil || a.Query != "" {
		t.Error(body)
	}
	if _, body = l.get("/api/v1/subscriptions/lab"); !strings.Contains(body, `"query":"<QueryList>`) || !strings.Contains(body, `"targets":{"names":[]`) {
		t.Error(body)
	}
	if status, body = l.get("/api/v1/subscriptions/nobody"); status != 404 || !strings.Contains(body, `{"error":`) {
		t.Error(status, body)
	}

	run := func(code int, args ...string) string {
		t.Helper()
		c := exec.Command(l.program, append([]string{"subscriptions", "--config", l.path("wefka.yaml"), "--admin", "http://" + l.admin}, args...)...)
		out, err := c.Output()
		if c.ProcessState.ExitCode() != code {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if out := run(0, "list"); !strings.Contains(out, "2 ended") || !strings.Contains(out, "  100  ") {
		t.Error(out)
	}
	if out := run(0, "show", "lab"); !strings.Contains(out, "hosts         2 ended\nevents        100\n") {
		t.Error(out)
	}
	if out := run(0, "diff"); out != "" {
		t.Error(out)
	}
	l.write("subscriptions.d/new.yaml", "name: new\nid: 5f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a77\noutput: {topic: wef.nowhere}\nquery: <QueryList><Query><Select Path=\"Setup\">*</Select></Query></QueryList>\n")
	if out := run(3, "diff"); out != "+ new: not yet on the server\n" {
		t.Error(out)
	}
}

func TestChanged(t *testing.T) {
	before := []subscriptionAnswer{{Name: "gone"}, {Name: "same", Version: "A"},
		{Name: "other", Version: "A", Topic: "t", Enabled: true, Targets: json.RawMessage(`{"names":[]}`), Query: "<QueryList>\n<Query Id=\"0\">\n<Select Path=\"A\">*</Select>\n</Query>\n</QueryList>"}}
	after := []subscriptionAnswer{{Name: "same", Version: "A"}, {Name: "come"},
		{Name: "other", Version: "B", Topic: "u", Targets: json.RawMessage(`{"names":["pc*"]}`), Query: "<QueryList>\n<Query Id=\"0\">\n<Select Path=\"A\">*</Select>\n<Select Path=\"B\">*</Select>\n</Query>\n</QueryList>"}}
	want := `- gone: no longer in the files; its hosts stop at their next refresh
+ come: not yet on the server
~ other: enabled true -> false
~ other: topic t -> u
~ other: targets all -> names pc*
~ other: version A -> B (every host creates it anew)
~ other: query
    + <Select Path="B">*</Select>
! other: channel B is new: every host sends all that it still holds of it; a subscription of its own avoids that`
	if got := strings.Join(changed(before, after), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
