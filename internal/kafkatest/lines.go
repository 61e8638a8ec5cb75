package kafkatest

import (
	"fmt"
	"strings"
)

// line is a listener for one client alone.
type line struct {
	name  string
	proxy func(node int, addr string) string
}

// Line adds a SASL_PLAINTEXT listener that tells clients to come to proxy(node, its address): a client with a line of its own to each node can be
// cut off from one of them. Line is what Cluster.Line knows it by; letters and digits. PLAIN, users wefka and guest; it needs SASL.
func Line(name string, proxy func(node int, addr string) string) Option {
	return func(o *options) { o.lines = append(o.lines, line{strings.ToUpper(name), proxy}) }
}

// Between has the nodes come to each other at proxy(node, their address), as brokers and as controllers. Whoever is cut off there can still go to the others.
func Between(proxy func(node int, addr string) string) Option {
	return func(o *options) { o.between = proxy }
}

// forOthers is where the other nodes find an address of this one.
func (b *Broker) forOthers(addr string) string {
	if b.options.between == nil {
		return addr
	}
	return b.options.between(b.id-1, addr)
}

const betweenNodes = "BETWEEN"

// addLines adds listeners, and returns the settings that go with them.
func (b *Broker) addLines(listeners, protocols map[string]string) map[string]string {
	s := map[string]string{}
	for i, l := range b.options.lines {
		listeners[l.name], protocols[l.name] = b.lines[i], "SASL_PLAINTEXT"
		prefix := "listener.name." + strings.ToLower(l.name)
		s[prefix+".sasl.enabled.mechanisms"] = "PLAIN"
		s[prefix+".plain.sasl.jaas.config"] = saslSettings["listener.name.sasl.plain.sasl.jaas.config"]
	}
	if b.options.between != nil {
		listeners[betweenNodes], protocols[betweenNodes] = b.lines[len(b.options.lines)], "PLAINTEXT"
		s["inter.broker.listener.name"] = betweenNodes
	}
	return s
}

// advertiseLines replaces their addresses by those of their proxies.
func (b *Broker) advertiseLines(listeners map[string]string) {
	for i, l := range b.options.lines {
		listeners[l.name] = l.proxy(b.id-1, b.lines[i])
	}
	if b.options.between != nil {
		listeners[betweenNodes] = b.forOthers(b.lines[len(b.options.lines)])
	}
}

// Line is where a client of a line comes in, host:port, one address a node.
func (c *Cluster) Line(name string) []string {
	c.t.Helper()
	for i, l := range c.nodes[0].options.lines {
		if l.name != strings.ToUpper(name) {
			continue
		}
		var addrs []string
		for _, b := range c.nodes {
			addrs = append(addrs, l.proxy(b.id-1, b.lines[i]))
		}
		return addrs
	}
	panic(fmt.Sprintf("no line %q", name))
}
