package simulator

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/wefka/wefka/certs"
	"github.com/wefka/wefka/wsman"
)

// machine is one Windows host: its policy client, and what its subscriptions share.
type machine struct {
	*run
	index    int
	name     string // Computer and MachineID
	computer string // name, escaped
	identity string // of the certificate, in lower case
	issuer   string // thumbprint of the CA above it; "": not known
	tls      *tls.Config
	log      *eventLog
	workers  map[string]*worker // by subscription
	ended    chan *worker       // workers that are over
}

func newMachine(r *run, index int, name string) (*machine, error) {
	m := &machine{
		run: r, index: index, name: name, computer: escape(name), log: newEventLog(r, index), workers: map[string]*worker{}, ended: make(chan *worker),
	}
	var certificate tls.Certificate
	if r.Issuer != nil {
		pair, err := r.Issuer.IssueClient(name, 0)
		if err != nil {
			return nil, fmt.Errorf("simulator: %w", err)
		}
		certificate = pair.TLS()
		m.issuer = certs.Thumbprint(r.Issuer.Certificate)
	} else {
		certificate = *r.Certificate
		var err error
		if m.issuer, err = r.aboveCertificate(&certificate); err != nil {
			return nil, err
		}
	}
	m.identity = identityOf(certificate.Leaf)
	certificate.Certificate = certificate.Certificate[:1] // Windows sends the leaf alone
	m.tls = &tls.Config{RootCAs: r.CA, Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	return m, nil
}

// aboveCertificate gives the thumbprint of the CA that issued the fleet's certificate, if it is beside it or among the trusted ones.
func (r *run) aboveCertificate(c *tls.Certificate) (string, error) {
	if c.Leaf == nil {
		var err error
		if c.Leaf, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
			return "", fmt.Errorf("simulator: client certificate: %w", err)
		}
	}
	if len(c.Certificate) > 1 {
		above, err := x509.ParseCertificate(c.Certificate[1])
		if err != nil {
			return "", fmt.Errorf("simulator: issuer of the client certificate: %w", err)
		}
		return certs.Thumbprint(above), nil
	}
	chains, err := c.Leaf.Verify(x509.VerifyOptions{Roots: r.CA, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil || len(chains[0]) < 2 {
		r.warn("issuer of the client certificate is not known, so the one that a subscription demands is not checked", "")
		return "", nil
	}
	return certs.Thumbprint(chains[0][1]), nil
}

// identityOf is the name that a collector takes from a certificate: the one DNS name, else the common name.
func identityOf(c *x509.Certificate) string {
	if len(c.DNSNames) == 1 {
		return strings.ToLower(c.DNSNames[0])
	}
	return strings.ToLower(c.Subject.CommonName)
}

// work is the policy client: it enumerates, starts and stops subscriptions, until there is nothing more to do.
func (m *machine) work() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer m.leave()
	for tries := 1; ; {
		select {
		case <-m.making.Done():
			return
		case w := <-m.ended:
			m.forget(w)
			if m.idle() {
				return
			}
			continue
		case <-timer.C:
		}
		err := m.refresh()
		switch {
		case err == nil:
			tries = 0
			timer.Reset(m.Refresh)
		case tries > 0 && tries < firstTries:
			tries++
			timer.Reset(min(firstPause, m.Refresh))
			continue
		default:
			timer.Reset(m.Refresh)
		}
		if m.idle() {
			return
		}
	}
}

// idle says that no subscription is at work and none will be before the next refresh, for which a fleet with an end does not wait.
func (m *machine) idle() bool { return len(m.workers) == 0 && m.Events > 0 }

// leave waits for the subscriptions to finish, each in its own time.
func (m *machine) leave() {
	for len(m.workers) > 0 {
		m.forget(<-m.ended)
	}
}

func (m *machine) forget(w *worker) {
	if m.workers[w.offer.ID] == w {
		delete(m.workers, w.offer.ID)
	}
}

// refresh asks for subscriptions and makes the workers agree with the answer.
func (m *machine) refresh() error {
	list, err := m.enumerate()
	if err != nil {
		m.trouble(err)
		return err
	}
	offered := map[string]*wsman.Offer{}
	for i := range list.Offers {
		offered[list.Offers[i].ID] = &list.Offers[i]
	}
	for id, w := range m.workers {
		if o := offered[id]; o == nil || o.Version != w.offer.Version {
			w.cancel()
		}
	}
	for id, o := range offered {
		if w := m.workers[id]; w != nil && o.Version == w.offer.Version {
			continue // the bookmark is of no interest to a subscription at work
		} else if w != nil {
			m.await(w)
		}
		if w := newWorker(m, o); w != nil {
			m.workers[id] = w
			go func() {
				w.work()
				m.ended <- w
			}()
		}
	}
	return nil
}

// await waits for a worker that was cancelled.
func (m *machine) await(w *worker) {
	for m.workers[w.offer.ID] == w {
		m.forget(<-m.ended)
	}
}

// enumerate is one visit to the collector, on a connection of its own.
func (m *machine) enumerate() (*wsman.Enumeration, error) {
	c := &wsman.Client{Machine: m.name, Dial: m.dialler(m.URL), Trace: m.trace}
	defer c.Close()
	list, err := c.Enumerate(m.sending, m.URL)
	if err != nil {
		return nil, err
	}
	m.tally.enumerations.Add(1)
	if list.Echoed || m.AlwaysEnd {
		if err := c.End(m.sending, m.URL, list.Operation); err != nil {
			m.trouble(err)
		}
	}
	return list, nil
}

func (m *machine) dialler(url string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) { return m.dial(ctx, url) }
}

// trace counts a request.
func (m *machine) trace(t wsman.Trip) {
	m.tally.wire.Add(int64(t.Wire))
	m.tally.text.Add(int64(t.Text))
	if t.Status != 0 {
		m.tally.answered(t.Status)
	}
}

// trouble counts an error of the client under its reason.
func (m *machine) trouble(err error) {
	var status *wsman.StatusError
	reason := "other"
	switch {
	case m.sending.Err() != nil:
		return // it was we who hung up
	case errors.As(err, &status):
		reason = "refused"
	case errors.Is(err, errHandshake), isAlert(err):
		reason = "tls"
	case errors.Is(err, errRemote):
		reason = "remote"
	case errors.Is(err, wsman.ErrConnect):
		reason = "connect"
	case errors.Is(err, os.ErrDeadlineExceeded):
		reason = "timeout"
	case errors.Is(err, wsman.ErrLost):
		reason = "lost"
	case errors.Is(err, wsman.ErrAnswer):
		reason = "answer"
	}
	m.tally.note(m.Log.With("source", m.identity), reason, err)
}

// isAlert: in TLS 1.3 a collector that does not like a certificate says so only after the handshake.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}
