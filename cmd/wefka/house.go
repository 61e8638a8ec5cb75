package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pires/go-proxyproto"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wefka/wefka/certs"
	"github.com/wefka/wefka/hosts"
	"github.com/wefka/wefka/output"
	"github.com/wefka/wefka/output/producer"
	"github.com/wefka/wefka/subscriptions"
	"github.com/wefka/wefka/subscriptions/compacted"
	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

// house is every room of a running collector.
type house struct {
	config    *Config
	log       *slog.Logger
	registry  *prometheus.Registry
	reloads   *reloads
	seen      string // the state of the watched files before they were read
	store     store
	shared    *compacted.Store // store, if it is a topic
	producer  *producer.Producer
	sink      *current
	manager   *subscriptions.Manager
	hosts     *hosts.Book
	budget    *wsman.Budget
	listeners []*listener
	admin     *admin
	stopping  atomic.Bool
	started   time.Time
	pulse     *pulse
}

// listener is one address with its server.
type listener struct {
	config *ListenerConfig
	socket net.Listener
	proof  proof
	server *wsman.Server
}

// proof is what a listener knows hosts by: certificates or a keytab. Load reads the files again; on error the old stay in force.
type proof interface{ Load() error }

// build makes the rooms from the back door to the front and opens the sockets last, so that nobody is let in before everything is
// there. On error all that was built is closed again.
func build(config *Config, log *slog.Logger) (h *house, err error) {
	h = &house{config: config, log: log, registry: prometheus.NewRegistry(), hosts: hosts.New(), started: time.Now(), reloads: newReloads(), seen: stamp(config.watched())}
	defer func() {
		if err != nil {
			stop, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			h.close(stop)
		}
	}()
	subs, err := h.loadSubscriptions()
	if err != nil {
		return h, err
	}
	names, err := config.topics(subs)
	if err != nil {
		return h, err
	}
	if h.producer, err = config.producer(names, log); err != nil {
		return h, err
	}
	settings := config.settings()
	kafka, err := output.New(settings, h.producer, log)
	if err != nil {
		return h, err
	}
	h.sink = newCurrent(kafka)
	if err := h.openStore(); err != nil {
		return h, err
	}
	h.manager = subscriptions.NewManager(h.store, promised(h.sink), log)
	h.manager.ForgetAfter = config.State.ForgetAfter.Duration()
	h.watchHosts()
	h.manager.Replace(subs)
	if h.shared != nil {
		h.shared.Start(h.manager.Sighted)
	}
	if err := h.listen(subs); err != nil {
		return h, err
	}
	h.register()
	h.pulse = &pulse{registry: h.registry}
	h.admin, err = newAdmin(h)
	return h, err
}

func (h *house) listen(subs []*subscriptions.Subscription) error {
	limits := h.config.limits(subs)
	h.budget = wsman.NewBudget(int64(h.config.Limits.InFlight))
	for i := range h.config.Listeners {
		c := &h.config.Listeners[i]
		l := &listener{config: c, server: &wsman.Server{Name: c.Name, Handler: h.manager, HandshakeReason: certs.Reason,
			Log: h.log, Advertise: c.Advertise, Limits: limits, Budget: h.budget, Admit: h.admit, AccessLog: h.config.Log.Access, Observer: h.hosts}}
		switch {
		case c.TLS != nil:
			keeper := c.TLS.keeper(h.config)
			keeper.Log = h.log
			l.proof, l.server.Auth, l.server.TLS = keeper, wsman.Certificates{Identity: wsman.Identity(c.TLS.Identity)}, keeper.Config()
		case c.Kerberos != nil:
			acceptor := c.Kerberos.acceptor(h.config, c.Name)
			acceptor.Log = h.log
			l.proof, l.server.Auth = acceptor, acceptor
		}
		if err := l.proof.Load(); err != nil {
			return fmt.Errorf("listener %s: %w", c.Name, err)
		}
		socket, err := net.Listen("tcp", c.Address)
		if err != nil {
			return fmt.Errorf("listener %s: %w", c.Name, err)
		}
		l.socket = behindProxy(socket, c.ProxyProtocol)
		h.listeners = append(h.listeners, l)
	}
	return nil
}

// admit says why large bodies should not even be read now; "" = they may.
func (h *house) admit() string {
	switch {
	case h.stopping.Load():
		return "stopping"
	case h.loading():
		return "loading"
	case !h.producer.Accepting():
		return "kafka"
	}
	return ""
}

func (h *house) register() {
	r := prometheus.WrapRegistererWithPrefix("wefka_", h.registry)
	rooms := []interface{ Metrics() []prometheus.Collector }{h.producer, h.sink.kafka.Load(), h.store, h.manager, h.hosts, h.budget, h.reloads}
	var keepers []*certs.Server
	for _, l := range h.listeners {
		rooms = append(rooms, l.server)
		switch proof := l.proof.(type) {
		case *certs.Server:
			keepers = append(keepers, proof)
		case *kerberos.Acceptor:
			rooms = append(rooms, proof)
		}
	}
	for _, room := range rooms {
		r.MustRegister(room.Metrics()...)
	}
	r.MustRegister(certs.Metrics(keepers...)...)
}

// checkKafka says early, and in words, what stands between the collector and Kafka.
func (h *house) checkKafka(ctx context.Context) {
	if err := h.producer.Check(ctx); err != nil && ctx.Err() == nil {
		h.log.Error("kafka is not ready for us", "error", err)
	}
}

// close takes the house down in the order in which a batch walks through it; the admin listener is last, so that one can watch.
func (h *house) close(ctx context.Context) error {
	h.stopping.Store(true)
	var errs []error
	for _, l := range h.listeners {
		errs = append(errs, l.server.Shutdown(ctx), ignoreClosed(l.socket.Close()))
	}
	errs = append(errs, h.closeStore(ctx)...)
	if h.producer != nil {
		errs = append(errs, h.producer.Close(ctx))
	}
	if h.admin != nil {
		errs = append(errs, h.admin.close(ctx))
	}
	return errors.Join(errs...)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// behindProxy wants a PROXY header from every connection of these networks and turns away all others.
func behindProxy(socket net.Listener, networks []string) net.Listener {
	if len(networks) == 0 {
		return socket
	}
	var allowed []netip.Prefix
	for _, n := range networks {
		allowed = append(allowed, netip.MustParsePrefix(n)) // validated
	}
	return &proxyproto.Listener{Listener: socket, ReadHeaderTimeout: 10 * time.Second, ConnPolicy: func(o proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
		peer, err := netip.ParseAddrPort(o.Upstream.String())
		if err == nil {
			for _, n := range allowed {
				if n.Contains(peer.Addr().Unmap()) {
					return proxyproto.REQUIRE, nil
				}
			}
		}
		return proxyproto.REJECT, proxyproto.ErrInvalidUpstream
	}}
}

// limits are the protocol's, with a body limit that lets every subscription's largest envelope through and an idle timeout
// longer than any heartbeat.
func (c *Config) limits(subs []*subscriptions.Subscription) wsman.Limits {
	l := c.Limits
	limits := wsman.Limits{Body: int64(l.Body), Inflated: int64(l.Inflated), EventsPerBatch: l.EventsPerBatch, XMLDepth: l.XMLDepth,
		HeaderTimeout: l.HeaderTimeout.Duration(), AuthTimeout: l.AuthTimeout.Duration(), AckTimeout: l.AckTimeout.Duration(), IdleTimeout: l.IdleTimeout.Duration(),
		Unauthenticated: l.Unauthenticated, UnauthenticatedPerAddress: l.UnauthenticatedPerAddress, AuthFailuresPerSecond: l.AuthFailuresPerSecond}
	heartbeat := time.Hour
	for _, s := range subs {
		limits.Body = max(limits.Body, int64(s.Delivery.MaxEnvelopeSize)+64<<10)
		heartbeat = max(heartbeat, s.Delivery.Heartbeat.Duration())
	}
	if limits.IdleTimeout == 0 {
		limits.IdleTimeout = heartbeat + 5*time.Minute
	}
	return limits
}

// keeper is the certificates of a listener.
func (t *TLSConfig) keeper(c *Config) *certs.Server {
	var crl []string
	for _, f := range t.CRL {
		crl = append(crl, c.path(f))
	}
	return &certs.Server{Certificate: c.path(t.Certificate), Key: c.path(t.Key), ClientCA: c.path(t.ClientCA),
		MinVersion: t.MinVersion, CBC: *t.CBC, CRL: crl, CRLRequired: t.CRLRequired}
}

// acceptor is the Kerberos of a listener.
func (k *KerberosConfig) acceptor(c *Config, listener string) *kerberos.Acceptor {
	return &kerberos.Acceptor{Keytab: c.path(k.Keytab), SPNs: k.SPNs, Realms: k.Realms, RC4: k.RC4, Users: k.Users, Skew: k.Skew.Duration(), Listener: listener}
}

// settings are all that shapes records.
func (c *Config) settings() output.Settings {
	s := c.Kafka.settings()
	s.Node, s.MaxEvent, s.Identity, s.Severities, s.Routes = c.Node, int(c.Limits.Event), c.Identity.rules(), c.severities(), c.routes()
	return s
}

// topics are all that these subscriptions can write to, and that of the state.
func (c *Config) topics(subs []*subscriptions.Subscription) ([]string, error) {
	templates := map[string]string{}
	for _, s := range subs {
		if s.Enabled {
			templates[s.Name] = s.Output.Topic
		}
	}
	names, err := c.settings().Names(templates)
	if err == nil && c.shares() {
		if slices.Contains(names, c.State.Topic) {
			return nil, fmt.Errorf("state.topic: %s is a topic for events too; give the state one of its own", c.State.Topic)
		}
		names = append(names, c.State.Topic)
	}
	return names, err
}

func (c *Config) producer(topics []string, log *slog.Logger) (*producer.Producer, error) {
	k := &c.Kafka
	pc := producer.Config{Brokers: k.Brokers, ClientID: k.ClientID, Topics: topics, Compression: k.Compression, Log: log,
		SASL:            producer.SASL{Mechanism: k.SASL.Mechanism, Username: k.SASL.Username, Password: k.SASL.Password, TokenFile: c.path(k.SASL.TokenFile)},
		DeliveryTimeout: k.DeliveryTimeout.Duration(), Linger: k.Linger.Duration(), Buffer: int64(k.Buffer)}
	if k.TLS.Enabled {
		var err error
		if pc.TLS, err = c.kafkaTLS(); err != nil {
			return nil, fmt.Errorf("kafka.tls: %w", err)
		}
	}
	return producer.New(pc)
}

func (c *Config) kafkaTLS() (*tls.Config, error) {
	t := &c.Kafka.TLS
	config := &tls.Config{ServerName: t.ServerName, MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := os.ReadFile(c.path(t.CA))
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", t.CA)
		}
	}
	if t.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(c.path(t.Certificate), c.path(t.Key))
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
