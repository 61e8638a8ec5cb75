package certs

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"software.sslmate.com/src/go-pkcs12"
)

// Pair is a certificate, what has to be sent with it, and its private key.
type Pair struct {
	Certificate *x509.Certificate
	Chain       []*x509.Certificate // what goes out after Certificate, nearest issuer first; often empty
	Key         crypto.Signer
}

// LoadPair reads a certificate, leaf first, and its key: PEM (text around it is skipped) or DER; PKCS#1, PKCS#8 or SEC 1.
func LoadPair(certFile, keyFile string) (*Pair, error) {
	chain, err := LoadCertificates(certFile)
	if err != nil {
		return nil, err
	}
	key, err := loadKey(keyFile)
	if err != nil {
		return nil, err
	}
	for i, c := range chain {
		if !matches(c, key) {
			continue
		}
		if i > 0 {
			return nil, fmt.Errorf("%s: the certificate of %s is number %d in the file; put it first, its issuers after it", certFile, keyFile, i+1)
		}
		return &Pair{Certificate: chain[0], Chain: chain[1:], Key: key}, nil
	}
	return nil, fmt.Errorf("%s does not belong to %s (%s): name the key that was made with this certificate, or have it issued again",
		keyFile, certFile, title(chain[0]))
}

// TLS is the pair as crypto/tls takes it.
func (p *Pair) TLS() tls.Certificate {
	c := tls.Certificate{Certificate: [][]byte{p.Certificate.Raw}, PrivateKey: p.Key, Leaf: p.Certificate}
	for _, above := range p.Chain {
		c.Certificate = append(c.Certificate, above.Raw)
	}
	return c
}

// PEM is the certificate with its chain, and the key as PKCS#8.
func (p *Pair) PEM() (cert, key []byte, err error) {
	var b bytes.Buffer
	for _, c := range append([]*x509.Certificate{p.Certificate}, p.Chain...) {
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a bytes.Buffer takes everything
	}
	der, err := x509.MarshalPKCS8PrivateKey(p.Key)
	if err != nil {
		return nil, nil, fmt.Errorf("encode private key: %w", err)
	}
	return b.Bytes(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// Save writes the key (0600) and then the certificate with its chain (0644). Each file appears whole or not at all, in place of an
// older one: a [Server] that reloads between the two refuses the mismatch and keeps what it has.
func (p *Pair) Save(certFile, keyFile string) error {
	cert, key, err := p.PEM()
	if err != nil {
		return err
	}
	if err := WriteFile(keyFile, key, 0o600); err != nil {
		return err
	}
	return WriteFile(certFile, cert, 0o644)
}

// PFX packs certificate and key for import on Windows, with ca beside them when it is not nil. The modern encoding (PBES2, AES-256,
// SHA-256) needs Windows 10 1709 or Server 2019; legacy (3DES, SHA-1) is read by all and protects little beyond its password.
func (p *Pair) PFX(password string, legacy bool, ca *x509.Certificate) ([]byte, error) {
	if password == "" {
		return nil, errors.New("encode PFX: the password is empty, and the key inside would be open to everyone")
	}
	encoder := pkcs12.Modern2023
	if legacy {
		encoder = pkcs12.LegacyDES
	}
	var above []*x509.Certificate
	if ca != nil {
		above = append(above, ca)
	}
	b, err := encoder.Encode(p.Key, p.Certificate, above, password)
	if err != nil {
		return nil, fmt.Errorf("encode PFX: %w", err)
	}
	return b, nil
}

func matches(c *x509.Certificate, key crypto.Signer) bool {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(c.PublicKey)
}
