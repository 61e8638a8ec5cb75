package certs

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Problem is one reason why Windows would, or might, refuse a certificate.
type Problem struct {
	Text   string // what is wrong
	Remedy string // what cures it
	Fatal  bool   // false: it depends on the hosts, or on who is asked
}

func (p Problem) Error() string { return p.Text + "; " + p.Remedy }

// Explain says why a Windows host that was told to connect to host would refuse a server certificate, chain as it is sent, leaf first.
// host "" leaves the name out. Nothing: there is no reason that can be seen from here, but the host must also have the root.
func Explain(chain []*x509.Certificate, host string, now time.Time) []Problem {
	if len(chain) == 0 {
		return []Problem{{"no certificate", "issue one: wefka pki server --host NAME", true}}
	}
	leaf := chain[0]
	var found []Problem
	add := func(p *Problem) {
		if p != nil {
			found = append(found, *p)
		}
	}
	add(dateProblem(leaf, now))
	add(usageProblem(leaf))
	add(nameProblem(leaf, host))
	add(keyProblem(leaf))
	add(keyUsageProblem(leaf))
	for _, c := range chain {
		add(signatureProblem(c))
	}
	add(revocationProblem(leaf))
	for i, c := range chain[1:] {
		if p := dateProblem(c, now); p != nil {
			p.Fatal = false // a host may know another way up
			add(p)
		}
		if err := chain[i].CheckSignatureFrom(c); err != nil {
			add(&Problem{Text: fmt.Sprintf("%s is sent after %s and did not issue it", title(c), title(chain[i])),
				Remedy: "order the file: the server's certificate, its issuer, the issuer's issuer; leave out what does not belong"})
		}
	}
	return found
}

func dateProblem(c *x509.Certificate, now time.Time) *Problem {
	switch {
	case now.After(c.NotAfter):
		return &Problem{fmt.Sprintf("%s expired on %s", title(c), date(c.NotAfter)), "have it issued again", true}
	case now.Before(c.NotBefore):
		return &Problem{fmt.Sprintf("%s is not valid before %s", title(c), date(c.NotBefore)), "set the clock of this machine, or wait", true}
	}
	return nil
}

func usageProblem(c *x509.Certificate) *Problem {
	if slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny) {
		return nil
	}
	p := &Problem{Text: title(c) + " is not for server authentication (EKU 1.3.6.1.5.5.7.3.1 is missing)",
		Remedy: "have it issued from a template for web servers, or with: wefka pki server --host NAME", Fatal: true}
	if len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 {
		p.Text = title(c) + " has no extended key usage; WinRM asks for server authentication (1.3.6.1.5.5.7.3.1)"
		p.Fatal = false // RFC 5280 4.2.1.12: without the extension it is good for everything
	}
	return p
}

func nameProblem(c *x509.Certificate, host string) *Problem {
	if len(c.DNSNames)+len(c.IPAddresses) == 0 {
		return &Problem{title(c) + " has no subject alternative name", "have it issued with the host name of Server= as DNS name", true}
	}
	if host == "" || c.VerifyHostname(host) == nil {
		return nil
	}
	return &Problem{fmt.Sprintf("hosts connect to %s, the certificate is for %s", host, strings.Join(names(c), ", ")),
		"change Server= in the policy to one of these names, or have the certificate issued with " + host, true}
}

// keyProblem is about what Schannel can verify, and what is too weak to be called a signature.
func keyProblem(c *x509.Certificate) *Problem {
	const remedy = "use ECDSA P-256, or RSA with 2048 bits or more"
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < 2048 {
			return &Problem{fmt.Sprintf("%s has an RSA key of %d bits", title(c), key.N.BitLen()), remedy, true}
		}
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() && key.Curve != elliptic.P384() {
			return &Problem{fmt.Sprintf("%s has an ECDSA key on %s, which Windows does not offer", title(c), key.Curve.Params().Name), remedy, true}
		}
	case ed25519.PublicKey:
		return &Problem{title(c) + " has an Ed25519 key, which Windows does not know", remedy, true}
	default:
		return &Problem{fmt.Sprintf("%s has a key of type %v", title(c), c.PublicKeyAlgorithm), remedy, true}
	}
	return nil
}

func keyUsageProblem(c *x509.Certificate) *Problem {
	if c.KeyUsage == 0 || c.KeyUsage&x509.KeyUsageDigitalSignature != 0 {
		return nil
	}
	return &Problem{Text: title(c) + " is not for digital signatures, which every ECDHE handshake makes",
		Remedy: "have it issued with key usage digitalSignature"}
}

func signatureProblem(c *x509.Certificate) *Problem {
	if selfSigned(c) {
		return nil // trusted for being there, not for its signature
	}
	switch c.SignatureAlgorithm {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return &Problem{fmt.Sprintf("%s is signed with %v", title(c), c.SignatureAlgorithm), "have it issued again, signed with SHA-256", true}
	}
	return nil
}

func revocationProblem(c *x509.Certificate) *Problem {
	urls := slices.Concat(c.CRLDistributionPoints, c.OCSPServer)
	if len(urls) == 0 {
		return nil
	}
	return &Problem{Text: "hosts check for revocation at " + strings.Join(urls, ", ") + " and refuse the server if nothing answers",
		Remedy: "make sure that hosts reach it, those outside the domain too (ldap: addresses answer members only), or have it issued without"}
}

// names are those that a host could have in Server=.
func names(c *x509.Certificate) []string {
	list := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		list = append(list, ip.String())
	}
	return list
}

// name is the shortest that tells a certificate from others to a human, in valid UTF-8.
func name(c *x509.Certificate) string {
	switch {
	case c.Subject.CommonName != "":
		return strings.ToValidUTF8(c.Subject.CommonName, "\uFFFD") // a T61String holds anything
	case len(c.DNSNames) > 0:
		return c.DNSNames[0]
	case len(c.RawSubject) > 2:
		return strings.ToValidUTF8(c.Subject.String(), "\uFFFD")
	}
	return fmt.Sprintf("serial %x", c.SerialNumber)
}

func title(c *x509.Certificate) string { return fmt.Sprintf("certificate %q", name(c)) }

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
