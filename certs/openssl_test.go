package certs_test

import (
	"crypto/x509"
	"path/filepath"
	"strings"
	"testing"
)

// What we make, as a foreign implementation sees it.
func TestOpenSSL(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	a := authority(t, "Lab authority")
	if err := a.Save(dir); err != nil {
		t.Fatal(err)
	}
	server, err := a.IssueServer([]string{host, "192.0.2.7"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Save(file("server.pem"), file("server.key")); err != nil {
		t.Fatal(err)
	}
	pc := client(t, a, "pc.example")
	if err := pc.Save(file("pc.pem"), file("pc.key")); err != nil {
		t.Fatal(err)
	}
	list, err := a.Revoke(nil, []*x509.Certificate{pc.Certificate}, 0)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file("crl.pem"), list)
	for name, legacy := range map[string]bool{"modern.pfx": false, "legacy.pfx": true} {
		b, err := pc.PFX("secret", legacy, a.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		write(t, file(name), b)
	}

	for _, row := range []struct {
		ok   bool
		args []string
		says []string
	}{
		{true, []string{"verify", "-x509_strict", "-CAfile", file("ca.pem"), "-purpose", "sslserver", "-verify_hostname", host, file("server.pem")}, []string{"OK"}},
		{true, []string{"verify", "-x509_strict", "-CAfile", file("ca.pem"), "-purpose", "sslserver", "-verify_ip", "192.0.2.7", file("server.pem")}, []string{"OK"}},
		{true, []string{"verify", "-x509_strict", "-CAfile", file("ca.pem"), "-purpose", "sslclient", file("pc.pem")}, []string{"OK"}},
		{false, []string{"verify", "-CAfile", file("ca.pem"), "-purpose", "sslserver", file("pc.pem")}, []string{"purpose"}},
		{false, []string{"verify", "-CAfile", file("ca.pem"), "-purpose", "sslclient", file("server.pem")}, []string{"purpose"}},
		{true, []string{"crl", "-in", file("crl.pem"), "-CAfile", file("ca.pem"), "-noout"}, []string{"verify OK"}},
		{true, []string{"verify", "-crl_check", "-CRLfile", file("crl.pem"), "-CAfile", file("ca.pem"), file("server.pem")}, []string{"OK"}},
		{false, []string{"verify", "-crl_check", "-CRLfile", file("crl.pem"), "-CAfile", file("ca.pem"), file("pc.pem")}, []string{"revoked"}},
		{true, []string{"pkey", "-in", file("ca.key"), "-noout", "-check"}, []string{"valid"}},
		{true, []string{"pkcs12", "-in", file("modern.pfx"), "-passin", "pass:secret", "-info", "-noout"}, []string{"MAC: sha256", "PBES2, PBKDF2, AES-256-CBC"}},
		{true, []string{"pkcs12", "-in", file("legacy.pfx"), "-passin", "pass:secret", "-info", "-noout"}, []string{"MAC: sha1", "pbeWithSHA1And3-KeyTripleDES-CBC"}},
		{false, []string{"pkcs12", "-in", file("modern.pfx"), "-passin", "pass:wrong", "-noout"}, []string{"invalid password"}},
	} {
		out, err := openssl(t, row.args...)
		if (err == nil) != row.ok {
			t.Errorf("%v, want success %v\n%s", err, row.ok, out)
		}
		for _, s := range row.says {
			if !strings.Contains(out, s) {
				t.Errorf("openssl %s does not say %q:\n%s", strings.Join(row.args, " "), s, out)
			}
		}
	}
}
