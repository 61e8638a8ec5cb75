package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"
)

// Server is a listener's certificates: its own, the CAs whose clients may enter, and the lists of those who may not any more. Set the
// fields, [Server.Load], then serve with [Server.Config]; Load again whenever files changed.
type Server struct {
	Certificate string   // file: chain, leaf first
	Key         string   // file
	ClientCA    string   // file: every issuing CA; a chain may end at any certificate in it, and at no other
	MinVersion  string   // 1.2 (also "") or 1.3
	CBC         bool     // ECDHE-RSA with AES-CBC as well: Windows Server 2012 R2 has no other suite for an RSA certificate
	CRL         []string // files, PEM or DER
	CRLRequired bool     // a client whose issuer has no valid CRL stays outside

	Log *slog.Logger // gets what [Server.Warnings] has, at each Load

	current atomic.Pointer[state]
}

// state is what one Load read. It does not change.
type state struct {
	config   *tls.Config
	chain    []*x509.Certificate // our own
	cas      []*x509.Certificate
	lists    revocations
	warnings []Problem
}

// Fact is a date to watch.
type Fact struct {
	Role       string // server | ca
	Name       string
	NotAfter   time.Time
	Thumbprint string // of a ca: what IssuerCA= of its clients must say
}

// Load reads and judges every file, then puts all of it in force for the handshakes to come; connections stay as they are. On error
// nothing changes, and the words name the file and the cure.
func (s *Server) Load() error {
	fresh, err := s.read(time.Now())
	if err != nil {
		return err
	}
	s.current.Store(fresh)
	if s.Log != nil {
		for _, w := range fresh.warnings {
			s.Log.Warn("certificate", "error", w.Error())
		}
	}
	return nil
}

func (s *Server) read(now time.Time) (*state, error) {
	version, err := minVersion(s.MinVersion)
	if err != nil {
		return nil, err
	}
	pair, err := LoadPair(s.Certificate, s.Key)
	if err != nil {
		return nil, err
	}
	fresh := &state{chain: append([]*x509.Certificate{pair.Certificate}, pair.Chain...)}
	for _, p := range Explain(fresh.chain, "", now) {
		if p.Fatal {
			return nil, fmt.Errorf("%s: %w", s.Certificate, p)
		}
		fresh.warnings = append(fresh.warnings, p)
	}
	if err := fresh.readCAs(s.ClientCA, now); err != nil {
		return nil, err
	}
	if fresh.lists, err = readCRLs(s.CRL, fresh.cas, s.CRLRequired); err != nil {
		return nil, err
	}
	fresh.warnings = append(fresh.warnings, fresh.lists.problems(fresh.cas, now)...)
	fresh.config = fresh.newConfig(pair.TLS(), version, s.CBC)
	return fresh, nil
}

// readCAs wants CA certificates and nothing else: crypto/x509 would take any other one in the pool for a client that is let in.
func (st *state) readCAs(file string, now time.Time) error {
	found, err := LoadCertificates(file)
	if err != nil {
		return err
	}
	expired := 0
	for _, c := range found {
		if slices.ContainsFunc(st.cas, c.Equal) {
			continue
		}
		st.cas = append(st.cas, c)
		if !isCA(c) {
			return fmt.Errorf("%s: %s is not a CA certificate; keep only the certificates of the authorities that issue to hosts", file, title(c))
		}
		if p := keyProblem(c); p != nil {
			return fmt.Errorf("%s: %w", file, p)
		}
		if p := dateProblem(c, now); p != nil {
			expired++
			st.warnings = append(st.warnings, *p)
		}
	}
	if expired == len(st.cas) {
		return fmt.Errorf("%s: no CA in it is valid now, so no client could be: %w", file, dateProblem(st.cas[0], now))
	}
	return nil
}

// newConfig keeps Go's own choices (curves, tickets, order of suites) but for what Windows or safety asks.
func (st *state) newConfig(own tls.Certificate, version uint16, cbc bool) *tls.Config {
	pool := x509.NewCertPool()
	for _, c := range st.cas {
		pool.AddCert(c)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{own},
		MinVersion:   version,
		CipherSuites: suites(cbc),
		NextProtos:   protocols,
		// In the first handshake: Go neither renegotiates nor asks later. It wants clientAuth of the leaf.
		ClientAuth: tls.RequireAndVerifyClientCert,
		// Hosts send the leaf alone, so an issuing CA must itself be an end of the chain.
		ClientCAs:        pool,
		VerifyConnection: st.verify,
	}
}

// verify runs after Go's own verification, and for resumed sessions too: a ticket is no way round a CRL.
func (st *state) verify(cs tls.ConnectionState) error {
	return st.lists.check(cs.VerifiedChains, time.Now())
}

var protocols = []string{"http/1.1"} // Windows speaks nothing newer here

// suites for TLS 1.2, those with authenticated encryption first; 1.3 has its own.
func suites(cbc bool) []uint16 {
	list := []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
	if cbc {
		list = append(list, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA)
	}
	return list
}

func minVersion(s string) (uint16, error) {
	switch s {
	case "", "1.2":
		return tls.VersionTLS12, nil
	case "1.3":
		return tls.VersionTLS13, nil
	}
	return 0, fmt.Errorf("TLS version %q: use 1.2 or 1.3", s)
}

var errNotLoaded = errors.New("certificates are not loaded")

// Config serves each handshake with what the newest [Server.Load] read. Session tickets work across reloads; whether their owner may
// still enter is asked again.
func (s *Server) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: protocols,
		ClientAuth: tls.RequireAndVerifyClientCert,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			if st := s.current.Load(); st != nil {
				return st.config, nil
			}
			return nil, errNotLoaded
		},
	}
}

// Facts are the certificates in force: the server's own, then each CA. None before the first Load.
func (s *Server) Facts() []Fact {
	st := s.current.Load()
	if st == nil {
		return nil
	}
	facts := []Fact{fact("server", st.chain[0])}
	for _, c := range st.cas {
		facts = append(facts, fact("ca", c))
	}
	return facts
}

func fact(role string, c *x509.Certificate) Fact {
	return Fact{Role: role, Name: name(c), NotAfter: c.NotAfter, Thumbprint: Thumbprint(c)}
}

// Chain is the server's certificate in force and what is sent after it, for [Explain]. Read only; nil before the first Load.
func (s *Server) Chain() []*x509.Certificate {
	if st := s.current.Load(); st != nil {
		return st.chain
	}
	return nil
}

// Warnings are what the newest Load found and let pass.
func (s *Server) Warnings() []Problem {
	if st := s.current.Load(); st != nil {
		return st.warnings
	}
	return nil
}
