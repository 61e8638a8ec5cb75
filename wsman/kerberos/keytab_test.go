package kerberos_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

func TestFacts(t *testing.T) {
	var entries []entry
	for _, e := range []int32{18, 17, 23, 20, 19, 18, 16} {
		entries = append(entries, entry{service, homeRealm, "secret", 3, e})
	}
	entries = append(entries, entry{"wec-svc", "PARTNER.TEST", "x", 300 & 0xff, 18}, entry{"old", "PARTNER.TEST", "x", 1, 23})
	c := collect(t, newKeytab(t, entries...))
	p := service + "@" + homeRealm
	want := []kerberos.Fact{
		{p, 3, "aes256-cts-hmac-sha1-96"}, {p, 3, "aes128-cts-hmac-sha1-96"}, {p, 3, "aes256-cts-hmac-sha384-192"}, {p, 3, "aes128-cts-hmac-sha256-128"},
		{"wec-svc@PARTNER.TEST", 44, "aes256-cts-hmac-sha1-96"},
	}
	if diff := cmp.Diff(want, c.acceptor.Facts()); diff != "" {
		t.Error(diff)
	}
	if n := c.metric("keytab_info", "principal", p, "kvno", "3", "etype", "aes128-cts-hmac-sha256-128", "listener", "kerberos"); n != 1 {
		t.Errorf("keytab_info = %v", n)
	}
	if n := c.metric("keytab_info"); n != 5 {
		t.Errorf("keytab_info has %v", n)
	}
	warnings := errors.Join(c.acceptor.Warnings()...).Error()
	if warnings != "the keytab has no AES key of old@PARTNER.TEST, only RC4 or older" {
		t.Error(warnings)
	}
	if !strings.Contains(c.log.String(), "msg=keytab listener=kerberos error=\""+warnings) {
		t.Error(c.log)
	}
}

func TestLoadWarnsAndRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte, mode os.FileMode) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, b, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		return file
	}
	good, err := newKeytab(t).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	old, err := newKeytab(t, entry{service, homeRealm, "x", 1, 23}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	short := newKeytab(t, aes(3), aes(4))
	short.Entries[1].Key.KeyValue = short.Entries[1].Key.KeyValue[:31]
	cut, err := short.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name     string
		acceptor *kerberos.Acceptor
		err      string
		warning  string
	}{
		{"good", &kerberos.Acceptor{Keytab: write("good", good, 0o600)}, "", ""},
		{"owner only", &kerberos.Acceptor{Keytab: write("owner", good, 0o400)}, "", ""},
		{"readable by the group", &kerberos.Acceptor{Keytab: write("group", good, 0o640)}, "", "readable by others (mode 0640)"},
		{"readable by all", &kerberos.Acceptor{Keytab: write("all", good, 0o644)}, "", "readable by others (mode 0644)"},
		{"RC4 on", &kerberos.Acceptor{Keytab: write("on", good, 0o600), RC4: true}, "", "RC4 tickets are accepted"},
		{"RC4 only", &kerberos.Acceptor{Keytab: write("rc4", old, 0o600), RC4: true}, "", "no AES key of " + service + "@" + homeRealm},
		{"RC4 only, and off", &kerberos.Acceptor{Keytab: write("off", old, 0o600)}, "no key of an allowed encryption type", ""},
		{"a broken key", &kerberos.Acceptor{Keytab: write("short", cut, 0o600)}, "", "31 bytes and cannot be used"},
		{"missing", &kerberos.Acceptor{Keytab: filepath.Join(dir, "missing")}, "no such file", ""},
		{"a folder", &kerberos.Acceptor{Keytab: dir}, "is a directory", ""},
		{"empty file", &kerberos.Acceptor{Keytab: write("empty", nil, 0o600)}, "no keytab, or damaged", ""},
		{"no entries", &kerberos.Acceptor{Keytab: write("none", []byte{5, 2, 0, 0, 0, 0}, 0o600)}, "it is empty", ""},
		{"no keytab", &kerberos.Acceptor{Keytab: write("text", []byte("hello"), 0o600)}, "no keytab, or damaged", ""},
		{"cut short", &kerberos.Acceptor{Keytab: write("cut", good[:len(good)-9], 0o600)}, "no keytab, or damaged", ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			var log bytes.Buffer
			a := x.acceptor
			a.Log = slog.New(slog.NewTextHandler(&log, nil))
			err := a.Load()
			if x.err == "" && err != nil || x.err != "" && (err == nil || !strings.Contains(err.Error(), x.err) || !strings.HasPrefix(err.Error(), "read keytab")) {
				t.Errorf("error %v, want %q", err, x.err)
			}
			if err != nil && bytes.Contains([]byte(err.Error()), good[len(good)-30:len(good)-12]) {
				t.Error("the key is in the error")
			}
			warnings := fmt.Sprint(a.Warnings())
			if x.warning == "" && warnings != "[]" || !strings.Contains(warnings, x.warning) || !strings.Contains(log.String(), x.warning) {
				t.Errorf("warnings %s, want %q; log %s", warnings, x.warning, &log)
			}
		})
	}
}

// TestReload: a new keytab is taken whole; a broken one changes nothing; established contexts live on; the previous version opens old
// tickets for as long as it is there.
func TestReload(t *testing.T) {
	c := collect(t, newKeytab(t, aes(3)))
	replace := func(b []byte) {
		t.Helper()
		if err := os.WriteFile(c.acceptor.Keytab+".new", b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(c.acceptor.Keytab+".new", c.acceptor.Keytab); err != nil {
			t.Fatal(err)
		}
	}
	use := func(tab interface{ Marshal() ([]byte, error) }) error {
		t.Helper()
		b, err := tab.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		replace(b)
		return c.acceptor.Load()
	}
	veteran := c.dial().prove()
	both := newKeytab(t, aes(3), entry{service, homeRealm, "changed", 4, 18})
	renewed := newKeytab(t, entry{service, homeRealm, "changed", 4, 18})
	newTicket := func(w *wishes) { w.key, w.kvno = both.Entries[1].Key, 4 }

	m := c.dial()
	if a := m.try("Kerberos", mint(t, c.tab, newTicket).token); a.status != 401 {
		t.Fatal(a)
	}
	replace([]byte("half a keyt"))
	if err := c.acceptor.Load(); err == nil {
		t.Error("no error")
	}
	if err := os.Remove(c.acceptor.Keytab); err != nil {
		t.Fatal(err)
	}
	if err := c.acceptor.Load(); err == nil {
		t.Error("no error")
	}
	c.dial().prove().works(me)
	if err := use(both); err != nil {
		t.Fatal(err)
	}
	m.prove(newTicket).works(me) // the same connection, now that the key is there
	c.dial().prove().works(me)
	if err := use(renewed); err != nil {
		t.Fatal(err)
	}
	c.dial().prove(newTicket).works(me)
	m = c.dial()
	if a := m.try("Kerberos", mint(t, c.tab).token); a.status != 401 {
		t.Error(a)
	}
	if n := c.metric("auth_failures_total", "reason", "kvno"); n != 2 {
		t.Errorf("auth_failures_total = %v", n)
	}
	veteran.works(me)
	if n := c.metric("keytab_info"); n != 1 {
		t.Errorf("keytab_info has %v", n)
	}
}

// TestTries: a ticket is tried with so many keys and no more, those of its own principal and version first, and none twice.
func TestTries(t *testing.T) {
	tab := newKeytab(t, aes(3))
	for i := range 300 {
		tab.Entries = append(tab.Entries, tab.Entries[0])
		e := &tab.Entries[i+1]
		e.Principal.Components = []string{"HTTP", fmt.Sprint("host", i)}
		if i >= 200 {
			e.Key = randomKey(18)
		}
	}
	c := collect(t, tab)
	last := tab.Entries[300]
	named := func(w *wishes) { w.key, w.sname = last.Key, "http/HOST299" }
	c.dial().prove(named).works(me)
	_, _, err := judgeToken(c.acceptor, "Kerberos", mint(t, tab, named, func(w *wishes) { w.sname = "HTTP/alias" }).token)
	var refused *wsman.AuthError
	if !errors.As(err, &refused) || refused.Reason != "no_key" || !strings.Contains(err.Error(), "none of 32 keys") {
		t.Error(err)
	}
	c.dial().prove(func(w *wishes) { w.key, w.sname = tab.Entries[220].Key, "HTTP/alias" }).works(me) // the 22nd that is different
}

// TestNotLoaded: an acceptor without a keytab lets nobody in.
func TestNotLoaded(t *testing.T) {
	a := &kerberos.Acceptor{Keytab: "nowhere"}
	_, _, err := judgeToken(a, "Kerberos", mint(t, newKeytab(t)).token)
	var refused *wsman.AuthError
	if !errors.As(err, &refused) || refused.Reason != "no_key" {
		t.Error(err)
	}
	if a.Facts() != nil || a.Warnings() != nil {
		t.Error("something out of nothing")
	}
}
