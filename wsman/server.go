package wsman

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Server is one listener of the collector. Set the fields, then Serve; it cannot be used again after Shutdown.
type Server struct {
	Name    string // metric label and log attribute
	Handler Handler
	Auth    Authenticator
	TLS     *tls.Config  // nil: plain HTTP, where Auth must seal
	Log     *slog.Logger // nil: silent

	// Advertise is the host:port in addresses given to sources; "" means the one that the source itself used. It is part of what a
	// source sees of a subscription, so it is mixed into the version that is offered.
	Advertise string

	Limits Limits
	Budget *Budget // shared by all listeners; nil: one of its own

	// Admit is asked before a body is read: a reason (kafka, loading) sheds deliveries that are too large for a heartbeat, the reason
	// loading enumerations too, the reason stopping everything. nil or "": come in.
	Admit func() (reason string)

	// HandshakeReason is the metric label of a failed TLS handshake, such as certs.Reason; nil: always protocol.
	HandshakeReason func(error) string

	AccessLog bool // one debug line a request

	Observer Observer // nil: nobody looks

	once    sync.Once
	limits  Limits
	budget  *Budget
	log     *slog.Logger
	metrics *metrics
	tls     *tls.Config
	http    *http.Server
	quiet   quiet
	floods  floods
	scans   chan *reading // free list: a sync.Pool would be emptied by each garbage collection

	life     context.Context // of handlers; ends when Shutdown has waited long enough
	abandon  context.CancelFunc
	stopping atomic.Bool
	requests sync.WaitGroup
	open     atomic.Int64 // connections

	tlsInput  *pool         // buffers of connections that rest, for those that wake
	restAfter time.Duration // of idling; tests are in a hurry
}

func (s *Server) init() {
	s.once.Do(func() {
		s.limits = s.Limits.withDefaults()
		if s.budget = s.Budget; s.budget == nil {
			s.budget = NewBudget(0)
		}
		log := s.Log
		if log == nil {
			log = slog.New(slog.DiscardHandler)
		}
		s.log = log.With("listener", s.Name)
		s.metrics = newMetrics(s.Name)
		s.scans = make(chan *reading, maxReadings)
		s.life, s.abandon = context.WithCancel(context.Background())
		if s.TLS != nil {
			s.tls = s.TLS.Clone()
			s.tls.NextProtos = []string{"http/1.1"}
		}
		protocols := new(http.Protocols)
		protocols.SetHTTP1(true)
		def(&s.restAfter, restAfter)
		s.tlsInput = &pool{limit: 8 << 20}
		s.http = &http.Server{
			Handler:                      s,
			Protocols:                    protocols,
			ConnContext:                  withConn,
			ReadHeaderTimeout:            s.limits.HeaderTimeout,
			ConnState:                    mind,
			IdleTimeout:                  min(s.restAfter, s.limits.IdleTimeout),
			MaxHeaderBytes:               maxHeaderBytes,
			ErrorLog:                     slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
			DisableGeneralOptionsHandler: true,
		}
	})
}

// Serve answers requests on ln until Shutdown, and then returns nil. It closes ln.
func (s *Server) Serve(ln net.Listener) error {
	s.init()
	if err := s.http.Serve(newListener(ln, s)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Shutdown stops listening, answers what comes in on open connections 503, and waits for the requests in hand. When ctx ends first,
// their contexts end and their connections are closed, and it waits for the handlers to see that.
func (s *Server) Shutdown(ctx context.Context) error {
	s.init()
	s.stopping.Store(true)
	err := s.http.Shutdown(ctx)
	if err != nil {
		s.abandon()
		_ = s.http.Close()
	}
	s.requests.Wait()
	s.abandon()
	return err
}

// Connections is how many are open, those that have proven nothing included.
func (s *Server) Connections() int { return int(s.open.Load()) }

// scheme names how sources prove themselves here, as far as the listener knows.
func (s *Server) scheme() string {
	if s.TLS != nil {
		return string(TLS)
	}
	return string(Kerberos)
}

// ServeHTTP answers one request. It is called by the http.Server behind Serve.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	defer s.requests.Done()
	x := newExchange(s, w, r)
	defer x.finish()
	if err := x.serve(); err != nil {
		x.writeError(err)
	}
}
