package kerberos_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wefka/wefka/internal/kdctest"
	"github.com/wefka/wefka/simulator"
	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

const kdcRealm = "EXAMPLE.TEST"

// etypes in their order of numbers.
var kdcEtypes = []int32{17, 18, 19, 20, 23}

// labels that the metrics have for them.
var etypeLabels = map[int32]string{17: "aes128-cts-hmac-sha1-96", 18: "aes256-cts-hmac-sha1-96", 19: "aes128-cts-hmac-sha256-128", 20: "aes256-cts-hmac-sha384-192", 23: "rc4-hmac"}

func serviceOf(etype int32) string { return fmt.Sprintf("HTTP/e%d.example.test", etype) }

// startMIT starts a KDC with three computers, a user, and one service for each etype, whose keys and session keys are of that alone.
func startMIT(t *testing.T) (k *kdctest.KDC, hosts, services string) {
	t.Helper()
	realm := kdctest.Realm{Name: kdcRealm, Principals: []kdctest.Principal{{Name: "PC-1$"}, {Name: "PC-2$"}, {Name: "PC-3$"}, {Name: "alice"}, {Name: "host/wec.example.test"}}}
	names := []string{"host/wec.example.test"}
	for _, etype := range kdcEtypes {
		realm.Principals = append(realm.Principals, kdctest.Principal{Name: serviceOf(etype), Etypes: []string{kdctest.Etypes[etype]}})
		names = append(names, serviceOf(etype))
	}
	k = kdctest.MIT(t, realm)
	return k, k.Keytab(kdcRealm, "PC-1$", "PC-2$", "PC-3$", "alice"), k.Keytab(kdcRealm, names...)
}

// TestMITMatrix: what real tickets of an MIT KDC prove, our simulator delivers: each etype, either scheme, compressed or not.
func TestMITMatrix(t *testing.T) {
	k, hosts, services := startMIT(t)
	s := openSite(t, &kerberos.Acceptor{Keytab: services, RC4: true})
	for _, etype := range kdcEtypes {
		for _, scheme := range []wsman.Method{wsman.Kerberos, wsman.Negotiate} {
			for _, compress := range []bool{true, false} {
				t.Run(fmt.Sprintf("etype %d %s sldc %v", etype, scheme, compress), func(t *testing.T) {
					s.forget(compress)
					contexts := s.total("kerberos_contexts_total", "auth="+string(scheme), "etype="+etypeLabels[etype], "realm="+kdcRealm)
					f := s.fleet(hosts, k.Krb5Conf(), serviceOf(etype))
					f.Negotiate, f.Etypes = scheme == wsman.Negotiate, []int32{etype}
					wire := tapped(f)
					var acked bytes.Buffer
					f.Acked = &acked
					report := s.deliver(t, f)
					if got := s.seen(); !slices.Equal(got, []string{"PC-1$@" + kdcRealm, "PC-2$@" + kdcRealm, "PC-3$@" + kdcRealm}) {
						t.Errorf("events of %v", got)
					}
					if smaller := report.Bytes.Wire < report.Bytes.Text; smaller != compress {
						t.Errorf("%d bytes on the wire for %d of text", report.Bytes.Wire, report.Bytes.Text)
					}
					// A connection for the enumeration and one for the delivery, of each host.
					if got := s.total("kerberos_contexts_total", "auth="+string(scheme), "etype="+etypeLabels[etype], "realm="+kdcRealm) - contexts; got != 6 {
						t.Errorf("%v contexts with that etype", got)
					}
					if n := strings.Count(acked.String(), "\n"); n != 60 || len(s.ended) != 3 {
						t.Errorf("%d ids written down, goodbyes %v", n, s.ended)
					}
					if !strings.Contains(s.texts[0], "<Computer>pc-") || !strings.Contains(s.texts[0], ".example.test</Computer>") {
						t.Errorf("Computer of %.600s", s.texts[0])
					}
					wire.sealed(t, scheme, compress)
					t.Logf("%d events of %d hosts Acked in %.2f s, %d bytes of text as %d on the wire", report.Events.Acked, report.Hosts, report.Seconds, report.Bytes.Text, report.Bytes.Wire)
				})
			}
		}
	}
}

// tap keeps what a fleet says on its connections.
type tap struct {
	mu    sync.Mutex
	conns []*bytes.Buffer
}

func tapped(f *simulator.Fleet) *tap {
	w := &tap{}
	f.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.conns = append(w.conns, &bytes.Buffer{})
		return &tappedConn{conn, w, w.conns[len(w.conns)-1]}, nil
	}
	return w
}

type tappedConn struct {
	net.Conn
	tap  *tap
	said *bytes.Buffer
}

func (c *tappedConn) Write(b []byte) (int, error) {
	c.tap.mu.Lock()
	c.said.Write(b)
	c.tap.mu.Unlock()
	return c.Conn.Write(b)
}

// sealed says whether each connection began with an empty request that has a token, and was sealed from there.
func (w *tap) sealed(t *testing.T, scheme wsman.Method, compress bool) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	word := map[wsman.Method]string{wsman.Kerberos: "Kerberos", wsman.Negotiate: "Negotiate"}[scheme]
	protocol := map[wsman.Method]string{wsman.Kerberos: "HTTP-Kerberos-session-encrypted", wsman.Negotiate: "HTTP-SPNEGO-session-encrypted"}[scheme]
	for _, said := range w.conns {
		text := said.String()
		if strings.Count(text, "\r\nAuthorization: ") != 1 || strings.Count(text, "Content-Length: 0\r\n") != 1 || !strings.Contains(text[:400], "\r\nAuthorization: "+word+" YI") {
			t.Errorf("a connection begins %.400q", text)
		}
		requests := strings.Count(text, " HTTP/1.1\r\n")
		if got := strings.Count(text, "boundary=\"Encrypted Boundary\"\r\n"); got != requests-1 || strings.Count(text, protocol) != 2*got {
			t.Errorf("%d requests, %d of them sealed", requests, got)
		}
		if strings.Contains(text, "Envelope") || strings.Contains(text, "E\x00n\x00v\x00e\x00l\x00o\x00p\x00e") {
			t.Error("clear text on the wire")
		}
		labels := strings.Count(text, "Content-Encoding: SLDC\r\n")
		if delivery := strings.Contains(text, siteNotify); labels != 0 && labels != requests || (labels > 0) != (delivery && compress) {
			t.Errorf("%d of %d requests labelled SLDC", labels, requests)
		}
	}
}

// TestMITRefusals: what real tickets do not prove.
func TestMITRefusals(t *testing.T) {
	k, hosts, services := startMIT(t)
	accounts := load(t, hosts, k.Krb5Conf())
	pc1, alice := accounts["PC-1$"], accounts["alice"]
	t.Run("user", func(t *testing.T) {
		s := openSite(t, &kerberos.Acceptor{Keytab: services})
		s.refuses(t, initiator(alice, serviceOf(18), wsman.Kerberos), "user", "alice@"+kdcRealm)
	})
	t.Run("user allowed", func(t *testing.T) {
		s := openSite(t, &kerberos.Acceptor{Keytab: services, Users: true})
		if err := s.beat(t, initiator(alice, serviceOf(18), wsman.Kerberos)); err != nil {
			t.Error(err)
		}
	})
	t.Run("rc4", func(t *testing.T) {
		s := openSite(t, &kerberos.Acceptor{Keytab: services})
		s.refuses(t, initiator(load(t, hosts, k.Krb5Conf(), 23)["PC-1$"], serviceOf(23), wsman.Negotiate), "etype", "msDS-SupportedEncryptionTypes")
	})
	t.Run("another service's keytab", func(t *testing.T) {
		s := openSite(t, &kerberos.Acceptor{Keytab: k.Keytab(kdcRealm, serviceOf(17))})
		s.refuses(t, initiator(pc1, serviceOf(18), wsman.Kerberos), "no_key", "sname="+serviceOf(18))
	})
	t.Run("service name not allowed", func(t *testing.T) {
		s := openSite(t, &kerberos.Acceptor{Keytab: services, SPNs: []string{"HTTP/wec.example.test"}})
		s.refuses(t, initiator(pc1, serviceOf(18), wsman.Kerberos), "spn")
	})
	t.Run("clock of the source", func(t *testing.T) {
		s := openSite(t, &kerberos.Acceptor{Keytab: services})
		for _, scheme := range []wsman.Method{wsman.Kerberos, wsman.Negotiate} {
			i := initiator(pc1, serviceOf(18), scheme)
			i.Quirks.Skew = 6 * time.Minute
			if err := s.refuses(t, i, "skew"); err == nil || !strings.Contains(err.Error(), "KRB_AP_ERR_SKEW") {
				t.Errorf("%s: the source is told %v", scheme, err)
			}
			i = initiator(pc1, serviceOf(18), scheme)
			i.Quirks.Skew = -4 * time.Minute
			if err := s.beat(t, i); err != nil {
				t.Errorf("%s: 4 minutes late: %v", scheme, err)
			}
		}
	})
	t.Run("ticket expired", func(t *testing.T) {
		a := &kerberos.Acceptor{Keytab: services}
		a.Clock(func() time.Time { return time.Now().Add(25 * time.Hour) })
		i := initiator(pc1, serviceOf(18), wsman.Kerberos)
		i.Quirks.Skew = 25 * time.Hour // both clocks are right, and the ticket is of yesterday
		openSite(t, a).refuses(t, i, "skew")
	})
	t.Run("replay", func(t *testing.T) {
		s := openSite(t, &kerberos.Acceptor{Keytab: services})
		i := initiator(pc1, serviceOf(18), wsman.Kerberos)
		i.Quirks.Replay = true
		if err := s.beat(t, i); err != nil {
			t.Fatal(err)
		}
		s.refuses(t, i, "replay")
	})
	for name, ntlm := range map[string]simulator.NTLM{"ntlm": simulator.RawNTLM, "ntlm in spnego": simulator.WrappedNTLM} {
		t.Run(name, func(t *testing.T) {
			s := openSite(t, &kerberos.Acceptor{Keytab: services})
			s.refuses(t, ntlm, "ntlm", "client offered NTLM", "SPN", "TrustedHosts")
		})
	}
}

// TestMITExpiry: a context ends with its ticket; the source comes back with a new one.
func TestMITExpiry(t *testing.T) {
	k, hosts, services := startMIT(t)
	var mu sync.Mutex
	ahead := time.Duration(0)
	a := &kerberos.Acceptor{Keytab: services}
	a.Clock(func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return time.Now().Add(ahead)
	})
	s := openSite(t, a)
	c := s.client(initiator(load(t, hosts, k.Krb5Conf())["PC-1$"], serviceOf(18), wsman.Kerberos))
	if err := c.Heartbeat(t.Context(), s.offer()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	ahead = 25 * time.Hour
	mu.Unlock()
	if err := c.Heartbeat(t.Context(), s.offer()); err == nil || !strings.Contains(err.Error(), "401") || c.Connected() {
		t.Errorf("after the ticket's end: %v; connected %v", err, c.Connected())
	}
	mu.Lock()
	ahead = 0
	mu.Unlock()
	if err := c.Heartbeat(t.Context(), s.offer()); err != nil {
		t.Errorf("once more: %v", err)
	}
}

// TestMITRealms: one listener serves the hosts of all realms whose keys it has.
func TestMITRealms(t *testing.T) {
	const other = "OTHER.TEST"
	k := kdctest.MIT(t,
		kdctest.Realm{Name: kdcRealm, Principals: []kdctest.Principal{{Name: "PC-1$"}, {Name: "HTTP/wec.example.test"}}},
		kdctest.Realm{Name: other, Principals: []kdctest.Principal{{Name: "PC-1$"}, {Name: "PC-2$"}, {Name: "HTTP/wec.example.test"}}})
	hosts, services := k.Keytab(kdcRealm, "PC-1$"), k.Keytab(kdcRealm, "HTTP/wec.example.test")
	k.AddKeys(hosts, other, "PC-1$", "PC-2$")
	k.AddKeys(services, other, "HTTP/wec.example.test")
	s := openSite(t, &kerberos.Acceptor{Keytab: services})
	s.deliver(t, s.fleet(hosts, k.Krb5Conf(), "HTTP/wec.example.test"))
	if got := s.seen(); !slices.Equal(got, []string{"PC-1$@" + kdcRealm, "PC-1$@" + other, "PC-2$@" + other}) {
		t.Errorf("events of %v", got)
	}
	for realm, contexts := range map[string]float64{kdcRealm: 2, other: 4} {
		if got := s.total("kerberos_contexts_total", "realm="+realm); got != contexts {
			t.Errorf("%v contexts of %s", got, realm)
		}
	}
	only := openSite(t, &kerberos.Acceptor{Keytab: services, Realms: []string{kdcRealm}})
	only.refuses(t, initiator(load(t, hosts, k.Krb5Conf())["PC-2$"], "HTTP/wec.example.test", wsman.Kerberos), "user", other)
}

// TestMITHost: the SPN of Server 2025's sources, opened by any entry of the keytab.
func TestMITHost(t *testing.T) {
	k, hosts, services := startMIT(t)
	s := openSite(t, &kerberos.Acceptor{Keytab: services})
	s.deliver(t, s.fleet(hosts, k.Krb5Conf(), "host/wec.example.test"))
	if got := s.seen(); len(got) != 3 {
		t.Errorf("events of %v", got)
	}
}

// TestMITManyHosts: a fleet of accounts asks for tickets when it needs them, a few at a time, and for each service once.
func TestMITManyHosts(t *testing.T) {
	const n = 200
	realm := kdctest.Realm{Name: kdcRealm, Principals: []kdctest.Principal{{Name: serviceOf(18)}}}
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("PC-%03d$", i))
		realm.Principals = append(realm.Principals, kdctest.Principal{Name: names[i], Etypes: []string{kdctest.Etypes[18]}})
	}
	k := kdctest.MIT(t, realm)
	s := openSite(t, &kerberos.Acceptor{Keytab: k.Keytab(kdcRealm, serviceOf(18))})
	f := s.fleet(k.Keytab(kdcRealm, names...), k.Krb5Conf(), serviceOf(18))
	f.Events = 2 * n
	report := s.deliver(t, f)
	if got := s.seen(); len(got) != n || report.Hosts != n {
		t.Errorf("events of %d hosts, %d in the report", len(got), report.Hosts)
	}
	log, err := os.ReadFile(k.Log())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"AS_REQ", "TGS_REQ"} {
		if got := bytes.Count(log, []byte(kind+" ")); got != n {
			t.Errorf("%d %s for %d hosts", got, kind, n)
		}
	}
	t.Logf("%d hosts delivered %d events in %.2f s", n, report.Events.Acked, report.Seconds)
}

// load reads a keytab's accounts, by name.
func load(t *testing.T, keytab, krb5Conf string, etypes ...int32) map[string]*kerberos.Account {
	t.Helper()
	accounts, err := kerberos.LoadAccounts(keytab, krb5Conf, etypes...)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*kerberos.Account{}
	for _, a := range accounts.All() {
		byName[a.Name] = a
	}
	return byName
}

func initiator(a *kerberos.Account, spn string, scheme wsman.Method) *kerberos.Initiator {
	return &kerberos.Initiator{Tickets: a.Ticket, SPN: spn, Scheme: scheme}
}
