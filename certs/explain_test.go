package certs_test

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/certs"
)

func TestExplain(t *testing.T) {
	ca := authority(t, "issuing")
	issue := func(bend func(*x509.Certificate)) *x509.Certificate {
		return ca.Make(leaf(host, bend), ecKey(elliptic.P256())).Certificate
	}
	good := issue(nil)
	other := authority(t, "other")
	for name, row := range map[string]struct {
		chain []*x509.Certificate
		host  string
		fatal bool
		words []string // none: nothing to complain about
	}{
		"good":           {chain: []*x509.Certificate{good}, host: host},
		"good, any case": {chain: []*x509.Certificate{good, ca.Certificate}, host: "WEC.Example"},
		"no name asked":  {chain: []*x509.Certificate{good}},
		"any EKU":        {chain: []*x509.Certificate{issue(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} })}},
		"nothing":        {nil, host, true, []string{"no certificate", "pki server"}},
		"other name":     {[]*x509.Certificate{good}, "wec01", true, []string{"hosts connect to wec01", "is for wec.example", "Server="}},
		"no EKU": {[]*x509.Certificate{issue(func(c *x509.Certificate) { c.ExtKeyUsage = nil })}, host, false,
			[]string{"no extended key usage"}},
		"only a CN": {[]*x509.Certificate{issue(func(c *x509.Certificate) { c.DNSNames = nil })}, host, true, []string{"no subject alternative name"}},
		"revocation": {[]*x509.Certificate{issue(func(c *x509.Certificate) {
			c.CRLDistributionPoints, c.OCSPServer = []string{"ldap:///CN=x"}, []string{"http://ocsp.example"}
		})}, host, false, []string{"ldap:///CN=x, http://ocsp.example", "refuse the server if nothing answers", "members only"}},
		"key usage": {[]*x509.Certificate{issue(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })}, host, false,
			[]string{"digital signatures"}},
		"stranger behind": {[]*x509.Certificate{good, other.Certificate}, host, false, []string{`"other"`, "did not issue it", "order the file"}},
		"expired above": {[]*x509.Certificate{good, certs.Root("issuing", ecKey(elliptic.P256()), time.Now().Add(-time.Hour)).Certificate}, host, false,
			[]string{"expired on"}},
	} {
		t.Run(name, func(t *testing.T) {
			found := certs.Explain(row.chain, row.host, time.Now())
			if len(row.words) == 0 {
				if len(found) != 0 {
					t.Errorf("found %v", found)
				}
				return
			}
			fatal, all := false, ""
			for _, p := range found {
				if p.Text == "" || p.Remedy == "" {
					t.Errorf("problem without text or remedy: %+v", p)
				}
				fatal, all = fatal || p.Fatal, all+p.Error()+"\n"
			}
			if fatal != row.fatal {
				t.Errorf("fatal %v: %v", fatal, found)
			}
			for _, w := range row.words {
				if !strings.Contains(all, w) {
					t.Errorf("%q does not say %q", all, w)
				}
			}
		})
	}
	if found := certs.Explain([]*x509.Certificate{good}, host, good.NotAfter.Add(time.Second)); len(found) != 1 || !found[0].Fatal {
		t.Errorf("after its end: %v", found)
	}
}

// sha1Signed forges what crypto/x509 does not sign any more: the certificate names SHA-1, its signature fits nothing.
func sha1Signed(t *testing.T, ca *certs.Authority) *certs.Pair {
	t.Helper()
	p := ca.Make(leaf(host, nil), ecKey(elliptic.P256()))
	withRSA := []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01} // 1.2.840.113549.1.1, then 11 for SHA-256, 5 for SHA-1
	c, err := x509.ParseCertificate(bytes.ReplaceAll(p.Certificate.Raw, append(withRSA[:8:8], 11), append(withRSA[:8:8], 5)))
	if err != nil {
		t.Fatal(err)
	}
	return &certs.Pair{Certificate: c, Key: p.Key}
}

func TestUTF16FromWindowsIsNamed(t *testing.T) {
	_, err := certs.ParseCertificates([]byte{0xff, 0xfe, '-', 0})
	wantError(t, err, "UTF-16")
	_, err = certs.ParseKey(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: []byte{1}}))
	wantError(t, err, "no private key")
}
