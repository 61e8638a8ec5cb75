package deploy_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/wefka/wefka/internal/corpus"
)

// tools are built once: helm, and the strict reader of manifests.
var tools = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "wefka-tools-")
	if err != nil {
		return "", err
	}
	c := exec.Command("go", "build", "-o", dir+"/", "helm.sh/helm/v3/cmd/helm", "./manifests")
	c.Dir = "tools"
	if out, err := c.CombinedOutput(); err != nil {
		return "", &exec.Error{Name: "go build: " + string(out), Err: err}
	}
	return dir, nil
})

func tool(t *testing.T, name string) string {
	t.Helper()
	dir, err := tools()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := tools(); err == nil && dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

const chart = "chart/wefka"

// The chart with several sets of values: linted, drawn, read as strictly as Kubernetes would, and its wefka.yaml checked by wefka.
func TestChart(t *testing.T) {
	helm, read := tool(t, "helm"), tool(t, "manifests")
	sets, err := filepath.Glob("chart/values/*.yaml")
	if err != nil || len(sets) < 3 {
		t.Fatalf("%v: %v", sets, err)
	}
	for _, set := range sets {
		t.Run(strings.TrimSuffix(filepath.Base(set), ".yaml"), func(t *testing.T) {
			run(t, helm, "lint", "--strict", chart, "--values", set)
			drawn := run(t, helm, "template", "wef", chart, "--kube-version", "1.33.0", "--namespace", "wef", "--values", set)
			c := exec.Command(read)
			c.Stdin = strings.NewReader(drawn)
			if out, err := c.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s\n%s", err, out, drawn)
			}
			checkConfig(t, drawn)
		})
	}
	for name, c := range map[string]struct{ set, says string }{
		"no brokers":            {"config.kafka.brokers=null", "brokers"},
		"a typo":                {"replica=3", "replica"},
		"scaling local state":   {"state=local,autoscaling.enabled=true", "only with state: kafka"},
		"metrics for everybody": {"metrics.serviceMonitor.enabled=true", "metrics.webSecret"},
		"no listener":           {"listeners.tls.enabled=false", "enable tls, kerberos or both"},
		"a short stop":          {"terminationGracePeriodSeconds=5", "terminationGracePeriodSeconds"},
	} {
		out, err := exec.Command(helm, "template", "wef", chart, "--kube-version", "1.33.0", "--values", "chart/values/kafka.yaml", "--set", c.set).CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.says) {
			t.Errorf("%s: %v, %s", name, err, out)
		}
	}
}

var block = regexp.MustCompile(`(?m)^  (wefka\.yaml|[\w.-]+\.yaml): \|\n((?:    .*\n|\n)+)`)

// checkConfig lays the files of the ConfigMaps where the pod would have them and asks wefka.
func checkConfig(t *testing.T, drawn string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "wefka")
	c := exec.Command("go", "build", "-o", program, "./cmd/wefka")
	c.Dir = corpus.Root(t)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	etc := t.TempDir()
	if err := os.Mkdir(filepath.Join(etc, "subscriptions.d"), 0o755); err != nil { // a ConfigMap without keys is an empty folder
		t.Fatal(err)
	}
	for _, m := range block.FindAllStringSubmatch(drawn, -1) {
		text := strings.ReplaceAll(regexp.MustCompile(`(?m)^    `).ReplaceAllString(m[2], ""), "/etc/wefka/", etc+"/")
		name := m[1]
		if name != "wefka.yaml" {
			name = "subscriptions.d/" + name
		}
		write(t, filepath.Join(etc, name), text)
	}
	if strings.Contains(drawn, "mountPath: /etc/wefka/keytab") {
		write(t, filepath.Join(etc, "keytab/wef.keytab"), keytab)
	}
	for _, secret := range regexp.MustCompile(`mountPath: /etc/wefka/secrets/(\S+),`).FindAllStringSubmatch(drawn, -1) {
		write(t, filepath.Join(etc, "secrets", secret[1], "password"), "secret")
	}
	if strings.Contains(drawn, "mountPath: /etc/wefka/web") {
		write(t, filepath.Join(etc, "web/web.yaml"), "tls_server_config: {cert_file: ../tls/tls.crt, key_file: ../tls/tls.key}\nbasic_auth_users: {prometheus: $2y$10$"+strings.Repeat("a", 53)+"}\n")
	}
	run(t, program, "pki", "init", "--dir", etc, "--name", "lab")
	run(t, program, "pki", "server", "--dir", etc, "--host", "wef.example", "--host", "wef.corp.example")
	for from, to := range map[string]string{"server.pem": "tls/tls.crt", "server.key": "tls/tls.key", "ca.pem": "client-ca/ca.crt"} {
		b, err := os.ReadFile(filepath.Join(etc, from))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(etc, to), string(b))
	}
	run(t, program, "check", "--config", filepath.Join(etc, "wefka.yaml"))
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// keytab has one key of HTTP/wef.example@EXAMPLE.TEST, version 1, AES-256, all zeroes (MIT's keytab format 5.2).
var keytab = func() string {
	var b bytes.Buffer
	entry := "\x00\x02\x00\x0cEXAMPLE.TEST\x00\x04HTTP\x00\x0bwef.example\x00\x00\x00\x01\x00\x00\x00\x00\x01\x00\x12\x00\x20" + strings.Repeat("\x00", 32)
	b.WriteString("\x05\x02\x00\x00\x00")
	b.WriteByte(byte(len(entry)))
	b.WriteString(entry)
	return b.String()
}()
