package certs_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/certs"
)

func TestNew(t *testing.T) {
	a := authority(t, "Lab authority")
	c := a.Certificate
	if key, ok := c.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		t.Errorf("key is %T, want ECDSA P-256", c.PublicKey)
	}
	if !c.IsCA || c.MaxPathLen != 0 || !c.MaxPathLenZero || c.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign || len(c.ExtKeyUsage) != 0 {
		t.Errorf("IsCA %v, path length %d, key usage %b, EKU %v", c.IsCA, c.MaxPathLen, c.KeyUsage, c.ExtKeyUsage)
	}
	if c.Subject.String() != "CN=Lab authority" || len(c.SubjectKeyId) == 0 {
		t.Errorf("subject %q, key id %x", c.Subject, c.SubjectKeyId)
	}
	wantLife(t, c, certs.AuthorityDays)
	if print := certs.Thumbprint(c); len(print) != 40 || strings.ToUpper(print) != print {
		t.Errorf("thumbprint %q", print)
	}
	_, err := certs.New("", 0)
	wantError(t, err, "name")
	_, err = certs.New("x", -1)
	wantError(t, err, "lifetime")
}

func wantLife(t *testing.T, c *x509.Certificate, days int) {
	t.Helper()
	now := time.Now()
	if slow := now.Sub(c.NotBefore); slow < 59*time.Minute || slow > 2*time.Hour {
		t.Errorf("valid since %v, want about an hour ago", c.NotBefore)
	}
	want := time.Duration(days) * 24 * time.Hour
	if left := c.NotAfter.Sub(now); left > want || left < want-time.Minute {
		t.Errorf("valid for %v, want %v", left, want)
	}
}

func TestIssueServer(t *testing.T) {
	a := authority(t, "a")
	p, err := a.IssueServer([]string{"WEC01.corp.example.", "wec.corp.example", "*.lab.example", "192.0.2.7", "[2001:db8::1]"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := p.Certificate
	if c.Subject.CommonName != "wec01.corp.example" || len(p.Chain) != 0 {
		t.Errorf("CN %q, chain of %d", c.Subject.CommonName, len(p.Chain))
	}
	for _, host := range []string{"wec01.corp.example", "WEC.corp.example", "x.lab.example", "192.0.2.7", "2001:db8::1"} {
		if err := c.VerifyHostname(host); err != nil {
			t.Errorf("%s: %v", host, err)
		}
		if problems := certs.Explain([]*x509.Certificate{c}, host, time.Now()); len(problems) != 0 {
			t.Errorf("Windows would refuse %s: %v", host, problems)
		}
	}
	wantLeaf(t, a, c, x509.ExtKeyUsageServerAuth)
	wantLife(t, c, certs.ServerDays)

	first, err := a.IssueServer([]string{"192.0.2.7", "b.example"}, 1)
	if err != nil || first.Certificate.Subject.CommonName != "192.0.2.7" {
		t.Errorf("CN %q, %v; want the first host", first.Certificate.Subject.CommonName, err)
	}
	for _, bad := range []string{"", "https://wec01.corp.example", "wec01.corp.example:5986", "a b", "-a.example", "münchen.example", "a..b", "../x", "a.*.example", strings.Repeat("a.", 127) + "b"} {
		if _, err := a.IssueServer([]string{bad}, 0); err == nil {
			t.Errorf("issued for %q", bad)
		}
	}
	_, err = a.IssueServer(nil, 0)
	wantError(t, err, "at least one host")
}

// wantLeaf holds what server and client certificates have in common.
func wantLeaf(t *testing.T, a *certs.Authority, c *x509.Certificate, eku x509.ExtKeyUsage) {
	t.Helper()
	if len(c.ExtKeyUsage) != 1 || c.ExtKeyUsage[0] != eku || c.KeyUsage != x509.KeyUsageDigitalSignature || c.IsCA || !c.BasicConstraintsValid {
		t.Errorf("EKU %v, key usage %b, CA %v", c.ExtKeyUsage, c.KeyUsage, c.IsCA)
	}
	if len(c.CRLDistributionPoints)+len(c.OCSPServer)+len(c.IssuingCertificateURL) != 0 {
		t.Error("there is a revocation address that a host might not reach")
	}
	if bits := c.SerialNumber.BitLen(); bits != 127 {
		t.Errorf("serial of %d bits", bits)
	}
	if err := c.CheckSignatureFrom(a.Certificate); err != nil {
		t.Error(err)
	}
}

func TestIssueClient(t *testing.T) {
	a := authority(t, "a")
	c := client(t, a, "PC-4471.Corp.Example").Certificate
	if c.Subject.CommonName != "pc-4471.corp.example" || len(c.DNSNames) != 1 || c.DNSNames[0] != "pc-4471.corp.example" {
		t.Errorf("CN %q, SAN %v", c.Subject.CommonName, c.DNSNames)
	}
	wantLeaf(t, a, c, x509.ExtKeyUsageClientAuth)
	wantLife(t, c, certs.ClientDays)
	if other := client(t, a, "pc-4471.corp.example").Certificate; other.SerialNumber.Cmp(c.SerialNumber) == 0 {
		t.Error("the same serial twice")
	}
	long := strings.Repeat("a", 60) + ".corp.example"
	if c := client(t, a, long).Certificate; c.Subject.CommonName != "" || c.DNSNames[0] != long {
		t.Errorf("a name of 73 characters: CN %q, SAN %v", c.Subject.CommonName, c.DNSNames)
	}
	for _, bad := range []string{"", "*.corp.example", "a/b", "..", "PC-1$"} {
		if _, err := a.IssueClient(bad, 0); err == nil {
			t.Errorf("issued for %q", bad)
		}
	}
}

func TestLeafNeverOutlivesItsAuthority(t *testing.T) {
	a, err := certs.New("short", 2)
	if err != nil {
		t.Fatal(err)
	}
	if c := client(t, a, "pc.example").Certificate; !c.NotAfter.Equal(a.Certificate.NotAfter) {
		t.Errorf("leaf until %v, authority until %v", c.NotAfter, a.Certificate.NotAfter)
	}
	gone := certs.Root("gone", ecKey(elliptic.P256()), time.Now().Add(-time.Hour))
	_, err = gone.IssueClient("pc.example", 0)
	wantError(t, err, "expired", "make a new one")
}

func TestSaveAndLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	a := authority(t, "kept")
	if err := a.Save(dir); err != nil {
		t.Fatal(err)
	}
	wantMode(t, filepath.Join(dir, "ca.pem"), 0o644)
	wantMode(t, filepath.Join(dir, "ca.key"), 0o600)
	loaded, err := certs.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !loaded.Certificate.Equal(a.Certificate) {
		t.Error("another certificate came back")
	}
	wantLeaf(t, a, client(t, loaded, "pc.example").Certificate, x509.ExtKeyUsageClientAuth)

	before, _ := os.ReadFile(filepath.Join(dir, "ca.key"))
	err = authority(t, "second").Save(dir)
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("second Save: %v", err)
	}
	os.Remove(filepath.Join(dir, "ca.pem"))
	if err := authority(t, "third").Save(dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Save over a lone key: %v", err)
	}
	if after, _ := os.ReadFile(filepath.Join(dir, "ca.key")); string(after) != string(before) {
		t.Error("the key was touched")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left in the folder: %v", entries)
	}
}

func wantMode(t *testing.T, file string, mode os.FileMode) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != mode {
		t.Errorf("%s has mode %v, want %v", file, info.Mode().Perm(), mode)
	}
}

// An existing PKI: RSA issuing CA below a root, as AD CS has it.
func TestForeignIssuingCA(t *testing.T) {
	root := certs.Root("Corp Root CA", ecKey(elliptic.P384()), time.Now().Add(time.Hour))
	issuing := root.Below("Corp Issuing CA", rsaKey())
	dir := t.TempDir()
	if err := issuing.Save(dir); err != nil {
		t.Fatal(err)
	}
	a, err := certs.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.IssueServer([]string{"wec.example"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Chain) != 1 || !p.Chain[0].Equal(issuing.Certificate) {
		t.Errorf("a server must send the issuing CA and not the root; it sends %d", len(p.Chain))
	}
	if c := client(t, a, "pc.example"); len(c.Chain) != 0 || c.Certificate.CheckSignatureFrom(issuing.Certificate) != nil {
		t.Error("a client sends its leaf alone, signed by the issuing CA")
	}

	dir = t.TempDir()
	if err := client(t, a, "pc.example").Save(filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key")); err != nil {
		t.Fatal(err)
	}
	_, err = certs.Load(dir)
	wantError(t, err, "ca.pem", "not a CA certificate")
}
