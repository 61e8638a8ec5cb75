package certs

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"slices"
	"time"
)

// CRLDays is how long a CRL speaks for its authority when nobody says; a new one must be there before.
const CRLDays = 30

// Revoke makes a CRL (PEM) that takes back certs and everything that previous, an earlier CRL of the same authority, took back; nil:
// there was none. With no certs it says the same again for days more. 0 days means [CRLDays].
func (a *Authority) Revoke(previous []byte, certs []*x509.Certificate, days int) ([]byte, error) {
	life, err := lifetime(days, CRLDays)
	if err != nil {
		return nil, fmt.Errorf("make CRL: %w", err)
	}
	now := time.Now()
	// Numbers only grow (RFC 5280 5.2.3). The clock counts by itself, and nobody has to keep a counter.
	number := big.NewInt(now.Unix())
	var entries []x509.RevocationListEntry
	if previous != nil {
		old, err := parseCRL(previous)
		if err != nil {
			return nil, fmt.Errorf("read the earlier CRL: %w", err)
		}
		if err := old.CheckSignatureFrom(a.Certificate); err != nil {
			return nil, fmt.Errorf("the earlier CRL is not of %s: %w", title(a.Certificate), err)
		}
		entries = old.RevokedCertificateEntries
		if old.Number != nil && old.Number.Cmp(number) >= 0 {
			number.Add(old.Number, big.NewInt(1))
		}
	}
	for _, c := range certs {
		if c.Equal(a.Certificate) {
			return nil, fmt.Errorf("make CRL: %s is the authority itself: take it out of client_ca and out of the Root store of the hosts", title(c))
		}
		if err := c.CheckSignatureFrom(a.Certificate); err != nil {
			return nil, fmt.Errorf("make CRL: %s was not issued by %s: %w", title(c), title(a.Certificate), err)
		}
		if !slices.ContainsFunc(entries, func(e x509.RevocationListEntry) bool { return e.SerialNumber.Cmp(c.SerialNumber) == 0 }) {
			entries = append(entries, x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: now})
		}
	}
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: number,
		// As certificates: a slow clock is no reason to doubt it.
		ThisUpdate:                now.Add(-backdate),
		NextUpdate:                now.Add(life),
		RevokedCertificateEntries: entries,
	}, a.Certificate, a.key)
	if err != nil {
		return nil, fmt.Errorf("make CRL: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), nil
}

func loadCRL(file string) (*x509.RevocationList, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read CRL: %w", err)
	}
	list, err := parseCRL(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return list, nil
}

// parseCRL reads one CRL, PEM or DER, and refuses what it cannot judge by: an extension that is critical and unknown to us means that
// the list does not say what it seems to say (RFC 5280 5.2).
func parseCRL(b []byte) (*x509.RevocationList, error) {
	der := b
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "X509 CRL" {
			der = block.Bytes
			break
		}
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, fmt.Errorf("no CRL in it, PEM (-----BEGIN X509 CRL-----) or DER: %w", err)
	}
	if list.NextUpdate.IsZero() {
		return nil, errors.New("the CRL names no next update, so nobody can tell when it is stale (RFC 5280 5.1.2.5)")
	}
	for _, e := range list.Extensions {
		switch {
		case e.Id.String() == "2.5.29.27":
			return nil, errors.New("this is a delta CRL: name the base CRL, which is complete")
		case e.Critical:
			return nil, fmt.Errorf("the CRL has the critical extension %v and may cover only some certificates: publish a complete one", e.Id)
		}
	}
	for _, entry := range list.RevokedCertificateEntries {
		for _, e := range entry.Extensions {
			if e.Critical {
				return nil, fmt.Errorf("an entry of the CRL has the critical extension %v (an indirect CRL?): publish a plain one", e.Id)
			}
		}
	}
	return list, nil
}
