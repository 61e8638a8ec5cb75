package bench_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wefka/wefka/certs"
	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

// crowd is many hosts in one process of their own, which do as they are told, line by line: they stay when they have nothing to send, and
// come back all at once. A fleet of the simulator does neither.
type crowd struct {
	URL              string
	CA, Key          string // files; the CA issues a certificate for each host
	Keytab, Krb5Conf string // or all of them are these accounts, in turn
	Hosts            int
	Events           int // in an envelope
	offer            wsman.Offer
	hosts            []*guest
	entries          []byte
}

// guest is one host.
type guest struct {
	client *wsman.Client
	tls    *tls.Config
	from   net.Addr // an address of its own
}

// told is the answer to a line.
type told struct {
	Seconds float64
	Failed  int64 // attempts
	Resumed int64 // TLS handshakes
	Acks    int   // of the busy hosts
	Refused int   // their deliveries that were not acknowledged at the first try
	P99     float64
	Error   string
}

var failed, resumed atomic.Int64 // attempts, and TLS handshakes, since the last order

const crowdEnv = "WEFKA_BENCH_CROWD"

// runCrowd is the process. Lines are: warm, connect, send, drop, return.
func runCrowd(config string) error {
	var c crowd
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return err
	}
	if err := c.prepare(); err != nil {
		return err
	}
	fmt.Println("ready")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		began := time.Now()
		failed.Store(0)
		resumed.Store(0)
		var t told
		var err error
		switch in.Text() {
		case "warm":
			err = c.warm()
		case "connect":
			err = c.each(16, c.beat)
		case "send":
			err = c.each(4, c.send)
		case "drop":
			err = c.each(64, func(g *guest) error { return g.client.Close() })
		case "return":
			t, err = c.comeBack()
		}
		if t.Seconds == 0 {
			t.Seconds = time.Since(began).Seconds()
		}
		t.Failed, t.Resumed = failed.Load(), resumed.Load()
		if err != nil {
			t.Error = err.Error()
		}
		if err := json.NewEncoder(os.Stdout).Encode(t); err != nil {
			return err
		}
	}
	return nil
}

func (c *crowd) prepare() error {
	var accounts []*kerberos.Account
	var authority *certs.Authority
	roots := x509.NewCertPool()
	if c.Keytab != "" {
		list, err := kerberos.LoadAccounts(c.Keytab, c.Krb5Conf)
		if err != nil {
			return err
		}
		accounts = slices.Collect(func(yield func(*kerberos.Account) bool) {
			for _, a := range list.All() {
				if a.Computer() && !yield(a) {
					return
				}
			}
		})
	} else {
		var err error
		if authority, err = certs.LoadAuthority(c.CA, c.Key); err != nil {
			return err
		}
		roots.AddCert(authority.Certificate)
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return err
	}
	for i := range c.Hosts {
		name := fmt.Sprintf("crowd-%05d.lab.example", i+1)
		g := &guest{from: &net.TCPAddr{IP: net.IPv4(127, 1, byte(i>>8), byte(i))}}
		g.client = &wsman.Client{Machine: name, Dial: func(ctx context.Context) (net.Conn, error) { return g.dial(ctx, u.Host) }}
		if authority != nil {
			pair, err := authority.IssueClient(name, 0)
			if err != nil {
				return err
			}
			own := pair.TLS()
			own.Certificate = own.Certificate[:1]
			g.tls = &tls.Config{RootCAs: roots, ServerName: u.Hostname(), Certificates: []tls.Certificate{own}, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		} else {
			a := accounts[i%len(accounts)]
			g.client.Initiator = &kerberos.Initiator{Tickets: a.Ticket, SPN: service, Scheme: wsman.Kerberos}
		}
		c.hosts = append(c.hosts, g)
	}
	list, err := c.hosts[0].client.Enumerate(context.Background(), c.URL)
	if err == nil && len(list.Offers) != 1 {
		err = fmt.Errorf("%d subscriptions", len(list.Offers))
	}
	if err != nil {
		return err
	}
	c.offer = list.Offers[0]
	event := []byte("<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon'/><EventID>1</EventID>" +
		"<TimeCreated SystemTime='" + time.Now().UTC().Format(time.RFC3339Nano) + "'/><EventRecordID>1</EventRecordID><Channel>Microsoft-Windows-Sysmon/Operational</Channel>" +
		"<Computer>crowd.lab.example</Computer></System><EventData><Data Name='CommandLine'>" + strings.Repeat("powershell.exe -NoProfile ", 36) + "</Data></EventData></Event>")
	c.entries = bytes.Repeat(wsman.AppendEvent(nil, event), c.Events)
	return c.hosts[0].client.Close()
}

func (g *guest) dial(ctx context.Context, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{LocalAddr: g.from}).DialContext(ctx, "tcp4", strings.Replace(address, "localhost", "127.0.0.1", 1))
	if err != nil || g.tls == nil {
		return conn, err
	}
	t := tls.Client(conn, g.tls)
	if err := t.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	if t.ConnectionState().DidResume {
		resumed.Add(1)
	}
	return t, nil
}

// each does something for every host, so many at a time, until it succeeds.
func (c *crowd) each(workers int, do func(*guest) error) error {
	todo := make(chan *guest)
	var wait sync.WaitGroup
	var first atomic.Value
	for range workers {
		wait.Go(func() {
			for g := range todo {
				if err := c.insist(g, do); err != nil {
					first.CompareAndSwap(nil, err)
				}
			}
		})
	}
	for _, g := range c.hosts {
		todo <- g
	}
	close(todo)
	wait.Wait()
	if err, ok := first.Load().(error); ok {
		return err
	}
	return nil
}

// warm has the collector make the buffers that it keeps, whatever hosts there are.
func (c *crowd) warm() error {
	all := c.hosts
	defer func() { c.hosts = all }()
	c.hosts = all[:min(16, len(all))]
	for range 128 / len(c.hosts) {
		if err := c.each(16, c.send); err != nil {
			return err
		}
	}
	return c.each(16, func(g *guest) error { return g.client.Close() })
}

const patience = 3 * time.Minute

// insist tries again, a while later, as often as it takes.
func (c *crowd) insist(g *guest, do func(*guest) error) error {
	for began := time.Now(); ; {
		err := do(g)
		if err == nil || time.Since(began) > patience {
			return err
		}
		failed.Add(1)
		time.Sleep(500*time.Millisecond + rand.N(time.Second))
	}
}

func (c *crowd) beat(g *guest) error { return g.client.Heartbeat(context.Background(), &c.offer) }

func (c *crowd) send(g *guest) error {
	return g.client.Events(context.Background(), &c.offer, []byte("<BookmarkList/>"), func(dst []byte) []byte { return append(dst, c.entries...) })
}

// comeBack lets every host but the last few connect at the same moment, while those few, which never left, deliver small batches.
func (c *crowd) comeBack() (t told, err error) {
	const busy = 10
	crowd, few := c.hosts[:len(c.hosts)-busy], c.hosts[len(c.hosts)-busy:]
	small := c.entries[:len(c.entries)/c.Events*10]
	for _, g := range few {
		if err := c.insist(g, c.beat); err != nil {
			return t, err
		}
	}
	var mu sync.Mutex
	var latencies []time.Duration
	done := make(chan struct{})
	var working, coming sync.WaitGroup
	for _, g := range few {
		working.Go(func() {
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for {
				began := time.Now()
				err := g.client.Events(context.Background(), &c.offer, []byte("<BookmarkList/>"), func(dst []byte) []byte { return append(dst, small...) })
				mu.Lock()
				latencies = append(latencies, time.Since(began))
				if err != nil {
					t.Refused++
				} else {
					t.Acks++
				}
				mu.Unlock()
				select {
				case <-tick.C:
				case <-done:
					return
				}
			}
		})
	}
	began := time.Now()
	var failures atomic.Int64
	for _, g := range crowd {
		coming.Go(func() {
			if c.insist(g, c.beat) != nil {
				failures.Add(1)
			}
		})
	}
	coming.Wait()
	t.Seconds = time.Since(began).Seconds()
	close(done)
	working.Wait()
	slices.Sort(latencies)
	t.P99 = float64(latencies[len(latencies)*99/100].Microseconds()) / 1000
	if n := failures.Load(); n > 0 {
		err = fmt.Errorf("%d hosts could not come back", n)
	}
	return t, err
}
