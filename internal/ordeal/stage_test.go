package ordeal

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wefka/wefka/internal/kafkatest"
	"github.com/wefka/wefka/internal/kdctest"
)

const (
	collectors = 2
	nodes      = 3
	partitions = 6
	service    = "HTTP/wec.example.test"
	realm      = "EXAMPLE.TEST"
)

var topics = []string{"wef.ordeal", "wef.dead"}

// ordeal is everything that is there to be broken.
type ordeal struct {
	t          testing.TB
	state      string // bbolt | kafka
	program    string // the collectors'
	cluster    *kafkatest.Cluster
	collectors []*collector
	tls, krb   *link          // balancers
	toKafka    [][nodes]lines // of each collector, to each node
	between    [nodes]lines   // of the other nodes, to each
	kdc        *kdctest.KDC
	hosts      string // keytab of the hosts
	dir        string
}

// stage builds it all; program serves.
func stage(t testing.TB, program, state string, hosts int) *ordeal {
	t.Helper()
	o := &ordeal{t: t, state: state, program: program, dir: t.TempDir()}
	o.kafka()
	o.domain(hosts)
	o.authority()
	var tls, krb []string
	for i := range collectors {
		c := o.collector(i)
		o.collectors = append(o.collectors, c)
		tls, krb = append(tls, c.tls.address()), append(krb, c.kerberos.address())
	}
	o.tls, o.krb = newLink(t, tls...), newLink(t, krb...)
	for _, c := range o.collectors {
		if err := c.start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.retire)
	}
	return o
}

// kafka starts the cluster: each collector has a line of its own to each node, and the nodes lines between them.
func (o *ordeal) kafka() {
	o.toKafka = make([][nodes]lines, collectors)
	options := []kafkatest.Option{kafkatest.SASL(), kafkatest.Between(func(node int, addr string) string { return o.line(&o.between[node], addr) })}
	for i := range collectors {
		options = append(options, kafkatest.Line(fmt.Sprintf("C%d", i), func(node int, addr string) string { return o.line(&o.toKafka[i][node], addr) }))
	}
	o.cluster = kafkatest.StartCluster(o.t, nodes, options...)
	for _, topic := range topics {
		o.cluster.CreateTopic(topic, partitions, nodes, map[string]string{"min.insync.replicas": "2"})
	}
	o.cluster.CreateTopic("state.ordeal", partitions, nodes, map[string]string{"min.insync.replicas": "2", "cleanup.policy": "compact"})
	for prefix, operations := range map[string][]kmsg.ACLOperation{
		"wef.":   {kmsg.ACLOperationWrite, kmsg.ACLOperationDescribe},
		"state.": {kmsg.ACLOperationWrite, kmsg.ACLOperationRead, kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs},
	} {
		if err := o.cluster.Allow(prefix, operations...); err != nil {
			o.t.Fatal(err)
		}
	}
}

// lines are links that fail together, by what they lead to.
type lines map[string]*link

func (l lines) set(c condition) {
	for _, one := range l {
		one.set(c)
	}
}

// line is the address of a link to addr, made when it is first asked for.
func (o *ordeal) line(l *lines, addr string) string {
	if *l == nil {
		*l = lines{}
	}
	if (*l)[addr] == nil {
		(*l)[addr] = newLink(o.t, addr)
	}
	return (*l)[addr].address()
}

func (o *ordeal) domain(hosts int) {
	r := kdctest.Realm{Name: realm, Principals: []kdctest.Principal{{Name: service}}}
	var names []string
	for i := range hosts {
		names = append(names, fmt.Sprintf("PC-%04d$", i+1))
		r.Principals = append(r.Principals, kdctest.Principal{Name: names[i], Etypes: []string{kdctest.Etypes[18]}})
	}
	o.kdc = kdctest.MIT(o.t, r)
	o.hosts = o.kdc.Keytab(realm, names...)
}

func (o *ordeal) path(name string) string { return filepath.Join(o.dir, name) }

// authority makes the certificates that all collectors share.
func (o *ordeal) authority() {
	run(o.t, o.program, "pki", "init", "--dir", o.dir, "--name", "ordeal")
	run(o.t, o.program, "pki", "server", "--dir", o.dir, "--host", "localhost")
}

// collector writes the files of a node.
func (o *ordeal) collector(i int) *collector {
	c := &collector{t: o.t, program: o.program, dir: filepath.Join(o.dir, fmt.Sprintf("c%d", i)), name: fmt.Sprintf("collector %d", i+1)}
	c.disk = newDisk(o.t, c.path("state"))
	addresses := freeAddresses(o.t, 3)
	c.tls, c.kerberos = newLink(o.t, addresses[0]), newLink(o.t, addresses[1])
	state := "{backend: bbolt, path: state/state.db}"
	if o.state == "kafka" {
		state = "{backend: kafka, topic: state.ordeal}"
	}
	c.write("wefka.yaml", fmt.Sprintf(`node: c%d
listeners:
  - {name: tls, address: %q, tls: {certificate: %q, key: %q, client_ca: %q}}
  - {name: kerberos, address: %q, kerberos: {keytab: %q}}
kafka:
  brokers: [%s]
  sasl: {mechanism: plain, username: guest, password: guest}
  default_topic: wef.ordeal
  delivery_timeout: 8s
state: %s
admin: {address: %q, socket: ""}
limits: {ack_timeout: 12s, unauthenticated_per_address: 1000, auth_failures_per_second: 1000}
`, i, addresses[0], o.path("server.pem"), o.path("server.key"), o.path("ca.pem"), addresses[1], o.kdc.Keytab(realm, service),
		strings.Join(o.cluster.Line(fmt.Sprintf("C%d", i)), ", "), state, addresses[2]))
	c.write("subscriptions.d/ordeal.yaml", `name: ordeal
id: 0b5a3f2e-8c1d-4f6a-9e7b-2d3c4b5a6978
query: |
  <QueryList><Query Id="0"><Select Path="Microsoft-Windows-Sysmon/Operational">*</Select></Query></QueryList>
read_existing_events: true
delivery: {heartbeat: 10s, max_time: 1s, retry: {count: 1000, interval: 1s}}
output: {format: json}
`)
	return c
}

func freeAddresses(t testing.TB, n int) (addresses []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses
}

// tell prints a line of the story.
func (o *ordeal) tell(format string, args ...any) {
	fmt.Fprintf(os.Stdout, format+"\n", args...)
}
