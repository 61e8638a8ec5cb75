package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wefka/wefka/internal/kafkatest"
)

// asked is a lab whose server answers on a socket too.
func asked(t *testing.T) (l *lab, s *server, socket string) {
	broker := kafkatest.Fake(t, 1, 3, "wef.lab", "wef.dead").ListenAddrs()[0]
	l = newLab(t, broker, "lab", sysmonQuery, "json")
	dir, err := os.MkdirTemp("", "wefka-socket-") // a socket's path may not be long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "s")
	(&site{lab: l, t: t}).change(`socket: ""`, `socket: "`+socket+`"`)
	return l, l.serve(), socket
}

// The commands that ask a running server, over its socket and over TCP.
func TestAdminCommands(t *testing.T) {
	l, s, socket := asked(t)
	l.simulate("--hosts", "3", "--events", "30").wait()
	ask := func(args ...string) string {
		t.Helper()
		return l.wefka(append([]string{"--config", l.path("wefka.yaml")}, args...)...)
	}
	const pc = "sim-00001.lab.example"

	var list hostList
	if err := json.Unmarshal([]byte(ask("hosts", "list", "-o", "json")), &list); err != nil || len(list.Hosts) != 3 {
		t.Fatalf("%v: %+v", err, list)
	}
	h := list.Hosts[0]
	if h.Source != pc || h.Auth != "tls" || h.Node != "lab" || len(h.Issuer) != 40 || h.CertificateNotAfter == nil || h.LastEnumerate == nil || h.Address != "127.0.0.1" ||
		len(h.Subscriptions) != 1 || h.Subscriptions[0].Name != "lab" || h.Subscriptions[0].LastEvent == nil || h.Subscriptions[0].Version == "" {
		t.Errorf("%+v", h)
	}
	for _, row := range []struct{ args, want string }{
		{"hosts list", "SOURCE"}, {"hosts list --search 00002", "sim-00002"}, {"hosts list --state ended -o csv", pc}, {"hosts show " + strings.ToUpper(pc), "record_id: 10"},
		{"hosts explain " + pc, "it said that it stops"}, {"status", "3 ended"}, {"stats -o json", `"published": 30`}, {"bookmarks list", pc}, {"config dump --effective", "compression: zstd"},
	} {
		if got := ask(strings.Fields(row.args)...); !strings.Contains(got, row.want) {
			t.Errorf("%s: no %q in\n%s", row.args, row.want, got)
		}
	}
	if code, body := l.get("/api/v1/hosts?limit=2"); code != 200 || !strings.Contains(body, `"next":"sim-00002.lab.example"`) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := l.get("/api/v1/hosts?limit=2&after=sim-00002.lab.example"); code != 200 || strings.Contains(body, "next") || !strings.Contains(body, "sim-00003") {
		t.Errorf("%d %s", code, body)
	}
	for path, want := range map[string]int{"/api/v1/hosts?state=odd": 400, "/api/v1/hosts?limit=0": 400, "/api/v1/hosts/nobody": 404} {
		if code, body := l.get(path); code != want || !strings.HasPrefix(body, `{"error":`) {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}

	// Out, away and back.
	saved := l.path("bookmarks.json")
	if err := os.WriteFile(saved, []byte(ask("bookmarks", "export")), 0o600); err != nil {
		t.Fatal(err)
	}
	ask("bookmarks", "reset", "--yes", "--source", pc)
	if got := ask("bookmarks", "list"); strings.Contains(got, pc) || !strings.Contains(got, "sim-00002") {
		t.Errorf("after the reset:\n%s", got)
	}
	ask("bookmarks", "import", "--yes", saved)
	if got, want := ask("bookmarks", "export"), mustRead(t, saved); got != want {
		t.Errorf("imported:\n%s\nexported:\n%s", got, want)
	}
	ask("hosts", "forget", "--yes", pc)
	if got := ask("hosts", "list"); strings.Contains(got, pc) {
		t.Errorf("not forgotten:\n%s", got)
	}
	s.wait(t, `"msg":"admin change"`)

	ask("reload")
	l.write("subscriptions.d/broken.yaml", "name: x\n")
	out, err := exec.Command(l.program, "--admin", socket, "reload").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "reload failed") || !strings.Contains(string(out), "broken.yaml") {
		t.Errorf("%v: %s", err, out)
	}
	if _, body := l.get("/api/v1/status"); !strings.Contains(body, `"status":"degraded"`) || !strings.Contains(body, "broken.yaml") {
		t.Error(body)
	}

	// Not over TCP, whoever asks.
	for _, args := range []string{"reload", "hosts forget --yes sim-00002.lab.example", "bookmarks reset --yes"} {
		out, err := exec.Command(l.program, append([]string{"--admin", "http://" + l.admin}, strings.Fields(args)...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "Unix socket only") {
			t.Errorf("%s: %v: %s", args, err, out)
		}
	}
}

func mustRead(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Who is neither root nor the server's own user changes nothing, and neither does who is not known.
func TestChangesNeedCredentials(t *testing.T) {
	h := &house{log: slog.New(slog.DiscardHandler)}
	mux, local := http.NewServeMux(), http.NewServeMux()
	did := 0
	h.change(mux, local, "DELETE /x", func(http.ResponseWriter, *http.Request) error { did++; return nil })
	for _, row := range []struct {
		mux  *http.ServeMux
		who  any
		want int
	}{
		{mux, peer{}, 403}, {local, nil, 403}, {local, peer{uid: uint32(os.Getuid()) + 12345}, 403}, {local, peer{}, 204}, {local, peer{uid: uint32(os.Getuid())}, 204},
	} {
		r := httptest.NewRequest("DELETE", "/x", nil)
		if row.who != nil {
			r = r.WithContext(context.WithValue(r.Context(), peerKey{}, row.who))
		}
		w := httptest.NewRecorder()
		row.mux.ServeHTTP(w, r)
		if w.Code != row.want {
			t.Errorf("%v: %d, want %d", row.who, w.Code, row.want)
		}
	}
	if did != 2 {
		t.Errorf("done %d times, want 2", did)
	}
}

// The dump is what takes effect, and nobody learns a password from it.
func TestConfigDump(t *testing.T) {
	l := newLab(t, "127.0.0.1:1", "lab", sysmonQuery, "json")
	(&site{lab: l, t: t}).change("kafka: {", "kafka: {sasl: {mechanism: plain, username: u, password: geheim}, ")
	got := l.wefka("config", "dump", "--effective", "--config", l.path("wefka.yaml"))
	if strings.Contains(got, "geheim") || !strings.Contains(got, "***") || !strings.Contains(got, "dead_letter_topic: wef.dead") {
		t.Error(got)
	}
	l.write("again.yaml", strings.Replace(got, "'***'", "x", 1))
	if again := l.wefka("config", "dump", "--effective", "--config", l.path("again.yaml")); again != got {
		t.Errorf("read again:\n%s\nwant\n%s", again, got)
	}
}
