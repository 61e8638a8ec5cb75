package certs_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/certs"
)

func TestLoadRefuses(t *testing.T) {
	ca := authority(t, "issuing")
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	rsaCA := certs.Root("old CA", rsaKey(), time.Now().Add(time.Hour))
	for name, row := range map[string]struct {
		pair  *certs.Pair
		words []string
	}{
		"expired":       {ca.Make(leaf(host, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Second) }), ecKey(elliptic.P256())), []string{"server.pem", "expired on", "issued again"}},
		"not yet valid": {ca.Make(leaf(host, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }), ecKey(elliptic.P256())), []string{"not valid before", "clock"}},
		"client EKU":    {client(t, ca, host), []string{"not for server authentication", "pki server"}},
		"no SAN":        {ca.Make(leaf(host, func(c *x509.Certificate) { c.DNSNames = nil }), ecKey(elliptic.P256())), []string{"no subject alternative name"}},
		"Ed25519":       {ca.Make(leaf(host, nil), ed), []string{"Ed25519", "Windows", "P-256"}},
		"P-521":         {ca.Make(leaf(host, nil), ecKey(elliptic.P521())), []string{"P-521"}},
		"RSA 1024":      {ca.Make(leaf(host, nil), small), []string{"1024 bits", "2048"}},
		"SHA-1":         {sha1Signed(t, rsaCA), []string{"SHA1-RSA", "SHA-256"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.serve(t, row.pair)
			wantError(t, b.Load(), row.words...)
			if b.Facts() != nil {
				t.Error("something is in force")
			}
		})
	}
}

func TestLoadRefusesCAs(t *testing.T) {
	b := newBench(t)
	expired := certs.Root("expired CA", ecKey(elliptic.P256()), time.Now().Add(-time.Hour))
	_, ed, _ := ed25519.GenerateKey(nil)

	b.trust(t, b.ca.Certificate, client(t, b.ca, "pc.example").Certificate)
	wantError(t, b.Load(), "cas.pem", "pc.example", "not a CA certificate")
	b.trust(t, expired.Certificate)
	wantError(t, b.Load(), "no CA in it is valid now", "expired on")
	b.trust(t, certs.Root("ed", ed, time.Now().Add(time.Hour)).Certificate)
	wantError(t, b.Load(), "Ed25519")
	write(t, b.ClientCA, nil)
	wantError(t, b.Load(), "no certificate in it")
	b.ClientCA = filepath.Join(b.dir, "none")
	wantError(t, b.Load(), "none", "no such file")

	// One of several: the others' clients must not suffer.
	b.ClientCA = filepath.Join(b.dir, "cas.pem")
	b.trust(t, b.ca.Certificate, expired.Certificate)
	var log bytes.Buffer
	b.Log = slog.New(slog.NewTextHandler(&log, nil))
	b.load(t)
	wantWarning(t, b, "expired CA", "expired on")
	if !strings.Contains(log.String(), "expired CA") {
		t.Errorf("log %q", log.String())
	}
	b.enters(t, source(client(t, b.ca, "pc.example")))
}
