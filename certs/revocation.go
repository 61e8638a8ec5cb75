package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Why a client with a good certificate stays outside.
var (
	ErrRevoked = errors.New("client certificate revoked")
	ErrNoCRL   = errors.New("no valid CRL of the client's issuer, and crl_required is set")
)

// Reason is one word for a failed handshake, of a closed set: no_cert unknown_ca expired eku revoked protocol.
func Reason(err error) string {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.Is(err, ErrRevoked), errors.Is(err, ErrNoCRL):
		return "revoked"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "expired"
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return "eku"
	case errors.As(err, &unknown), errors.As(err, new(*tls.CertificateVerificationError)):
		return "unknown_ca"
	case err != nil && strings.Contains(err.Error(), "client didn't provide a certificate"): // crypto/tls has no type for it
		return "no_cert"
	}
	return "protocol"
}

// revocations are the CRLs in force, by issuer.
type revocations struct {
	byIssuer map[string]*revoked
	required bool
}

// revoked is one issuer's CRL.
type revoked struct {
	issuer     string // for people
	thisUpdate time.Time
	nextUpdate time.Time
	serials    map[string]bool // big-endian bytes
}

func (r *revoked) valid(now time.Time) bool {
	return !now.Before(r.thisUpdate) && !now.After(r.nextUpdate)
}

// issuerKey tells CAs apart as signatures do. A CA that was renewed with the same key keeps its CRL; two of the same name do not
// speak for each other.
func issuerKey(ca *x509.Certificate) string {
	return string(ca.RawSubject) + "\x00" + string(ca.RawSubjectPublicKeyInfo)
}

// readCRLs takes only lists that a CA of ours has signed. Of two by the same CA the later one counts.
func readCRLs(files []string, cas []*x509.Certificate, required bool) (revocations, error) {
	lists := revocations{byIssuer: map[string]*revoked{}, required: required}
	for _, file := range files {
		list, err := loadCRL(file)
		if err != nil {
			return lists, err
		}
		ca, err := signer(list, cas)
		if err != nil {
			return lists, fmt.Errorf("%s: %w; name the CRLs of the authorities in client_ca", file, err)
		}
		key := issuerKey(ca)
		if old := lists.byIssuer[key]; old != nil && old.thisUpdate.After(list.ThisUpdate) {
			continue
		}
		r := &revoked{issuer: name(ca), thisUpdate: list.ThisUpdate, nextUpdate: list.NextUpdate, serials: map[string]bool{}}
		for _, e := range list.RevokedCertificateEntries {
			r.serials[string(e.SerialNumber.Bytes())] = true
		}
		lists.byIssuer[key] = r
	}
	return lists, nil
}

func signer(list *x509.RevocationList, cas []*x509.Certificate) (*x509.Certificate, error) {
	err := errors.New("no CA of that name is in client_ca")
	for _, ca := range cas {
		if !bytes.Equal(ca.RawSubject, list.RawIssuer) {
			continue
		}
		if err = list.CheckSignatureFrom(ca); err == nil {
			return ca, nil
		}
	}
	return nil, fmt.Errorf("CRL of %q: %w", list.Issuer, err)
}

// check refuses a client when any way up has a revoked link. A stale list still revokes: nobody becomes trustworthy because a CRL was
// not renewed. Only the leaf's issuer must have a list when lists are required.
func (l revocations) check(chains [][]*x509.Certificate, now time.Time) error {
	for _, chain := range chains {
		for i := range len(chain) - 1 {
			r := l.byIssuer[issuerKey(chain[i+1])]
			if r != nil && r.serials[string(chain[i].SerialNumber.Bytes())] {
				return fmt.Errorf("%w: %s, serial %x, by %s", ErrRevoked, title(chain[i]), chain[i].SerialNumber, r.issuer)
			}
			if i == 0 && l.required && (r == nil || !r.valid(now)) {
				return fmt.Errorf("%w: issuer %s", ErrNoCRL, title(chain[1]))
			}
		}
	}
	return nil
}

// problems are lists that do not do what somebody may think they do.
func (l revocations) problems(cas []*x509.Certificate, now time.Time) []Problem {
	var found []Problem
	for _, ca := range cas {
		r := l.byIssuer[issuerKey(ca)]
		switch {
		case r == nil && l.required:
			found = append(found, Problem{Text: fmt.Sprintf("no CRL of %s: none of its clients can enter", title(ca)),
				Remedy: "add its CRL to crl, or set crl_required: false"})
		case r != nil && !r.valid(now):
			p := Problem{Text: fmt.Sprintf("the CRL of %s is valid from %s to %s, not now", title(ca), date(r.thisUpdate), date(r.nextUpdate)),
				Remedy: "publish a new one (own authority: wefka pki crl)"}
			if l.required {
				p.Text += ": none of its clients can enter"
			}
			found = append(found, p)
		}
	}
	return found
}
