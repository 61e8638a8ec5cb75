package certs

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"time"
)

// Make signs whatever a test needs, also what nobody should issue.
func (a *Authority) Make(template *x509.Certificate, key crypto.Signer) *Pair {
	c, err := sign(template, a.Certificate, key.Public(), a.key)
	if err != nil {
		panic(err)
	}
	return &Pair{Certificate: c, Key: key}
}

// Below makes a CA under a.
func (a *Authority) Below(name string, key crypto.Signer) *Authority {
	p := a.Make(&x509.Certificate{SerialNumber: serial(), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true}, key)
	return &Authority{Certificate: p.Certificate, parents: []*x509.Certificate{a.Certificate}, key: key}
}

// Root makes a self-signed CA with any key.
func Root(name string, key crypto.Signer, notAfter time.Time) *Authority {
	template := &x509.Certificate{SerialNumber: serial(), Subject: pkix.Name{CommonName: name}, NotBefore: notAfter.Add(-24 * time.Hour), NotAfter: notAfter,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true}
	c, err := sign(template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return &Authority{Certificate: c, key: key}
}

// CRL signs any list.
func (a *Authority) CRL(template *x509.RevocationList) []byte {
	der, err := x509.CreateRevocationList(rand.Reader, template, a.Certificate, a.key)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

var (
	ParseCertificates = parseCertificates
	ParseKey          = parseKey
	ParseCRL          = parseCRL
)
