package certs_test

import (
	"bytes"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/certs"
)

func TestRevoked(t *testing.T) {
	b := newBench(t)
	good, bad := client(t, b.ca, "good.example"), client(t, b.ca, "bad.example")
	b.load(t)
	config := b.Config()
	tickets := map[uint16]*tls.Config{}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c := source(bad)
		c.MinVersion, c.MaxVersion, c.ClientSessionCache = version, version, tls.NewLRUClientSessionCache(1)
		tickets[version] = c
		for _, resumed := range []bool{false, true} {
			if state, err := shake(t, config, c); err != nil || state.DidResume != resumed {
				t.Fatalf("version %x: %v, resumed %v, want %v", version, err, state.DidResume, resumed)
			}
		}
	}
	b.revoke(t, b.ca, bad.Certificate)
	b.load(t)
	b.enters(t, source(good))
	if err := b.refused(t, source(bad), "revoked"); !errors.Is(err, certs.ErrRevoked) || !strings.Contains(err.Error(), "bad.example") {
		t.Errorf("error %v", err)
	}
	for version, c := range tickets { // a ticket from before is no way round
		if _, err := shake(t, config, c); !errors.Is(err, certs.ErrRevoked) {
			t.Errorf("version %x with a ticket: %v", version, err)
		}
	}
}

func TestCRLRequired(t *testing.T) {
	b := newBench(t)
	pc, gone := client(t, b.ca, "pc.example"), client(t, b.ca, "gone.example")
	b.CRLRequired = true
	b.load(t)
	if err := b.refused(t, source(pc), "revoked"); !errors.Is(err, certs.ErrNoCRL) {
		t.Errorf("no CRL at all: %v", err)
	}
	wantWarning(t, b, "no CRL of", "none of its clients can enter")

	b.revoke(t, b.ca)
	b.load(t)
	b.enters(t, source(pc))
	if w := b.Warnings(); len(w) != 0 {
		t.Errorf("warnings %v", w)
	}

	stale := &x509.RevocationList{Number: pc.Certificate.SerialNumber, ThisUpdate: time.Now().Add(-2 * time.Hour), NextUpdate: time.Now().Add(-time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: gone.Certificate.SerialNumber, RevocationTime: time.Now()}}}
	write(t, b.CRL[0], b.ca.CRL(stale))
	b.load(t)
	if err := b.refused(t, source(pc), "revoked"); !errors.Is(err, certs.ErrNoCRL) {
		t.Errorf("stale CRL: %v", err)
	}
	wantWarning(t, b, "not now", "wefka pki crl")

	b.CRLRequired = false
	b.load(t)
	b.enters(t, source(pc))
	b.refused(t, source(gone), "revoked") // stale or not
	wantWarning(t, b, "not now")

	early := *stale
	early.ThisUpdate, early.NextUpdate = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
	write(t, b.CRL[0], b.ca.CRL(&early))
	b.CRLRequired = true
	b.load(t)
	b.refused(t, source(pc), "revoked")
}

// Two CAs of one name do not speak for each other, and the later of two lists counts.
func TestCRLByIssuer(t *testing.T) {
	b := newBench(t)
	twin := authority(t, "issuing")
	pc := client(t, b.ca, "pc.example")
	same := twin.Make(leaf("same.example", func(c *x509.Certificate) { asClient(c); c.SerialNumber = pc.Certificate.SerialNumber }), ecKey(elliptic.P256()))
	b.trust(t, twin.Certificate, b.ca.Certificate)
	b.revoke(t, b.ca, pc.Certificate)
	b.load(t)
	b.refused(t, source(pc), "revoked")
	b.enters(t, source(same))

	older := &x509.RevocationList{Number: pc.Certificate.SerialNumber, ThisUpdate: time.Now().Add(-24 * time.Hour), NextUpdate: time.Now().Add(time.Hour)}
	b.CRL = append(b.CRL, write(t, filepath.Join(b.dir, "older.pem"), b.ca.CRL(older)))
	b.load(t)
	b.refused(t, source(pc), "revoked")

	b.trust(t, twin.Certificate)
	wantError(t, b.Load(), "crl.pem", "issuing", "client_ca")
}

func wantWarning(t *testing.T, b *bench, words ...string) {
	t.Helper()
	var all bytes.Buffer
	for _, w := range b.Warnings() {
		all.WriteString(w.Error() + "\n")
	}
	for _, w := range words {
		if !strings.Contains(all.String(), w) {
			t.Errorf("warnings %q do not say %q", all.String(), w)
		}
	}
}
