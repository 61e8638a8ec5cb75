package simulator

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/wefka/wefka/certs"
	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

// Fleet says what hosts there are and what they do. Only URL, and one of Issuer, Certificate and Keytab, have no default.
type Fleet struct {
	URL         string // collector, as in the policy string: https://wec01.corp.example:5986/wsman/SubscriptionManager/WEC
	Connect     string // ADDR[:PORT] to dial whatever the URLs say
	AllowRemote bool   // without it only loopback is dialled

	CA          *x509.CertPool   // of the collector's certificate; nil: the system's
	Issuer      *certs.Authority // issues a certificate for each host
	Certificate *tls.Certificate // else this one for all of them

	Keytab    string  // file: its principals that end in $ are the hosts, and prove themselves with Kerberos over plain HTTP
	Krb5Conf  string  // file that names their KDCs; /etc/krb5.conf
	SPN       string  // of the collector; HTTP/ and the host of the URL
	Negotiate bool    // SPNEGO, as hosts do that have the collector among their TrustedHosts
	Etypes    []int32 // to ask for session keys of, the best first; nil: as Krb5Conf says

	Hosts int    // 1; with Keytab all that are in it
	Name  string // pattern of host names, counted from 1; sim-%05d.lab.example. With Keytab they are named after their principals

	Rate     float64       // events a second of the whole fleet, whose hosts do not fill their batches in step; 0: as fast as Acks come
	Events   int64         // of the whole fleet, shared out evenly; 0: no end
	Duration time.Duration // 0: no end; the first to come ends
	Batch    int           // events a request, never above what the subscription allows; 50

	SLDC   SLDC
	UTF8   bool     // instead of UTF-16
	Corpus []string // files of recorded events, one a line, may be gzip; a built-in sample when empty
	Seed   uint64   // choice and order of the events repeat

	Refresh       time.Duration // between enumerations; 15 min
	RetryInterval time.Duration // instead of the subscription's
	AlwaysEnd     bool          // send End after each enumeration, not only when the collector echoes the operation
	Quirks        wsman.Quirks  // of deliveries

	KerberosQuirks kerberos.Quirks // of tickets in use, and of seals
	NTLM           NTLM            // what hosts without a ticket would send

	// Gate is called before a host makes a batch. It may block, which pauses the host; after an error that host makes no more events.
	Gate func(ctx context.Context) error

	// Skew, if not nil, is how wrong the hosts' clocks are now: it is added to TimeCreated.
	Skew func() time.Duration

	Acked    io.Writer       // wef.id of each event, one a line, when its Ack was read; one Write a batch
	Testify  func(Testimony) // hears of each batch when its Ack was read, and before it is sent again; may be called by many hosts at once
	Log      *slog.Logger
	Progress func(Snapshot) // every second, and at the end

	// Dial makes connections; nil: TCP. TLS, if any, comes on top.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// SLDC says whether deliveries are compressed.
type SLDC int

const (
	Auto SLDC = iota // if the subscription offers it
	On
	Off
)

// ParseSLDC reads auto, on or off.
func ParseSLDC(s string) (SLDC, error) {
	for mode, name := range []string{"auto", "on", "off"} {
		if s == name {
			return SLDC(mode), nil
		}
	}
	return 0, fmt.Errorf("sldc %q: use auto, on or off", s)
}

const (
	firstPause = 5 * time.Second // before a first enumeration is tried again; a real host would wait for its next refresh
	firstTries = 12
	lingering  = time.Minute     // after Duration, for what is not Acked
	hurrying   = 5 * time.Second // after a stop, for the same
	doors      = 16              // connections being made at once: collectors limit those that have proven nothing yet
)

// run is a fleet at work.
type run struct {
	Fleet
	recordings []*recording
	accounts   []*kerberos.Account // with Keytab, one a host
	tally      *tally
	door       chan struct{}

	making  context.Context // ends: no more events are made
	sending context.Context // ends: nothing is waited for

	interrupted func() bool // it was not Duration that ended making
	said        sync.Map    // warnings about subscriptions, which all hosts would repeat
}

// Run lets the fleet do its work: until Events are made and settled, Duration is over, or ctx ends. Then hosts finish what they have in hand,
// send SubscriptionEnd and leave. An error means that nothing was done; whatever collectors do is in the Report.
func (f *Fleet) Run(ctx context.Context) (*Report, error) {
	r := &run{Fleet: *f, door: make(chan struct{}, doors)}
	err := r.login()
	if err != nil {
		return nil, err
	}
	r.defaults()
	if err := r.check(ctx); err != nil {
		return nil, err
	}
	if r.recordings, err = r.load(); err != nil {
		return nil, err
	}
	machines, err := r.machines()
	if err != nil {
		return nil, err
	}
	cancel := r.contexts(ctx)
	defer cancel()
	r.tally = newTally(r.Acked)
	done := make(chan struct{})
	for _, m := range machines {
		go func() {
			m.work()
			done <- struct{}{}
		}()
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for left := len(machines); left > 0; {
		select {
		case <-done:
			left--
		case <-tick.C:
			r.progress(false)
		}
	}
	r.progress(true)
	return r.tally.report(r.Hosts, r.Seed), r.tally.ackedErr
}

func (r *run) progress(done bool) {
	if r.Progress != nil {
		s := r.tally.snapshot()
		s.Done = done
		r.Progress(s)
	}
}

// warn says something about a subscription ("" = all), once for all hosts.
func (r *run) warn(message, subscription string, args ...any) {
	if _, again := r.said.LoadOrStore(message+"\x00"+subscription, true); !again {
		r.Log.With("subscription", subscription).Warn(message, args...)
	}
}

func (r *run) defaults() {
	r.Hosts = max(r.Hosts, 1)
	if r.Name == "" {
		r.Name = "sim-%05d.lab.example"
	}
	if r.Batch <= 0 {
		r.Batch = 50
	}
	if r.Refresh <= 0 {
		r.Refresh = 15 * time.Minute
	}
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
}

func (r *run) check(ctx context.Context) error {
	switch {
	case r.Keytab == "" && r.Issuer == nil && r.Certificate == nil:
		return errors.New("simulator: hosts need certificates, of an issuer or one for all, or a keytab")
	case r.Keytab != "" && (r.Issuer != nil || r.Certificate != nil):
		return errors.New("simulator: hosts have certificates or a keytab, not both")
	case r.Rate < 0 || r.Events < 0 || r.Duration < 0:
		return errors.New("simulator: rate, events and duration cannot be negative")
	case r.Keytab == "" && r.Hosts > 1 && !strings.Contains(r.Name, "%"):
		return fmt.Errorf("simulator: %d hosts cannot all be named %s: put %%d into the name", r.Hosts, r.Name)
	}
	return r.reachable(ctx, r.URL)
}

// contexts separates making events from settling what was made.
func (r *run) contexts(ctx context.Context) context.CancelFunc {
	making, stop := context.WithCancel(ctx)
	if r.Duration > 0 {
		making, stop = context.WithTimeout(ctx, r.Duration)
	}
	sending, cut := context.WithCancel(context.WithoutCancel(ctx))
	after := func(ctx context.Context, patience time.Duration) {
		context.AfterFunc(ctx, func() {
			select {
			case <-time.After(patience):
				cut()
			case <-sending.Done():
			}
		})
	}
	after(making, lingering)
	after(ctx, hurrying)
	r.making, r.sending, r.interrupted = making, sending, func() bool { return ctx.Err() != nil }
	return func() { cut(); stop() }
}

// machines makes the hosts, with their certificates or accounts.
func (r *run) machines() ([]*machine, error) {
	machines := make([]*machine, r.Hosts)
	for i := range machines {
		if r.accounts != nil {
			machines[i] = newMember(r, i, r.accounts[i])
			continue
		}
		name := r.Name
		if strings.Contains(name, "%") {
			name = fmt.Sprintf(name, i+1)
		}
		m, err := newHolder(r, i, name)
		if err != nil {
			return nil, err
		}
		machines[i] = m
	}
	return machines, nil
}

// share is how many of the events host i makes; -1: no end.
func (r *run) share(i int) int64 {
	if r.Events == 0 {
		return -1
	}
	hosts := int64(r.Hosts)
	share := r.Events / hosts
	if int64(i) < r.Events%hosts {
		share++
	}
	return share
}
