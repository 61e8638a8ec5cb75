package wsman

import (
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"
)

// Method is how a source proved who it is; the value is what logs, metrics and records carry.
type Method string

const (
	TLS       Method = "tls"       // client certificate, HTTPS
	Kerberos  Method = "kerberos"  // Authorization: Kerberos
	Negotiate Method = "negotiate" // Authorization: Negotiate (SPNEGO)
)

// Source is the machine at the other end, as its transport proved it. What a message merely claims is in Header.
type Source struct {
	Name   string            // the certificate's name in lower case, or PC-1$@REALM; compared without case
	Method Method            // how it was proven
	Groups []string          // Kerberos: SIDs of the groups that the ticket says the account is in; read only
	Issuer string            // TLS: SHA-1 thumbprint of the CA that issued the leaf, 40 upper-case hex digits
	Leaf   *x509.Certificate // TLS: the proven certificate, read only; nil otherwise
	Etype  string            // Kerberos: encryption type of the ticket
	Skew   time.Duration     // Kerberos: how far the source's clock was ahead of ours when it proved itself; negative: behind
	Addr   netip.AddrPort    // the peer's address, or what a trusted PROXY header says
}

// Authenticator proves who is at the other end, once a connection. One a listener.
type Authenticator interface {
	// Authenticate looks at the headers of a connection's first request. It may set response headers (a token, the offered
	// schemes) and never writes a status. An error that wraps ErrUnauthenticated is answered 401; see AuthError and Continue.
	//
	// It is asked again when a later request of the connection carries an Authorization header, unless the listener speaks TLS, and
	// when Session.Open says ErrUnauthenticated: then without that header, for the sake of the offered schemes.
	Authenticate(w http.ResponseWriter, r *http.Request) (Session, error)
}

// Session is one connection's proven identity, and the seal on its messages. Requests of a connection come one after another.
type Session interface {
	Source() Source
	// Open gives the cleartext of a request body, which it may overwrite. It refuses what should have been sealed. After an error
	// the connection is closed: 401 when the error wraps ErrUnauthenticated (the proof has expired), as a *Fault says, else 400.
	Open(contentType string, body []byte) ([]byte, error)
	// Seal makes a response body out of a message in UTF-16LE with a byte order mark; it may overwrite message.
	Seal(message []byte) (contentType string, body []byte, err error)
}

// ErrUnauthenticated says that nobody has proven anything on this connection.
var ErrUnauthenticated = errors.New("wsman: not authenticated")

// AuthError says why nothing was proven, for log and metrics; the peer learns nothing of it. It wraps ErrUnauthenticated.
type AuthError struct {
	Method Method // that was tried
	Reason string // metric label: no_key kvno etype spn skew replay flags user ntlm malformed limit; "" = nothing was offered, which is no failure
	Err    error
	Attrs  []slog.Attr // what else the log should say
}

func (e *AuthError) Error() string {
	if e.Err == nil {
		return ErrUnauthenticated.Error()
	}
	return ErrUnauthenticated.Error() + ": " + e.Err.Error()
}

// Unwrap makes errors.Is find ErrUnauthenticated and what Err wraps.
func (e *AuthError) Unwrap() []error { return []error{ErrUnauthenticated, e.Err} }

// Continue is an error of Authenticate that is none: the proof takes one more leg. It is answered 401 with the headers that were set, and
// the next token of the connection goes to Next instead. What was proven before stays proven meanwhile. A proof takes at most four legs.
type Continue struct{ Next Authenticator }

func (*Continue) Error() string { return "wsman: one more leg" }

// Unwrap makes errors.Is find ErrUnauthenticated.
func (*Continue) Unwrap() error { return ErrUnauthenticated }
