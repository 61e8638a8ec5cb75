package wsman

import (
	"crypto/sha1"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Certificates takes the identity from the client certificate that the TLS handshake has verified.
type Certificates struct {
	Identity Identity // Auto when empty
}

// Identity says which name of a certificate counts.
type Identity string

const (
	Auto       Identity = "auto" // the one dNSName of the SAN; when there is not exactly one, the common name
	SAN        Identity = "san"  // the one dNSName, else nobody
	CommonName Identity = "cn"   // the most specific common name, else nobody
)

// Authenticate ignores Authorization headers: what Windows may write there under TLS only names the method.
func (c Certificates) Authenticate(_ http.ResponseWriter, r *http.Request) (Session, error) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil, &AuthError{Method: TLS, Err: errors.New("no verified client certificate")}
	}
	chain := r.TLS.VerifiedChains[0]
	name, err := c.name(chain[0])
	if err == nil && strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '*' }) {
		err = fmt.Errorf("%q is no name of one computer", name)
	}
	if err != nil {
		return nil, &Fault{Status: http.StatusForbidden, Reason: "identity", Err: err}
	}
	if len(chain) < 2 {
		return nil, &Fault{Status: http.StatusForbidden, Reason: "identity", Err: fmt.Errorf("certificate of %s is itself among the trusted CAs", name)}
	}
	return &tlsSession{Source{
		Name: name, Method: TLS, Leaf: chain[0], Addr: addrPort(r.RemoteAddr),
		// crypto/x509 has checked the signature: of two CAs with one name this is the one.
		Issuer: fmt.Sprintf("%X", sha1.Sum(chain[1].Raw)),
	}}, nil
}

func (c Certificates) name(leaf *x509.Certificate) (string, error) {
	if c.Identity != CommonName {
		if len(leaf.DNSNames) == 1 && leaf.DNSNames[0] != "" {
			return strings.ToLower(leaf.DNSNames[0]), nil
		}
		if c.Identity == SAN {
			return "", fmt.Errorf("%d DNS names in the certificate, exactly one is needed: %s", len(leaf.DNSNames), leaf.Subject)
		}
	}
	// The most specific one comes last in the encoding.
	for i := len(leaf.Subject.Names) - 1; i >= 0; i-- {
		n := leaf.Subject.Names[i]
		if text, ok := n.Value.(string); ok && n.Type.String() == "2.5.4.3" && text != "" {
			return strings.ToLower(text), nil
		}
	}
	return "", fmt.Errorf("neither one DNS name nor a common name in the certificate: %s", leaf.Subject)
}

// tlsSession passes bodies through: the connection is the seal.
type tlsSession struct{ source Source }

func (s *tlsSession) Source() Source { return s.source }

func (s *tlsSession) Open(contentType string, body []byte) ([]byte, error) {
	if kind, _ := mediaType(contentType); kind != "application/soap+xml" {
		return nil, &Fault{Status: http.StatusUnsupportedMediaType, Reason: "media_type", Err: fmt.Errorf("content type %q over TLS", contentType)}
	}
	return body, nil
}

func (s *tlsSession) Seal(message []byte) (string, []byte, error) {
	return contentTypeUTF16, message, nil
}

// mediaType reads a Content-Type leniently: any case, any spaces, quotes or none.
func mediaType(header string) (kind, charset string) {
	kind, params, _ := strings.Cut(header, ";")
	for params != "" {
		var param string
		param, params, _ = strings.Cut(params, ";")
		key, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(key), "charset") {
			charset = strings.ToLower(strings.Trim(strings.TrimSpace(value), `"`))
		}
	}
	return strings.ToLower(strings.TrimSpace(kind)), charset
}
