package simulator

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

// machine is one Windows host: its policy client, and what its subscriptions share.
type machine struct {
	*run
	index    int
	name     string // Computer and MachineID
	computer string // name, escaped
	identity string // what the collector proves, in lower case
	issuer   string // thumbprint of the CA above its certificate; "": not known
	tls      *tls.Config
	account  *kerberos.Account // instead of a certificate
	log      *eventLog
	workers  map[string]*worker // by subscription
	ended    chan *worker       // workers that are over
}

func newMachine(r *run, index int, name string) *machine {
	return &machine{
		run: r, index: index, name: name, computer: escape(name), log: newEventLog(r, index), workers: map[string]*worker{}, ended: make(chan *worker),
	}
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
	c := m.client(m.URL)
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

// client makes a client of the collector at a URL.
func (m *machine) client(url string) *wsman.Client {
	dial := func(ctx context.Context) (net.Conn, error) { return m.dial(ctx, url) }
	return &wsman.Client{Dial: dial, Initiator: m.initiator(url), Machine: m.name, Trace: m.trace}
}

// permits says whether the host may deliver as an offer wants it: nil, wsman.ErrPolicy or wsman.ErrIssuer.
func (m *machine) permits(o *wsman.Offer) error {
	if m.account != nil {
		return o.PermitsKerberos()
	}
	err := o.Permits(m.issuer)
	if errors.Is(err, wsman.ErrIssuer) && m.issuer == "" {
		return nil
	}
	return err
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
	if m.sending.Err() == nil { // else it was we who hung up
		m.tally.note(m.Log.With("source", m.identity), reason(err), err)
	}
}

// reason is the label of an error of the client.
func reason(err error) string {
	var status *wsman.StatusError
	switch {
	case errors.As(err, &status) && status.Code == http.StatusUnauthorized, errors.Is(err, kerberos.ErrProof):
		return "auth"
	case errors.As(err, &status):
		return "refused"
	case errors.Is(err, kerberos.ErrTicket):
		return "ticket"
	case errors.Is(err, errHandshake), isAlert(err):
		return "tls"
	case errors.Is(err, errRemote):
		return "remote"
	case errors.Is(err, wsman.ErrConnect):
		return "connect"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.Is(err, wsman.ErrLost):
		return "lost"
	case errors.Is(err, wsman.ErrAnswer):
		return "answer"
	}
	return "other"
}

// isAlert: in TLS 1.3 a collector that does not like a certificate says so only after the handshake.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}
