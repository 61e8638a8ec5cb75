package certs_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wefka/wefka/certs"
)

// system is an authority that this whole test process trusts as part of the system pool.
var system *certs.Authority

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "certs-system-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if system, err = certs.New("system authority", 0); err != nil {
		panic(err)
	}
	if err := system.Save(dir); err != nil {
		panic(err)
	}
	// crypto/x509 reads these once, at the first look at the system pool.
	os.Setenv("SSL_CERT_FILE", filepath.Join(dir, "ca.pem"))
	os.Setenv("SSL_CERT_DIR", filepath.Join(dir, "none"))
	return m.Run()
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func ecKey(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func authority(t *testing.T, name string) *certs.Authority {
	t.Helper()
	a, err := certs.New(name, 0)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func client(t *testing.T, a *certs.Authority, machine string) *certs.Pair {
	t.Helper()
	p, err := a.IssueClient(machine, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// leaf is a template that a test bends.
func leaf(name string, bend func(*x509.Certificate)) *x509.Certificate {
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true}
	if bend != nil {
		bend(c)
	}
	return c
}

func asClient(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }

func write(t *testing.T, file string, parts ...[]byte) string {
	t.Helper()
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	if err := os.WriteFile(file, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func pemOf(t *testing.T, chain ...*x509.Certificate) []byte {
	t.Helper()
	cert, _, err := (&certs.Pair{Certificate: chain[0], Chain: chain[1:], Key: ecKey(elliptic.P256())}).PEM()
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// wantError fails unless err has all the words.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

// openssl runs the foreign implementation, or skips where it is not installed.
func openssl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		message := "openssl is not installed; certificates were not shown to a foreign implementation"
		if os.Getenv("CI") == "true" || strings.Contains(os.Getenv("WEFKA_REQUIRE"), "openssl") {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	out, err := exec.Command("openssl", args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("openssl %s: %w", strings.Join(args, " "), err)
	}
	return string(out), err
}
