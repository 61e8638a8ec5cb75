package simulator

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/wefka/wefka/certs"
)

// newHolder makes a host that has a certificate.
func newHolder(r *run, index int, name string) (*machine, error) {
	m := newMachine(r, index, name)
	var certificate tls.Certificate
	if r.Issuer != nil {
		pair, err := r.Issuer.IssueClient(name, 0)
		if err != nil {
			return nil, fmt.Errorf("simulator: %w", err)
		}
		certificate = pair.TLS()
		m.issuer = certs.Thumbprint(r.Issuer.Certificate)
	} else {
		certificate = *r.Certificate
		var err error
		if m.issuer, err = r.aboveCertificate(&certificate); err != nil {
			return nil, err
		}
	}
	m.identity = identityOf(certificate.Leaf)
	certificate.Certificate = certificate.Certificate[:1] // Windows sends the leaf alone
	m.tls = &tls.Config{RootCAs: r.CA, Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	return m, nil
}

// aboveCertificate gives the thumbprint of the CA that issued the fleet's certificate, if it is beside it or among the trusted ones.
func (r *run) aboveCertificate(c *tls.Certificate) (string, error) {
	if c.Leaf == nil {
		var err error
		if c.Leaf, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
			return "", fmt.Errorf("simulator: client certificate: %w", err)
		}
	}
	if len(c.Certificate) > 1 {
		above, err := x509.ParseCertificate(c.Certificate[1])
		if err != nil {
			return "", fmt.Errorf("simulator: issuer of the client certificate: %w", err)
		}
		return certs.Thumbprint(above), nil
	}
	chains, err := c.Leaf.Verify(x509.VerifyOptions{Roots: r.CA, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil || len(chains[0]) < 2 {
		r.warn("issuer of the client certificate is not known, so the one that a subscription demands is not checked", "")
		return "", nil
	}
	return certs.Thumbprint(chains[0][1]), nil
}

// identityOf is the name that a collector takes from a certificate: the one DNS name, else the common name.
func identityOf(c *x509.Certificate) string {
	if len(c.DNSNames) == 1 {
		return strings.ToLower(c.DNSNames[0])
	}
	return strings.ToLower(c.Subject.CommonName)
}
