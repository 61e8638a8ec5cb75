package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// How long certificates live when nobody says.
const (
	AuthorityDays = 3650 // replacing it means a new policy on every host
	ServerDays    = 825  // two years and a season to notice; the day after, every host refuses
	ClientDays    = 825  // nothing renews a PFX by itself, so not shorter; stolen keys are what CRLs are for
)

// backdate is how far certificates reach into the past: a host whose clock is a little slow is no stranger.
const backdate = time.Hour

// Authority issues certificates. Its own certificate is the issuing CA, whose thumbprint Windows calls IssuerCA.
type Authority struct {
	Certificate *x509.Certificate

	parents []*x509.Certificate // above Certificate, as its file has them
	key     crypto.Signer
}

// New makes a self-signed authority called name. 0 days means [AuthorityDays].
func New(name string, days int) (*Authority, error) {
	if name == "" {
		return nil, errors.New("make authority: it needs a name")
	}
	life, err := lifetime(days, AuthorityDays)
	if err != nil {
		return nil, fmt.Errorf("make authority: %w", err)
	}
	// P-256: Schannel knows no Ed25519, and signing costs a twentieth of RSA when ten thousand hosts come back at once.
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make authority: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial(),
		// The name alone: it is what an administrator looks for in the Root store.
		Subject:   pkix.Name{CommonName: name},
		NotBefore: now.Add(-backdate),
		NotAfter:  now.Add(life),
		// RFC 5280 4.2.1.3: certificates and the CRLs that take them back, nothing else.
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		// RFC 5280 4.2.1.9: a CA, but none that could make another one.
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLen:            0,
		MaxPathLenZero:        true,
		// No extended key usage: in a CA it would limit what is below, and Windows would then want it in every link.
	}
	c, err := sign(template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make authority: %w", err)
	}
	return &Authority{Certificate: c, key: key}, nil
}

// Load reads the authority that [Authority.Save] wrote into dir.
func Load(dir string) (*Authority, error) {
	return LoadAuthority(filepath.Join(dir, caFile), filepath.Join(dir, caKeyFile))
}

// LoadAuthority reads any issuing CA, its own certificate first in certFile. RSA and ECDSA keys will do, as PKCS#1, PKCS#8 or SEC 1.
func LoadAuthority(certFile, keyFile string) (*Authority, error) {
	p, err := LoadPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	if !isCA(p.Certificate) {
		return nil, fmt.Errorf("%s: %s is not a CA certificate and can issue nothing", certFile, title(p.Certificate))
	}
	if problem := keyProblem(p.Certificate); problem != nil {
		return nil, fmt.Errorf("%s: %w", certFile, problem)
	}
	return &Authority{Certificate: p.Certificate, parents: p.Chain, key: p.Key}, nil
}

const (
	caFile    = "ca.pem"
	caKeyFile = "ca.key"
)

// Save writes ca.pem (0644) and ca.key (0600, PKCS#8) into dir, which it makes if need be. Where either is there already it touches
// nothing and its error wraps [fs.ErrExist].
func (a *Authority) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("save authority: %w", err)
	}
	for _, name := range []string{caFile, caKeyFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return fmt.Errorf("save authority: %s: %w; every certificate it issued hangs on that key: use another folder, or move the files away",
				filepath.Join(dir, name), fs.ErrExist)
		}
	}
	p := &Pair{Certificate: a.Certificate, Chain: a.parents, Key: a.key}
	return p.Save(filepath.Join(dir, caFile), filepath.Join(dir, caKeyFile))
}

// Thumbprint is what a Windows policy calls IssuerCA: SHA-1 over the certificate, 40 upper-case hex digits.
func Thumbprint(c *x509.Certificate) string { return fmt.Sprintf("%X", sha1.Sum(c.Raw)) }

// sign makes one certificate and reads it back, so that what we hold is what others will see.
func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// serial is 128 random bits: no counter to keep, none to guess (RFC 5280 4.1.2.2 allows 20 octets).
func serial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	b[0] |= 0x40 // not zero, and the same length every time
	b[0] &= 0x7f // positive without a leading zero octet
	return new(big.Int).SetBytes(b)
}

func lifetime(days, otherwise int) (time.Duration, error) {
	const most = 100 * 365
	switch {
	case days == 0:
		days = otherwise
	case days < 0 || days > most:
		return 0, fmt.Errorf("%d days: a lifetime is between 1 and %d days", days, most)
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

func isCA(c *x509.Certificate) bool { return c.BasicConstraintsValid && c.IsCA }
