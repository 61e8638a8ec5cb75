package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wefka/wefka/certs"
	"github.com/wefka/wefka/hosts"
	"github.com/wefka/wefka/internal/kafkatest"
	"github.com/wefka/wefka/internal/kdctest"
	"github.com/wefka/wefka/simulator"
	"github.com/wefka/wefka/subscriptions"
	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

// provocation breaks one thing and says whom to ask about.
type provocation struct {
	cause string
	of    func(s *site) (host string)
}

// behind are the causes whose provocation is broken elsewhere too, earlier in the chain.
var behind = map[string]bool{"offer-except": true, "offer-groups": true, "offer-networks": true, "offer-certificates": true, "offer-paths": true, // all of one host
	"accept-old-version": true,                                          // has no events either
	"door-auth-failures": true,                                          // for a proof that cannot be read
	"offer-none":         true, "kafka-away": true, "kafka-login": true} // asked about nobody

// TestExplain breaks one thing after another around the built program, and finds explain naming it. Each cause has its provocation.
func TestExplain(t *testing.T) {
	missing := map[string]bool{}
	for _, c := range hosts.Causes() {
		missing[c.ID] = true
	}
	try := func(s *site, list []provocation) {
		for _, p := range list {
			t.Run(p.cause, func(t *testing.T) {
				s.t, s.lab.t = t, t
				of := p.of(s)
				e, c := s.finds(of, p.cause)
				if c == nil {
					t.Fatalf("explain %s: %s; causes %+v", of, e.Verdict, e.Causes)
				}
				if c.Evidence == "" || c.Remedy == "" {
					t.Errorf("says too little: %+v", c)
				}
				if first := e.Causes[0].Reason; first != p.cause && !behind[p.cause] {
					t.Errorf("%s comes first", first)
				}
				t.Logf("explain %s: %s\n%s", of, e.Verdict, c.Evidence)
				delete(missing, p.cause)
			})
		}
	}
	s := newSite(t)
	try(s, tlsProvocations)
	try(s, requestProvocations)
	try(s, deliveryProvocations)
	if s.members() {
		try(s, ticketProvocations)
	} else {
		for id := range missing {
			if strings.HasPrefix(id, "krb-") || id == "accept-kerberos" {
				delete(missing, id)
			}
		}
	}
	try(s, kafkaProvocations)
	try(nowhere(t), []provocation{
		{"offer-none", func(s *site) string { return "127.0.0.9" }},
		{"kafka-away", func(s *site) string { return "127.0.0.9" }},
	})
	try(refusing(t), []provocation{{"deliver-refused", func(s *site) string {
		s.deliver("relay.lab.example", "", sysmonEvent("other.lab.example", 1, time.Now()))
		return "relay.lab.example"
	}}})
	try(loggedOut(t), []provocation{{"kafka-login", func(s *site) string { return "127.0.0.9" }}})
	if t.Failed() {
		return
	}
	for id := range missing {
		t.Errorf("nothing provokes %s", id)
	}
}

// newSite starts a collector before a broker that refuses some topics.
func newSite(t *testing.T) *site {
	broker := kafkatest.FakeWith(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "wef.lab", "wef.denied", "wef.replicas", "wef.dead"))
	broker.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		codes := map[string]int16{"wef.denied": 29, "wef.replicas": 19}
		request := r.(*kmsg.ProduceRequest)
		answer := request.ResponseKind().(*kmsg.ProduceResponse)
		bad := false
		for _, topic := range request.Topics {
			at := kmsg.NewProduceResponseTopic()
			at.Topic, at.TopicID = topic.Topic, topic.TopicID
			for _, p := range topic.Partitions {
				part := kmsg.NewProduceResponseTopicPartition()
				part.Partition, part.ErrorCode = p.Partition, codes[topic.Topic]
				bad = bad || part.ErrorCode != 0
				at.Partitions = append(at.Partitions, part)
			}
			answer.Topics = append(answer.Topics, at)
		}
		return answer, nil, bad
	})
	s := &site{lab: newLab(t, broker.ListenAddrs()[0], "lab", sysmonQuery, "json"), t: t, addresses: map[string]string{}}
	s.addresses["tls"] = s.lab.address
	var err error
	if s.authority, err = certs.LoadAuthority(s.path("ca.pem"), s.path("ca.key")); err != nil {
		t.Fatal(err)
	}
	s.wefka("pki", "client", "--dir", s.dir, "--machine", "revoked.lab.example")
	s.wefka("pki", "crl", "--dir", s.dir, "--revoke", s.path("clients/revoked.lab.example.pem"))
	listeners := ""
	for _, name := range []string{"crl", "nocrl", "advertise"} {
		s.addresses[name] = freeAddress(t)
		more, advertise := "", ""
		switch name {
		case "crl":
			more = ", crl: [crl.pem]"
		case "nocrl":
			more = ", crl_required: true"
		case "advertise":
			advertise = ", advertise: \"localhost:1\""
		}
		listeners += fmt.Sprintf("  - {name: %s, address: %q%s, tls: {certificate: server.pem, key: server.key, client_ca: ca.pem%s}}\n", name, s.addresses[name], advertise, more)
	}
	listeners += s.domain()
	s.change("listeners:\n", "listeners:\n"+listeners)
	s.change("delivery_timeout: 8s", "delivery_timeout: 1s")
	lab, err := os.ReadFile(s.path("subscriptions.d/lab.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s.write("subscriptions.d/lab.yaml", string(lab)+"targets: {except: [\"offer-*\", \"kafka-*\"]}\n")
	for i, row := range []struct{ name, targets string }{
		{"names", `names: ["nobody*"]`}, {"groups", "groups: [S-1-5-21-1-2-3-4]"}, {"networks", "networks: [192.0.2.0/24]"}, {"certificates", `certificates: ["ou=none"]`}, {"paths", "paths: [/other]"},
		{"missing", `names: ["kafka-topic*"]`}, {"denied", `names: ["kafka-denied*"]`}, {"replicas", `names: ["kafka-replicas*"]`},
	} {
		s.write("subscriptions.d/"+row.name+".yaml", fmt.Sprintf("name: %s\nid: 1b5a3f2e-8c1d-4f6a-9e7b-2d3c4b5a697%d\nquery: %s\ntargets: {%s}\n", row.name, i, sysmonQuery, row.targets))
	}
	s.remembered(map[string]time.Duration{"gone.lab.example": time.Minute, "late.lab.example": 90 * time.Minute, "dead.lab.example": 5 * time.Hour})
	s.serve()
	return s
}

func (s *site) change(from, to string) {
	s.t.Helper()
	text, err := os.ReadFile(s.path("wefka.yaml"))
	if err != nil || !strings.Contains(string(text), from) {
		s.t.Fatalf("%v: no %q in the configuration", err, from)
	}
	s.write("wefka.yaml", strings.Replace(string(text), from, to, 1))
}

// remembered puts hosts into the state that were last heard so long ago.
func (s *site) remembered(silence map[string]time.Duration) {
	s.t.Helper()
	store, err := subscriptions.OpenBolt(s.path("state.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer store.Close()
	for host, ago := range silence {
		at := time.Now().Add(-ago).UTC().Round(0)
		key := subscriptions.Key{Subscription: "0b5a3f2e-8c1d-4f6a-9e7b-2d3c4b5a6978", Source: host}
		if err := store.Put(context.Background(), key, subscriptions.State{FirstSeen: at, LastHeard: at, LastEvents: at.Add(-time.Hour)}); err != nil {
			s.t.Fatal(err)
		}
	}
}

// nowhere is a collector without subscriptions and without Kafka.
func nowhere(t *testing.T) *site {
	s := &site{lab: newLab(t, freeAddress(t), "lab", sysmonQuery, "json"), t: t}
	if err := os.Remove(s.path("subscriptions.d/lab.yaml")); err != nil {
		t.Fatal(err)
	}
	s.serve()
	return s
}

// refusing is one that takes events of nobody but their sender.
func refusing(t *testing.T) *site {
	s := &site{lab: newLab(t, freeAddress(t), "lab", sysmonQuery, "json"), t: t}
	s.addresses = map[string]string{"tls": s.lab.address}
	var err error
	if s.authority, err = certs.LoadAuthority(s.path("ca.pem"), s.path("ca.key")); err != nil {
		t.Fatal(err)
	}
	s.configure("identity: {computer: reject}\n")
	s.serve()
	return s
}

// loggedOut is one whose password Kafka does not take.
func loggedOut(t *testing.T) *site {
	broker := kafkatest.FakeWith(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "wef.lab", "wef.dead"), kfake.EnableSASL(), kfake.Superuser("PLAIN", "wefka", "right"))
	s := &site{lab: newLab(t, broker.ListenAddrs()[0], "lab", sysmonQuery, "json"), t: t}
	s.change("kafka: {", "kafka: {sasl: {mechanism: plain, username: wefka, password: wrong}, ")
	s.serve()
	return s
}

var tlsProvocations = []provocation{
	{"reach-no-dns", func(*site) string { return "nobody.invalid" }},
	{"reach-never", func(*site) string { return "127.9.9.9" }},
	{"reach-not-again", func(*site) string { return "gone.lab.example" }},
	{"silent-late", func(*site) string { return "late.lab.example" }},
	{"silent-dead", func(*site) string { return "dead.lab.example" }},
	{"tls-unknown-ca", func(s *site) string {
		other, err := certs.New("another authority", 30)
		if err != nil {
			s.t.Fatal(err)
		}
		p, err := other.IssueClient("stranger.lab.example", 30)
		if err != nil {
			s.t.Fatal(err)
		}
		s.shake(s.address(), "tls", s.tls(p.TLS()))
		return "stranger.lab.example"
	}},
	{"tls-expired", func(s *site) string {
		s.shake(s.address(), "tls", s.tls(s.forged(func(c *x509.Certificate) {
			c.DNSNames, c.NotBefore, c.NotAfter = []string{"expired.lab.example"}, time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
		})))
		return "expired.lab.example"
	}},
	{"tls-not-yet-valid", func(s *site) string {
		s.shake(s.address(), "tls", s.tls(s.forged(func(c *x509.Certificate) {
			c.DNSNames, c.NotBefore, c.NotAfter = []string{"early.lab.example"}, time.Now().Add(24*time.Hour), time.Now().Add(48*time.Hour)
		})))
		return "early.lab.example"
	}},
	{"tls-eku", func(s *site) string {
		s.shake(s.address(), "tls", s.tls(s.forged(func(c *x509.Certificate) {
			c.DNSNames, c.ExtKeyUsage = []string{"web.lab.example"}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		})))
		return "web.lab.example"
	}},
	{"tls-identity", func(s *site) string {
		from := s.address()
		s.shake(from, "tls", s.tls(s.forged(func(c *x509.Certificate) { c.Subject = pkix.Name{Organization: []string{"Lab"}} })))
		return from
	}},
	{"tls-revoked", func(s *site) string {
		pair, err := tls.LoadX509KeyPair(s.path("clients/revoked.lab.example.pem"), s.path("clients/revoked.lab.example.key"))
		if err != nil {
			s.t.Fatal(err)
		}
		s.shake(s.address(), "crl", s.tls(pair))
		return "revoked.lab.example"
	}},
	{"tls-no-crl", func(s *site) string {
		s.shake(s.address(), "nocrl", s.tls(s.pair("unlisted.lab.example", 30)))
		return "unlisted.lab.example"
	}},
	{"tls-no-certificate", func(s *site) string { from := s.address(); s.shake(from, "tls", s.tls()); return from }},
	{"tls-plain-http", func(s *site) string {
		from := s.address()
		s.raw(from, "tls", "", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		return from
	}},
	{"tls-version", func(s *site) string {
		from, config := s.address(), s.tls(s.pair("old.lab.example", 30))
		config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		s.shake(from, "tls", config)
		return from
	}},
	{"tls-cipher", func(s *site) string {
		from, config := s.address(), s.tls(s.pair("cipher.lab.example", 30))
		config.MaxVersion, config.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}
		s.shake(from, "tls", config)
		return from
	}},
	{"tls-host-refuses", func(s *site) string {
		from := s.address()
		s.shake(from, "tls", &tls.Config{ServerName: "localhost", RootCAs: x509.NewCertPool(), MaxVersion: tls.VersionTLS12})
		return from
	}},
	{"door-connections", func(s *site) string {
		from := s.address()
		var open []net.Conn
		for range 60 {
			c, err := s.dial(from, "tls")
			if err != nil {
				s.t.Fatal(err)
			}
			open = append(open, c)
		}
		s.t.Cleanup(func() {
			for _, c := range open {
				c.Close()
			}
		})
		return from
	}},
}

const soap = "Content-Type: application/soap+xml;charset=UTF-8\r\n"

func post(headers, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %d\r\n\r\n%s", wsman.EnumeratePath, headers, len(body), body)
}

// another puts another GUID where the subscription's is.
const (
	labID   = "0B5A3F2E-8C1D-4F6A-9E7B-2D3C4B5A6978"
	another = "0B5A3F2E-8C1D-4F6A-9E7B-2D3C4B5A0000"
)

// offers is what a host gets that is not to get any.
func offers(s *site) string {
	const of = "offer-1.lab.example"
	c := s.host(of, "tls")
	if list, err := c.Enumerate(context.Background(), s.url("tls")); err != nil || len(list.Offers) != 0 {
		s.t.Fatal(list, err)
	}
	return of
}

// leaves is a host that ends its subscription.
func leaves(of string, end wsman.SubscriptionEnd) func(*site) string {
	return func(s *site) string {
		c := s.host(of, "tls")
		o := s.enumerate(c, "tls")
		c.Heartbeat(context.Background(), o)
		c.SubscriptionEnd(context.Background(), o, &end)
		return of
	}
}

// forwarder is a host that forwards what its forwarder says.
func forwarder(id string, data string) func(*site) string {
	return func(s *site) string {
		of := "forwarder-" + id + ".lab.example"
		s.deliver(of, "", eventOf("Microsoft-Windows-Forwarding", "Microsoft-Windows-Forwarding/Operational", id, of, 1, time.Now(), "<EventData>"+data+"</EventData>"))
		return of
	}
}

var requestProvocations = []provocation{
	{"request-method", func(s *site) string {
		s.raw(s.address(), "tls", "get.lab.example", "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		return s.lastAddress()
	}},
	{"request-length", func(s *site) string {
		s.raw(s.address(), "tls", "chunks.lab.example", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
		return s.lastAddress()
	}},
	{"request-media-type", func(s *site) string {
		s.raw(s.address(), "tls", "type.lab.example", post("Content-Type: text/plain\r\n", "x"))
		return "type.lab.example"
	}},
	{"request-coding", func(s *site) string {
		s.raw(s.address(), "tls", "gzip.lab.example", post(soap+"Content-Encoding: gzip\r\n", "x"))
		return "gzip.lab.example"
	}},
	{"request-too-large", func(s *site) string {
		s.raw(s.address(), "tls", "large.lab.example", "POST / HTTP/1.1\r\nHost: x\r\n"+soap+"Content-Length: 99999999\r\n\r\n")
		return "large.lab.example"
	}},
	{"request-malformed", func(s *site) string {
		s.raw(s.address(), "tls", "noise.lab.example", post(soap, "<noise"))
		return "noise.lab.example"
	}},
	{"request-action", func(s *site) string {
		s.raw(s.address(), "tls", "action.lab.example", post(soap, `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing">`+
			`<s:Header><a:Action>urn:get</a:Action><a:MessageID>uuid:1</a:MessageID></s:Header><s:Body></s:Body></s:Envelope>`))
		return "action.lab.example"
	}},
	{"request-path", func(s *site) string {
		c := s.host("path.lab.example", "tls")
		o := s.enumerate(c, "tls")
		o.NotifyTo = strings.Replace(o.NotifyTo, labID, another, 1)
		c.Heartbeat(context.Background(), o)
		return "path.lab.example"
	}},
	{"offer-disabled", func(s *site) string {
		c := s.host("disabled.lab.example", "tls")
		o := s.enumerate(c, "tls")
		o.NotifyTo, o.NotifyEcho = strings.Replace(o.NotifyTo, labID, another, 1), []byte(strings.Replace(string(o.NotifyEcho), labID, another, 1))
		c.Heartbeat(context.Background(), o)
		return "disabled.lab.example"
	}},
	{"offer-forbidden", func(s *site) string {
		o := s.enumerate(s.host("entitled.lab.example", "tls"), "tls")
		s.host("offer-2.lab.example", "tls").Heartbeat(context.Background(), o)
		return "offer-2.lab.example"
	}},
	{"offer-names", offers}, {"offer-except", offers}, {"offer-groups", offers}, {"offer-networks", offers}, {"offer-certificates", offers}, {"offer-paths", offers},
	{"accept-advertise", func(s *site) string {
		s.enumerate(s.host("advertise.lab.example", "advertise"), "advertise")
		return "advertise.lab.example"
	}},
	{"accept-tls", func(s *site) string {
		s.enumerate(s.host("quiet.lab.example", "tls"), "tls")
		return "quiet" // the first part will do
	}},
	{"accept-old-version", func(s *site) string {
		c := s.host("version.lab.example", "tls")
		o := s.enumerate(c, "tls")
		o.NotifyTo = o.NotifyTo[:strings.LastIndexByte(o.NotifyTo, '/')+1] + another
		if err := c.Heartbeat(context.Background(), o); err != nil {
			s.t.Fatal(err)
		}
		return "version.lab.example"
	}},
	{"end-query", leaves("query.lab.example", wsman.SubscriptionEnd{Status: wsman.SourceCancelling, Code: "15001", Message: "the query is invalid"})},
	{"end-channel", leaves("channel.lab.example", wsman.SubscriptionEnd{Status: wsman.SourceCancelling, Code: "15007"})},
	{"end-access", leaves("access.lab.example", wsman.SubscriptionEnd{Status: wsman.SourceCancelling, Code: "5004"})},
	{"end-shutdown", leaves("off.lab.example", wsman.SubscriptionEnd{Status: wsman.SourceShuttingDown, Code: "1717"})},
	{"end-other", leaves("leaves.lab.example", wsman.SubscriptionEnd{Status: wsman.DeliveryFailure, Code: "995"})},
	{"forwarder-101", forwarder("101", "<Data Name='Id'>lab</Data><Data Name='Status'>5</Data>")},
	{"forwarder-102", forwarder("102", "<Data Name='Id'>lab</Data><Data Name='ErrorCode'>5004</Data>")},
	{"forwarder-103", forwarder("103", "<Data Name='Id'>lab</Data>")},
	{"forwarder-105", forwarder("105", "<Data Name='ErrorCode'>12175</Data><Data Name='ErrorMessage'>TLS failed</Data>")},
	{"forwarder-107", forwarder("107", "")},
}

func (s *site) lastAddress() string { return fmt.Sprintf("127.0.1.%d", s.last.Load()) }

var deliveryProvocations = []provocation{
	{"deliver-nothing", func(s *site) string {
		c := s.host("empty.lab.example", "tls")
		if err := c.Heartbeat(context.Background(), s.enumerate(c, "tls")); err != nil {
			s.t.Fatal(err)
		}
		return "empty.lab.example"
	}},
	{"deliver-dropped", func(s *site) string {
		s.deliver("dropped.lab.example", "", sysmonEvent("dropped.lab.example", 1, time.Now()), `<w:Event Action="http://schemas.dmtf.org/wbem/wsman/1/wsman/DroppedEvents">3</w:Event>`)
		return "dropped.lab.example"
	}},
	{"deliver-bookmark-ignored", func(s *site) string {
		const of = "anew.lab.example"
		const mark = `<BookmarkList><Bookmark Channel="Microsoft-Windows-Sysmon/Operational" RecordId="%d" IsCurrent="true"/></BookmarkList>`
		c := s.deliver(of, fmt.Sprintf(mark, 1), sysmonEvent(of, 1, time.Now()))
		s.more(c, s.enumerate(c, "tls"), fmt.Sprintf(mark, 9), fmt.Sprintf(`<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name='Microsoft-Windows-EventForwarder'/>`+
			`<EventID>111</EventID><TimeCreated SystemTime='2026-03-05T09:14:22.107Z'/><Computer>%s</Computer></System><SubscriptionBookmarkEvent><SubscriptionId></SubscriptionId></SubscriptionBookmarkEvent></Event>`, of))
		return of
	}},
	{"deliver-identity", func(s *site) string {
		s.deliver("relay.lab.example", "", sysmonEvent("other.lab.example", 1, time.Now()))
		return "relay.lab.example"
	}},
	{"deliver-dead-letters", func(s *site) string {
		s.deliver("broken.lab.example", "", "<Event><System>")
		return "broken.lab.example"
	}},
	{"deliver-clock", func(s *site) string {
		s.deliver("ahead.lab.example", "", sysmonEvent("ahead.lab.example", 1, time.Now().Add(10*time.Minute)))
		return "ahead.lab.example"
	}},
	{"deliver-gaps", func(s *site) string {
		s.deliver("gaps.lab.example", "", sysmonEvent("gaps.lab.example", 1, time.Now()), sysmonEvent("gaps.lab.example", 5, time.Now()))
		return "gaps.lab.example"
	}},
	{"deliver-cleared", func(s *site) string {
		s.deliver("cleared.lab.example", "", eventOf("Microsoft-Windows-Eventlog", "Security", "1102", "cleared.lab.example", 1, time.Now(), ""))
		return "cleared.lab.example"
	}},
	{"deliver-certificate-expiring", func(s *site) string {
		c := s.with("ending.lab.example", "tls", s.pair("ending.lab.example", 5))
		s.more(c, s.enumerate(c, "tls"), "", sysmonEvent("ending.lab.example", 1, time.Now()))
		return "ending.lab.example"
	}},
}

// domain writes the Kerberos listeners, if there is a KDC to test with.
func (s *site) domain() (listeners string) {
	if _, err := exec.LookPath("krb5kdc"); err != nil {
		if _, err := os.Stat("/usr/sbin/krb5kdc"); err != nil && os.Getenv("CI") == "" {
			s.t.Log("no krb5kdc: causes of tickets are not provoked")
			return ""
		}
	}
	const realm = "EXAMPLE.TEST"
	aes256, aes128, rc4 := kdctest.Etypes[18], kdctest.Etypes[17], kdctest.Etypes[23]
	kdc := kdctest.MIT(s.t, kdctest.Realm{Name: realm, Principals: []kdctest.Principal{
		{Name: service, Etypes: []string{aes256}}, {Name: "HTTP/other.example.test", Etypes: []string{aes256}}, {Name: "HTTP/aes128.example.test", Etypes: []string{aes128}},
		{Name: "HTTP/renewed.example.test", Etypes: []string{aes256}}, {Name: "HTTP/rc4.example.test", Etypes: []string{rc4}, Session: []string{aes256}},
		{Name: "PC-0001$"}, {Name: "PC-0002$"}, {Name: "alice"}, {Name: "PC-0003$"}, {Name: "PC-0004$"}}})
	keytabs := map[string]string{"krb": kdc.Keytab(realm, service), "krbother": kdc.Keytab(realm, "HTTP/other.example.test"), "krbaes128": kdc.Keytab(realm, "HTTP/aes128.example.test"),
		"krbrenewed": kdc.Keytab(realm, "HTTP/renewed.example.test")}
	kdc.Admin(realm, "change_password -randkey -e "+aes256+":normal HTTP/renewed.example.test@"+realm)
	keytabs["krbspn"], keytabs["krbrealm"] = keytabs["krb"], keytabs["krb"]
	more := map[string]string{"krbspn": ", spns: [HTTP/only.example.test]", "krbrealm": ", realms: [OTHER.TEST]"}
	for name, keytab := range keytabs {
		s.addresses[name] = freeAddress(s.t)
		listeners += fmt.Sprintf("  - {name: %s, address: %q, kerberos: {keytab: %q%s}}\n", name, s.addresses[name], keytab, more[name])
	}
	accounts, err := kerberos.LoadAccounts(kdc.Keytab(realm, "PC-0001$", "PC-0002$", "PC-0003$", "PC-0004$", "alice"), kdc.Krb5Conf())
	if err != nil {
		s.t.Fatal(err)
	}
	s.accounts = map[string]*kerberos.Account{}
	for _, a := range accounts.All() {
		s.accounts[a.Name] = a
	}
	return listeners
}

func (s *site) members() bool { return s.accounts != nil }

// ticket is a member that asks with a ticket for a name, and who has it.
func ticket(account, listener, spn string, quirks kerberos.Quirks) func(*site) string {
	return func(s *site) string {
		from := s.address()
		if _, err := s.member(from, account, listener, spn, s.initiator(account, spn, quirks)).Enumerate(context.Background(), s.url(listener)); err == nil {
			s.t.Fatal("it was let in")
		}
		return from
	}
}

var ticketProvocations = []provocation{
	{"krb-ntlm", func(s *site) string {
		from := s.address()
		s.member(from, "WORKGROUP-PC", "krb", service, simulator.RawNTLM).Enumerate(context.Background(), s.url("krb"))
		return from
	}},
	{"krb-wrong-account", ticket("PC-0001$", "krbother", service, kerberos.Quirks{})},
	{"krb-no-key", ticket("PC-0001$", "krbaes128", service, kerberos.Quirks{})},
	{"krb-kvno", ticket("PC-0001$", "krbrenewed", "HTTP/renewed.example.test", kerberos.Quirks{})},
	{"krb-etype", ticket("PC-0001$", "krb", "HTTP/rc4.example.test", kerberos.Quirks{})},
	{"krb-spn", ticket("PC-0001$", "krbspn", service, kerberos.Quirks{})},
	{"krb-skew", func(s *site) string {
		ticket("PC-0002$", "krb", service, kerberos.Quirks{Skew: time.Hour})(s)
		return "PC-0002$@EXAMPLE.TEST" // the ticket opened, so that its name is known
	}},
	{"krb-flags", ticket("PC-0001$", "krb", service, kerberos.Quirks{Flags: 0x32 &^ 0x10})},
	{"krb-user", ticket("alice", "krb", service, kerberos.Quirks{})},
	{"krb-realm", ticket("PC-0001$", "krbrealm", service, kerberos.Quirks{})},
	{"krb-replay", func(s *site) string {
		from, twice := s.address(), s.initiator("PC-0003$", service, kerberos.Quirks{Replay: true})
		for range 2 {
			c := s.member(from, "PC-0003$", "krb", service, twice)
			c.Enumerate(context.Background(), s.url("krb"))
			c.Close()
		}
		return "PC-0003$@EXAMPLE.TEST"
	}},
	{"krb-malformed", func(s *site) string {
		from := s.address()
		s.raw(from, "krb", "", post(soap+"Authorization: Kerberos AAAA\r\n", ""))
		return from
	}},
	{"krb-tls", func(s *site) string { from := s.address(); s.shake(from, "krb", s.tls()); return from }},
	{"krb-no-proof", func(s *site) string {
		from := s.address()
		s.raw(from, "krb", "", post(soap, ""))
		return from
	}},
	{"krb-seal", func(s *site) string {
		c := s.member(s.address(), "PC-0004$", "krb", service, nil)
		c.Quirks.Unsealed = true
		c.Enumerate(context.Background(), s.url("krb"))
		return "PC-0004$@EXAMPLE.TEST"
	}},
	{"accept-kerberos", func(s *site) string {
		s.enumerate(s.member(s.address(), "PC-0001$", "krb", service, nil), "krb")
		return "pc-0001"
	}},
	{"door-auth-failures", func(s *site) string {
		from := s.address()
		for range 200 {
			if s.raw(from, "krb", "", post(soap+"Authorization: Kerberos AAAA\r\n", "")) == 429 {
				break
			}
		}
		return from
	}},
}

var kafkaProvocations = []provocation{
	{"kafka-topic", unwritten("kafka-topic.lab.example")},
	{"kafka-denied", unwritten("kafka-denied.lab.example")},
	{"kafka-replicas", unwritten("kafka-replicas.lab.example")},
}

func unwritten(of string) func(*site) string {
	return func(s *site) string { s.deliver(of, "", sysmonEvent(of, 1, time.Now())); return of }
}
