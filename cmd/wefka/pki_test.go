package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/wefka/wefka/certs"
)

// runPKI is `wefka pki ARGS`.
func runPKI(args ...string) (stdout, stderr string, err error) {
	var out, log bytes.Buffer
	c := pkiCommand()
	c.SetArgs(args)
	c.SetOut(&out)
	c.SetErr(&log)
	c.SilenceErrors, c.SilenceUsage = true, true
	err = c.Execute()
	return out.String(), log.String(), err
}

func mustPKI(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, err := runPKI(args...)
	if err != nil {
		t.Fatalf("wefka pki %s: %v", strings.Join(args, " "), err)
	}
	return stdout, stderr
}

func TestPKI(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	file := func(name ...string) string { return filepath.Join(append([]string{dir}, name...)...) }
	issuer, log := mustPKI(t, "init", "--dir", dir, "--name", "Lab CA")
	authority, err := certs.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if issuer != "IssuerCA="+certs.Thumbprint(authority.Certificate)+"\n" || authority.Certificate.Subject.CommonName != "Lab CA" {
		t.Errorf("stdout %q for %s", issuer, authority.Certificate.Subject)
	}
	if !strings.Contains(log, "wrote "+file("ca.key")) {
		t.Errorf("stderr %q", log)
	}

	if out, _ := mustPKI(t, "server", "--dir", dir, "--host", "localhost", "--host", "127.0.0.1"); out != issuer {
		t.Errorf("server prints %q", out)
	}
	if err := os.WriteFile(file("password"), []byte("pass word\r\nsecond line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, _ := mustPKI(t, "client", "--dir", dir, "--machine", "PC-1.lab.example", "--machine", "pc-2.lab.example", "--pfx-password-file", file("password"), "--days", "7"); out != issuer {
		t.Errorf("client prints %q", out)
	}
	for _, name := range []string{"ca.key", "server.key", "clients/pc-1.lab.example.key", "clients/pc-1.lab.example.pfx", "clients/pc-2.lab.example.key"} {
		info, err := os.Stat(file(name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode().Perm())
		}
	}
	pfx, err := os.ReadFile(file("clients", "pc-1.lab.example.pfx"))
	if err != nil {
		t.Fatal(err)
	}
	key, cert, above, err := pkcs12.DecodeChain(pfx, "pass word")
	if err != nil {
		t.Fatal(err)
	}
	if len(above) != 1 || !above[0].Equal(authority.Certificate) || cert.DNSNames[0] != "pc-1.lab.example" || time.Until(cert.NotAfter) > 7*24*time.Hour {
		t.Errorf("PFX for %v until %v with %d above", cert.DNSNames, cert.NotAfter, len(above))
	}

	// What was written works: the host of the PFX against the collector's files.
	server := &certs.Server{Certificate: file("server.pem"), Key: file("server.key"), ClientCA: file("ca.pem")}
	if err := server.Load(); err != nil {
		t.Fatal(err)
	}
	host := tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
	if err := meet(t, server, host, authority.Certificate); err != nil {
		t.Errorf("refused: %v", err)
	}

	if out, _ := mustPKI(t, "crl", "--dir", dir, "--revoke", file("clients", "pc-2.lab.example.pem")); out != issuer {
		t.Errorf("crl prints %q", out)
	}
	server.CRL, server.CRLRequired = []string{file("crl.pem")}, true
	if err := server.Load(); err != nil {
		t.Fatal(err)
	}
	if err := meet(t, server, host, authority.Certificate); err != nil {
		t.Errorf("the other one was revoked: %v", err)
	}
	mustPKI(t, "crl", "--dir", dir, "--revoke", file("clients", "pc-1.lab.example.pem"))
	mustPKI(t, "crl", "--dir", dir) // keeps both
	if err := server.Load(); err != nil {
		t.Fatal(err)
	}
	if err := meet(t, server, host, authority.Certificate); !errors.Is(err, certs.ErrRevoked) {
		t.Errorf("a revoked host: %v", err)
	}
}

// meet is a handshake on loopback, as the server saw it.
func meet(t *testing.T, server *certs.Server, host tls.Certificate, root *x509.Certificate) error {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", server.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	roots := x509.NewCertPool()
	roots.AddCert(root)
	go func() {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			return
		}
		defer conn.Close()
		client := tls.Client(conn, &tls.Config{ServerName: "localhost", RootCAs: roots, Certificates: []tls.Certificate{host}})
		client.Read(make([]byte, 1)) // until the server closes
	}()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn.(*tls.Conn).Handshake()
}

func TestPKIRandomPassword(t *testing.T) {
	dir := t.TempDir()
	mustPKI(t, "init", "--dir", dir)
	out, log := mustPKI(t, "client", "--dir", dir, "--machine", "old.lab.example", "--pfx-legacy")
	said := regexp.MustCompile(`(?m)^PFX password, not shown again: ([A-Z2-7]{26,})$`).FindStringSubmatch(log)
	if said == nil {
		t.Fatalf("stderr %q", log)
	}
	if strings.Contains(out, said[1]) {
		t.Error("the password is on stdout")
	}
	pfx, err := os.ReadFile(filepath.Join(dir, "clients", "old.lab.example.pfx"))
	if err != nil {
		t.Fatal(err)
	}
	if _, cert, _, err := pkcs12.DecodeChain(pfx, said[1]); err != nil || cert.DNSNames[0] != "old.lab.example" {
		t.Error(err)
	}
}

func TestPKIRefuses(t *testing.T) {
	dir, fresh := t.TempDir(), t.TempDir()
	mustPKI(t, "init", "--dir", dir)
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, []byte("\nx"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		usage bool
		args  []string
		words string
	}{
		{false, []string{"init", "--dir", dir}, "ca.pem: file already exists"},
		{false, []string{"server", "--dir", fresh, "--host", "a.example"}, "wefka pki init"},
		{false, []string{"client", "--dir", fresh, "--machine", "a.example"}, "wefka pki init"},
		{false, []string{"crl", "--dir", fresh}, "wefka pki init"},
		{true, []string{"server", "--dir", dir}, "--host is missing"},
		{true, []string{"client", "--dir", dir}, "--machine is missing"},
		{true, []string{"init", "--dir", dir, "--days", "0"}, "at least 1"},
		{false, []string{"server", "--dir", dir, "--host", "https://a.example"}, "without scheme"},
		{false, []string{"client", "--dir", dir, "--machine", "a.example", "--machine", "../../etc/x"}, "no host name"},
		{false, []string{"client", "--dir", dir, "--machine", "a.example", "--pfx-password-file", empty}, "first line is empty"},
		{false, []string{"client", "--dir", dir, "--machine", "a.example", "--pfx-password-file", filepath.Join(dir, "none")}, "read PFX password"},
		{false, []string{"crl", "--dir", dir, "--revoke", filepath.Join(dir, "ca.pem")}, "authority itself"},
		{false, []string{"crl", "--dir", dir, "--revoke", filepath.Join(dir, "none")}, "no such file"},
	} {
		out, _, err := runPKI(row.args...)
		if err == nil || !strings.Contains(err.Error(), row.words) {
			t.Errorf("%v: error %v, want %q", row.args, err, row.words)
		}
		if got := errors.As(err, new(usageError)); got != row.usage {
			t.Errorf("%v: usage error %v, want %v", row.args, got, row.usage)
		}
		if out != "" {
			t.Errorf("%v: stdout %q", row.args, out)
		}
	}
	if entries, _ := os.ReadDir(filepath.Join(dir, "clients")); len(entries) != 0 {
		t.Errorf("half done: %v", entries)
	}
}

func TestPKIHelp(t *testing.T) {
	for command, words := range map[string][]string{
		"init":   {"IssuerCA=THUMBPRINT", "certutil -addstore -f Root ca.pem", "--name", "(default 3650)"},
		"server": {"--host", "Server=", "wefka check", "(default 825)"},
		"client": {"-importpfx", "NETWORK SERVICE", "--pfx-legacy", "--pfx-password-file", "printed once on stderr"},
		"crl":    {"--revoke", "crl_required", "(default 30)"},
	} {
		out, _ := mustPKI(t, command, "--help")
		for _, w := range append(words, "Examples:", "--dir") {
			if !strings.Contains(out, w) {
				t.Errorf("help of %s does not say %q:\n%s", command, w, out)
			}
		}
	}
}
