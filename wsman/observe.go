package wsman

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/netip"
)

// Observer hears of every request when it is over, and of everybody who was turned away before one. It is called by the goroutine at
// work, from many at once: it returns at once, and keeps neither the Visit nor what Err wraps.
type Observer interface{ Visited(v *Visit) }

// Visit is one request, or one attempt to come in, as the listener saw it.
type Visit struct {
	Listener string
	Addr     netip.AddrPort // zero: refused before it was looked at
	Source   Source         // zero: nothing was proven
	Claimed  string         // a name that a refused proof was about; nobody has proven it
	Machine  string         // MachineID, claimed
	Path     string         // of the URL, claimed

	Action       string // metric label; connect: it did not come to a request
	Subscription string // GUID, claimed
	Status       int    // of the answer; 0: there was none
	Reason       string // why it was refused, as in log and metrics; "" = it was not
	Err          error  // the same in words, for operators alone
}

const actionConnect = "connect"

// turnedAway tells of a connection that did not come to a request.
func (s *Server) turnedAway(addr netip.AddrPort, claimed, reason string, err error) {
	if s.Observer != nil {
		s.Observer.Visited(&Visit{Listener: s.Name, Addr: addr, Claimed: claimed, Action: actionConnect, Reason: reason, Err: err})
	}
}

// observe tells of the exchange when it is over, before its text is forgotten.
func (x *exchange) observe() {
	if x.Observer == nil || errors.As(x.err, new(*Continue)) {
		return
	}
	v := &Visit{Listener: x.Name, Addr: x.conn.addr, Path: x.r.URL.Path, Action: x.action, Status: x.status, Err: x.err}
	if x.session != nil {
		v.Source = x.session.Source()
	}
	if x.in != nil {
		v.Machine, v.Subscription = short(x.in.m.MachineID), short(x.in.m.Identifier)
	}
	if v.Subscription == "" {
		v.Subscription = short(x.id)
	}
	if x.err != nil {
		f := faultOf(x.err)
		v.Reason, v.Claimed = f.Reason, claimed(x.err)
		var refused *AuthError
		switch {
		case errors.As(x.err, &refused) && refused.Err != nil:
			v.Err = refused.Err
		case f.Err != nil:
			v.Err = f.Err
		case x.err == error(f):
			v.Err = nil // it would only repeat the reason
		}
	}
	x.Observer.Visited(v)
}

// claimed is the account that a refused ticket was about.
func claimed(err error) string {
	var refused *AuthError
	if errors.As(err, &refused) {
		for _, a := range refused.Attrs {
			if a.Key == "client" {
				return a.Value.String()
			}
		}
	}
	return ""
}

// leafName is the name in the certificate of a handshake that failed, if it came to one.
func leafName(t *tls.Conn, err error) string {
	var unverified *tls.CertificateVerificationError
	var certificates []*x509.Certificate
	if errors.As(err, &unverified) {
		certificates = unverified.UnverifiedCertificates
	} else {
		certificates = t.ConnectionState().PeerCertificates
	}
	if len(certificates) == 0 {
		return ""
	}
	name, _ := Certificates{}.name(certificates[0])
	return short(name)
}
