package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// LoadCertificates reads every certificate of a file: PEM, with text around and between, or DER, as Windows exports by default. At
// least one, in the order of the file.
func LoadCertificates(file string) ([]*x509.Certificate, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	certs, err := parseCertificates(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return certs, nil
}

func parseCertificates(b []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	blocks := 0
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		blocks++
		if block.Type != "CERTIFICATE" && block.Type != "X509 CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(certs)+1, err)
		}
		certs = append(certs, c)
	}
	if blocks == 0 {
		if c, err := x509.ParseCertificates(b); err == nil {
			certs = c
		}
	}
	if len(certs) == 0 {
		return nil, errors.New("no certificate in it: it should hold PEM (-----BEGIN CERTIFICATE-----) or DER" + utf16Hint(b))
	}
	return certs, nil
}

func loadKey(file string) (crypto.Signer, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read private key: %w", err)
	}
	key, err := parseKey(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return key, nil
}

func parseKey(b []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			return nil, errors.New("the private key is encrypted, and a service has nobody to ask: `openssl pkey -in OLD -out NEW`, then chmod 600")
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return parseKeyDER(block.Bytes)
		}
	}
	return nil, errors.New("no private key in it: it should hold PEM (-----BEGIN PRIVATE KEY-----)" + utf16Hint(b))
}

// parseKeyDER goes by the content: files lie about their type.
func parseKeyDER(der []byte) (crypto.Signer, error) {
	var key any
	var err error
	if key, err = x509.ParsePKCS8PrivateKey(der); err != nil {
		if key, err = x509.ParsePKCS1PrivateKey(der); err != nil {
			if key, err = x509.ParseECPrivateKey(der); err != nil {
				return nil, errors.New("the private key is neither PKCS#8 nor PKCS#1 nor SEC 1, or damaged")
			}
		}
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return k, nil
	case *ecdsa.PrivateKey:
		return k, nil
	case ed25519.PrivateKey:
		return k, nil // refused later, with the reason
	}
	return nil, fmt.Errorf("a private key of type %T cannot sign: use ECDSA P-256 or RSA", key)
}

// utf16Hint is for those who wrote a PEM file with PowerShell's >.
func utf16Hint(b []byte) string {
	if bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff}) {
		return " (this file is UTF-16; save it as ASCII)"
	}
	return ""
}

// WriteFile writes a file that is there whole or not at all, also after a crash; it takes the place of an older one.
func WriteFile(file string, content []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*") // 0600 from its first byte
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}
