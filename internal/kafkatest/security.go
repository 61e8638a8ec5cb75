package kafkatest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

var saslSettings = map[string]string{
	"sasl.enabled.mechanisms":                                      "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
	"listener.name.sasl.plain.sasl.jaas.config":                    `org.apache.kafka.common.security.plain.PlainLoginModule required user_wefka="secret" user_guest="guest";`,
	"listener.name.sasl.scram-sha-256.sasl.jaas.config":            `org.apache.kafka.common.security.scram.ScramLoginModule required;`,
	"listener.name.sasl.scram-sha-512.sasl.jaas.config":            `org.apache.kafka.common.security.scram.ScramLoginModule required;`,
	"listener.name.sasl.oauthbearer.sasl.jaas.config":              `org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
	"authorizer.class.name":                                        "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
	"super.users":                                                  "User:ANONYMOUS;User:wefka;User:CN=kafkatest",
	"listener.name.sasl.connection.failed.authentication.delay.ms": "10",
}

// identity is one self-signed pair that serves both ends and is both ends' authority.
type identity struct {
	cert *x509.Certificate
	pair tls.Certificate
	pem  []byte // PKCS #8 key, then the certificate
}

func newIdentity() (*identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "kafkatest"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return &identity{cert: cert, pair: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem: slices.Concat(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}, nil
}

func (i *identity) client() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(i.cert)
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{i.pair}, MinVersion: tls.VersionTLS12}
}

// server writes the stores into dir and returns the settings that name them.
func (i *identity) server(dir string) (map[string]string, error) {
	key, trust := filepath.Join(dir, "key.pem"), filepath.Join(dir, "trust.pem")
	if err := os.WriteFile(key, i.pem, 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(trust, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw}), 0o600); err != nil {
		return nil, err
	}
	return map[string]string{
		"listener.name.tls.ssl.keystore.type": "PEM", "listener.name.tls.ssl.keystore.location": key,
		"listener.name.tls.ssl.truststore.type": "PEM", "listener.name.tls.ssl.truststore.location": trust,
		"listener.name.tls.ssl.client.auth": "required",
	}, nil
}
