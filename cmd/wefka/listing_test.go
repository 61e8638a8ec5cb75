package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

func TestListing(t *testing.T) {
	l := listing{head: []string{"NAME", "LAST EVENT", "MORE"}, narrow: 2, rows: [][]string{{"pc-1", "", "a\x1b[31m"}, {"pc-20", "now", `b,"c`}},
		value: map[string]any{"hosts": []map[string]any{{"source": "pc-1", "count": 1}}}}
	for format, want := range map[string]string{
		"table": "NAME   LAST EVENT\npc-1   -\npc-20  now\n",
		"wide":  "NAME   LAST EVENT  MORE\npc-1   -           a?[31m\npc-20  now         b,\"c\n",
		"csv":   "name,last_event,more\npc-1,,a\x1b[31m\npc-20,now,\"b,\"\"c\"\n",
		"json":  "{\n  \"hosts\": [\n    {\n      \"count\": 1,\n      \"source\": \"pc-1\"\n    }\n  ]\n}\n",
		"yaml":  "hosts:\n- count: 1\n  source: pc-1\n",
	} {
		var b strings.Builder
		if err := l.write(&b, format); err != nil || b.String() != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", format, err, b.String(), want)
		}
	}
	if err := l.write(&strings.Builder{}, "xml"); !errors.As(err, new(usageError)) {
		t.Errorf("xml: %v", err)
	}
}

func TestAdminClient(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.Path {
		case "GET /ok":
			w.Write([]byte(`{"a":1}`))
		case "DELETE /ok":
			w.WriteHeader(http.StatusNoContent)
		default:
			w.WriteHeader(http.StatusForbidden)
			w.Write([]byte(`{"error":"only on the socket"}`))
		}
	})
	tcp := httptest.NewServer(handler)
	defer tcp.Close()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	defer server.Close()
	go server.Serve(l)
	ctx := context.Background()
	for _, where := range []string{tcp.URL, socket} {
		a := (&program{adminAddress: where}).admin()
		var got struct{ A int }
		if err := a.get(ctx, "/ok", &got); err != nil || got.A != 1 {
			t.Errorf("%s: %v %v", where, got, err)
		}
		if err := a.do(ctx, "DELETE", "/ok", nil, nil); err != nil {
			t.Errorf("%s: %v", where, err)
		}
		if err := a.get(ctx, "/no", nil); err == nil || !strings.Contains(err.Error(), "only on the socket") {
			t.Errorf("%s: %v", where, err)
		}
	}
	for where, cure := range map[string]string{
		filepath.Join(t.TempDir(), "none"): "is wefka serve running?", "http://" + freeAddress(t): "is wefka serve running?", "http://a b": "--admin",
	} {
		if err := (&program{adminAddress: where}).admin().get(ctx, "/ok", nil); err == nil || !strings.Contains(err.Error(), cure) {
			t.Errorf("%s: %v", where, err)
		}
	}
}

// Without --admin the configuration says where the server is.
func TestAdminAddress(t *testing.T) {
	for _, row := range []struct {
		admin AdminConfig
		want  string
	}{
		{AdminConfig{Socket: "/run/a.sock", Address: "127.0.0.1:1"}, "/run/a.sock"},
		{AdminConfig{Address: "127.0.0.1:1"}, "http://127.0.0.1:1"},
		{AdminConfig{Address: "192.0.2.1:1", WebConfig: "web.yaml"}, "https://192.0.2.1:1"},
		{AdminConfig{}, ""},
	} {
		if got := row.admin.reachedAt(); got != row.want {
			t.Errorf("%+v: %s, want %s", row.admin, got, row.want)
		}
	}
	p := &program{config: filepath.Join(t.TempDir(), "none.yaml")}
	if a := p.admin(); a.where != "/run/wefka/admin.sock" {
		t.Errorf("no configuration: %s", a.where)
	}
}
