package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// IssueServer makes a certificate for a collector that hosts reach under any of these names or IP addresses; the first one is also
// its common name. 0 days means [ServerDays]; it never outlives the authority.
func (a *Authority) IssueServer(hosts []string, days int) (*Pair, error) {
	if len(hosts) == 0 {
		return nil, errors.New("issue server certificate: name at least one host, as it stands in Server= of the policy")
	}
	template, err := a.leaf(days, ServerDays)
	if err != nil {
		return nil, fmt.Errorf("issue server certificate: %w", err)
	}
	// Windows refuses a server without it (requirement of WinRM over HTTPS).
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for i, host := range hosts {
		name := strings.Trim(host, "[]")
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if name, err = serverName(host); err != nil {
			return nil, fmt.Errorf("issue server certificate: %w", err)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
		if i == 0 {
			template.Subject = commonName(name) // old sources look at the common name
		}
	}
	p, err := a.issue(template)
	if err != nil {
		return nil, fmt.Errorf("issue server certificate: %w", err)
	}
	// A host has the root, it does not have what is between: the server must send it.
	for _, c := range append([]*x509.Certificate{a.Certificate}, a.parents...) {
		if !selfSigned(c) {
			p.Chain = append(p.Chain, c)
		}
	}
	return p, nil
}

// IssueClient makes a certificate for one Windows machine, by its fully qualified name. Pair.Chain is empty, as Windows sends the
// leaf alone. 0 days means [ClientDays]; it never outlives the authority.
func (a *Authority) IssueClient(machine string, days int) (*Pair, error) {
	name, err := dnsName(machine)
	if err != nil {
		return nil, fmt.Errorf("issue client certificate: %w", err)
	}
	template, err := a.leaf(days, ClientDays)
	if err != nil {
		return nil, fmt.Errorf("issue client certificate for %s: %w", name, err)
	}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} // and no other: a host is no server
	template.DNSNames = []string{name}                                    // the identity that the collector will see
	template.Subject = commonName(name)                                   // Windows wants the subject to match the machine
	p, err := a.issue(template)
	if err != nil {
		return nil, fmt.Errorf("issue client certificate for %s: %w", name, err)
	}
	return p, nil
}

// leaf is what server and client certificates have in common.
func (a *Authority) leaf(days, otherwise int) (*x509.Certificate, error) {
	life, err := lifetime(days, otherwise)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if !now.Before(a.Certificate.NotAfter) {
		return nil, fmt.Errorf("the authority expired on %s: make a new one", date(a.Certificate.NotAfter))
	}
	c := &x509.Certificate{
		SerialNumber: serial(),
		NotBefore:    now.Add(-backdate),
		NotAfter:     now.Add(life),
		// All that an ECDHE handshake needs (RFC 8422 5.3); key encipherment would be for RSA key exchange, which we do not speak.
		KeyUsage: x509.KeyUsageDigitalSignature,
		// RFC 5280 4.2.1.9: says in as many words that this is no CA.
		BasicConstraintsValid: true,
		// No CRL or OCSP address: a host that finds one and cannot reach it refuses the connection.
	}
	// A chain is valid as long as its weakest link; a later date would only hide that.
	if c.NotAfter.After(a.Certificate.NotAfter) {
		c.NotAfter = a.Certificate.NotAfter
	}
	if c.NotBefore.Before(a.Certificate.NotBefore) {
		c.NotBefore = a.Certificate.NotBefore
	}
	return c, nil
}

func (a *Authority) issue(template *x509.Certificate) (*Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	c, err := sign(template, a.Certificate, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	return &Pair{Certificate: c, Key: key}, nil
}

// commonName leaves out what does not fit: a common name has at most 64 characters (RFC 5280 appendix A.1), a DNS name up to 253. The
// SAN has it whole.
func commonName(name string) pkix.Name {
	if len(name) > 64 {
		return pkix.Name{}
	}
	return pkix.Name{CommonName: name}
}

// serverName is a DNS name that may begin with a wildcard.
func serverName(s string) (string, error) {
	rest, wild := strings.CutPrefix(s, "*.")
	name, err := dnsName(rest)
	if wild && err == nil {
		name = "*." + name
	}
	return name, err
}

// dnsName is s in lower case, if it can be a DNS name. Underscores are allowed, since NetBIOS names have them.
func dnsName(s string) (string, error) {
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	if name == "" || len(name) > 253 {
		return "", fmt.Errorf("%q is no host name: write it as wec01.corp.example", s)
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", fmt.Errorf("%q is no host name: write it as wec01.corp.example", s)
		}
		for i := range len(label) {
			switch c := label[i]; {
			case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
			default:
				return "", fmt.Errorf("%q is no host name: write it as wec01.corp.example, without scheme, port or path (other alphabets as xn--…)", s)
			}
		}
	}
	return name, nil
}

func selfSigned(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, c.RawIssuer) }
