package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/internal/kafkatest"
	"github.com/wefka/wefka/internal/kdctest"
)

// examine runs the doctor and gives what it says, by "STATUS ID fact; remedy", and its exit code.
func (l *lab) examine(args ...string) (lines []string, code int) {
	l.t.Helper()
	var out, errs bytes.Buffer
	p := &program{stdout: &out, stderr: &errs, env: func(string) (string, bool) { return "", false }}
	code = p.run(l.t.Context(), append([]string{"doctor", "--config", l.path("wefka.yaml"), "--format", "json"}, args...))
	var said struct{ Checks []diagnosis }
	if err := json.Unmarshal(out.Bytes(), &said); err != nil {
		l.t.Fatalf("%v\n%s%s", err, out.String(), errs.String())
	}
	for _, c := range said.Checks {
		lines = append(lines, fmt.Sprintf("%s %s %s; %s", c.Status, c.ID, c.Fact, c.Remedy))
		if (c.Status == "FAIL" || c.Status == "WARN") && c.Remedy == "" {
			l.t.Errorf("no remedy: %s %s %s", c.Status, c.ID, c.Fact)
		}
	}
	return lines, code
}

// says wants one line that begins so and holds all parts.
func says(t *testing.T, lines []string, begin string, parts ...string) {
	t.Helper()
	ok := slices.ContainsFunc(lines, func(line string) bool {
		if !strings.HasPrefix(line, begin+" ") {
			return false
		}
		return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) })
	})
	if !ok {
		t.Errorf("no %s with %q in\n%s", begin, parts, strings.Join(lines, "\n"))
	}
}

// editFile replaces text in a file of the lab.
func (l *lab) editFile(name, old, new string) {
	l.t.Helper()
	b, err := os.ReadFile(l.path(name))
	if err != nil || !bytes.Contains(b, []byte(old)) {
		l.t.Fatalf("%s has no %q: %v", name, old, err)
	}
	l.write(name, strings.ReplaceAll(string(b), old, new))
}

// Each of these breaks one thing in a house that is well otherwise.
func TestDoctorFindsWhatIsBroken(t *testing.T) {
	broker := kafkatest.Fake(t, 1, 3, "wef.lab", "wef.dead", "wef.events").ListenAddrs()[0]
	cases := []struct {
		name  string
		wreck func(l *lab)
		want  string   // status and id
		parts []string // of the line
	}{
		{"nothing", func(*lab) {}, "OK TLS-002", []string{"nothing keeps Windows"}},
		{"no file", func(l *lab) { os.Remove(l.path("wefka.yaml")) }, "FAIL CFG-001", []string{"is not there", "--config"}},
		{"a typo", func(l *lab) { l.edit("address:", "adress:") }, "FAIL CFG-001", []string{"adress"}},
		{"a senseless value", func(l *lab) { l.edit("delivery_timeout: 8s", "delivery_timeout: 50s") }, "FAIL CFG-001", []string{"must be below limits.ack_timeout"}},
		{"a subscription that does not load", func(l *lab) { l.editFile("subscriptions.d/lab.yaml", "QueryList", "Query") }, "FAIL CFG-002", []string{"lab.yaml"}},
		{"no subscription enabled", func(l *lab) { l.editFile("subscriptions.d/lab.yaml", "read_existing", "enabled: false\nread_existing") }, "WARN CFG-002", []string{"disabled"}},
		{"no certificate", func(l *lab) { os.Remove(l.path("server.pem")) }, "FAIL TLS-001", []string{"server.pem"}},
		{"the key of another", func(l *lab) {
			l.wefka("pki", "init", "--dir", l.path("other"), "--name", "other")
			l.wefka("pki", "server", "--dir", l.path("other"), "--host", "localhost")
			os.Rename(l.path("other/server.key"), l.path("server.key"))
		}, "FAIL TLS-001", []string{"key"}},
		{"another name", func(l *lab) { l.edit("    tls:", "    advertise: wec01.corp.example:5986\n    tls:") }, "FAIL TLS-002", []string{"wec01.corp.example"}},
		{"not for servers", func(l *lab) {
			l.wefka("pki", "client", "--dir", l.dir, "--machine", "localhost")
			os.Rename(l.path("clients/localhost.pem"), l.path("server.pem"))
			os.Rename(l.path("clients/localhost.key"), l.path("server.key"))
		}, "FAIL TLS-001", []string{"server authentication"}},
		{"a certificate that ends soon", func(l *lab) {
			os.Remove(l.path("server.pem"))
			os.Remove(l.path("server.key"))
			l.wefka("pki", "server", "--dir", l.dir, "--host", "localhost", "--days", "5")
		}, "WARN TLS-003", []string{"4 days", "renew"}},
		{"an open key", func(l *lab) { os.Chmod(l.path("server.key"), 0o644) }, "WARN TLS-005", []string{"chmod o="}},
		{"a keytab that is none", func(l *lab) { l.write("bad.keytab", "no keytab"); l.listenKerberos(l.path("bad.keytab")) }, "FAIL KRB-001", []string{"listener kerberos"}},
		{"an address of nobody", func(l *lab) { l.edit(l.address, "192.0.2.1:5986") }, "FAIL NET-001", []string{"192.0.2.1"}},
		{"a name that DNS does not know", func(l *lab) { l.edit("    tls:", "    advertise: wec01.invalid:5986\n    tls:") }, "FAIL NET-002", []string{"add it to DNS"}},
		{"no broker", func(l *lab) { l.edit(broker, "127.0.0.1:9") }, "FAIL KAF-001", []string{"127.0.0.1:9", "refused"}},
		{"a broker without TLS", func(l *lab) { l.edit("delivery_timeout", "tls: {enabled: true}, delivery_timeout") }, "FAIL KAF-002", []string{"kafka.tls.ca"}},
		{"a topic that is not there", func(l *lab) { l.editFile("subscriptions.d/lab.yaml", "output: {", "output: {topic: wef.nowhere, ") }, "FAIL KAF-003", []string{"wef.nowhere", "kafka-topics.sh", "--create"}},
		{"a state file of another kind", func(l *lab) { l.write("state.db", strings.Repeat("no state ", 10000)) }, "FAIL STA-001", []string{"state.db"}},
		{"a folder that is not there", func(l *lab) { l.edit("path: state.db", "path: nowhere/state.db") }, "FAIL STA-001", []string{"nowhere", "make"}},
		{"limits above the memory", func(l *lab) {
			l.edit("admin:", "limits: {in_flight: 1000GiB}\nadmin:")
		}, "WARN LIM-002", []string{"lower both"}},
		{"no server", func(*lab) {}, "SKIP SRV-001", []string{"no server"}},
		{"no state yet", func(*lab) {}, "OK STA-001", []string{"not there yet"}},
		{"one replica", func(*lab) {}, "WARN KAF-005", []string{"replication 1"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, broker, "lab", sysmonQuery, "json")
			c.wreck(l)
			lines, code := l.examine()
			says(t, lines, c.want, c.parts...)
			if failed := strings.HasPrefix(c.want, "FAIL"); failed != (code == exitProblems) {
				t.Errorf("exit code %d\n%s", code, strings.Join(lines, "\n"))
			}
		})
	}
}

// Beside a running server, and beside another program that has its port.
func TestDoctorBesideAServer(t *testing.T) {
	broker := kafkatest.Fake(t, 1, 3, "wef.lab", "wef.dead", "wef.events").ListenAddrs()[0]
	l := newLab(t, broker, "lab", sysmonQuery, "json")
	taken, err := net.Listen("tcp", l.address)
	if err != nil {
		t.Fatal(err)
	}
	lines, _ := l.examine()
	says(t, lines, "FAIL NET-001", "another program", "ss -ltnp")
	taken.Close()

	l.serve()
	lines, code := l.examine("--host", "nobody.invalid")
	says(t, lines, "OK SRV-001", "ready")
	says(t, lines, "OK NET-001", "the running server has")
	says(t, lines, "OK STA-001", "the running server has")
	says(t, lines, "WARN HST-001", "nobody.invalid")
	if code != exitOK {
		t.Errorf("exit code %d\n%s", code, strings.Join(lines, "\n"))
	}
}

// A real Kafka: who we are, what we may, what the topics would do to our records.
func TestDoctorAsksKafka(t *testing.T) {
	kafka := kafkatest.Start(t, kafkatest.SASL())
	kafka.CreateTopic("wef.lab", 3, map[string]string{"message.timestamp.before.max.ms": "3600000", "max.message.bytes": "100000", "compression.type": "gzip"})
	kafka.CreateTopic("wef.dead", 1, map[string]string{"message.timestamp.after.max.ms": "1000"})
	kafka.CreateTopic("wef.events", 1, nil)
	const dynamic = `topic: "wef.{channel}", topics: [wef.lab]`
	as := func(user, password string) []string {
		l := newLab(t, kafka.SASLAddr(), "lab", sysmonQuery, "json")
		l.edit("delivery_timeout", fmt.Sprintf("sasl: {mechanism: scram-sha-256, username: %s, password: %s}, "+dynamic+", delivery_timeout", user, password))
		lines, _ := l.examine()
		return lines
	}
	lines := as("wefka", "secret")
	says(t, lines, "OK KAF-002", "to wefka")
	says(t, lines, "OK KAF-003", "wef.lab has 3 partitions")
	says(t, lines, "OK KAF-004", "wef.lab")
	says(t, lines, "WARN KAF-006", "wef.lab", "max.message.bytes=")
	says(t, lines, "FAIL KAF-007", "wef.lab", "message.timestamp.before.max.ms=")
	says(t, lines, "FAIL KAF-007", "wef.dead", "message.timestamp.after.max.ms=")
	says(t, lines, "OK KAF-007", "wef.events")
	says(t, lines, "WARN KAF-008", "wef.lab", "compression.type=producer")
	says(t, lines, "OK KAF-009")
	says(t, as("wefka", "wrong"), "FAIL KAF-002", "password")
	says(t, as("guest", "guest"), "FAIL KAF-003", "kafka-acls.sh", "User:guest")
}

// A real keytab, and one that only RC4 opens.
func TestDoctorReadsKeytabs(t *testing.T) {
	realm := kdctest.Realm{Name: "EXAMPLE.TEST", Principals: []kdctest.Principal{{Name: service},
		{Name: "HOST/wec01.example.test"}, {Name: "HTTP/old.example.test", Etypes: []string{kdctest.Etypes[23]}}}}
	kdc := kdctest.MIT(t, realm)
	broker := kafkatest.Fake(t, 1, 1, "wef.lab", "wef.dead", "wef.events").ListenAddrs()[0]
	l := newLab(t, broker, "lab", sysmonQuery, "json")
	keytab := kdc.Keytab(realm.Name, service)
	l.listenKerberos(keytab)
	os.Chmod(keytab, 0o600)
	lines, _ := l.examine()
	says(t, lines, "OK KRB-001", "HTTP/wec01.example.test@EXAMPLE.TEST")
	says(t, lines, "OK KRB-002", "HTTP/wec01.example.test")
	says(t, lines, "WARN KRB-002", "HOST/wec01.example.test", "setspn -S")
	says(t, lines, "OK KRB-003")
	says(t, lines, "OK KRB-004")
	kdc.AddKeys(keytab, realm.Name, "HOST/wec01.example.test")
	os.Chmod(keytab, 0o644)
	lines, _ = l.examine()
	says(t, lines, "OK KRB-002", "HOST/wec01.example.test")
	says(t, lines, "WARN KRB-004", "chmod o=")

	l = newLab(t, broker, "lab", sysmonQuery, "json")
	l.listenKerberos(kdc.Keytab(realm.Name, "HTTP/old.example.test"))
	l.edit("kerberos: {", "kerberos: {rc4: true, ")
	lines, _ = l.examine()
	says(t, lines, "FAIL KRB-003", "AES")
}

var update = flag.Bool("update", false, "rewrite the pages that are written from tables")

// docs/doctor.md is the catalogue, and every check of it is made or passed over once at least.
func TestDoctorCatalogue(t *testing.T) {
	var page strings.Builder
	page.WriteString(doctorPage)
	for _, c := range catalogue {
		fmt.Fprintf(&page, "| `%s` | %s | %s |\n", c.id, c.group, c.asks)
	}
	const file = "../../docs/doctor.md"
	if *update {
		if err := os.WriteFile(file, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if written, err := os.ReadFile(file); err != nil || string(written) != page.String() {
		t.Errorf("%s is not what the catalogue says (%v); go test ./cmd/wefka -run DoctorCatalogue -update", file, err)
	}
	l := newLab(t, "127.0.0.1:9", "lab", sysmonQuery, "json")
	started := time.Now()
	lines, _ := l.examine()
	t.Logf("an examination without Kafka takes %s", time.Since(started))
	for _, c := range catalogue {
		if c.group != "host" && !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, " "+c.id+" ") }) {
			t.Errorf("%s says nothing", c.id)
		}
	}
}

const doctorPage = `# What the doctor looks at

` + "`wefka doctor`" + ` prints one line a check: status (` + "`OK WARN FAIL SKIP`" + `), id, what it found; what to do. Exit code 3 if any fails. An id may come several
times, once for each listener, topic or certificate. A check that an earlier one makes pointless is skipped and says which comes first.

| id | group | question |
|---|---|---|
`
