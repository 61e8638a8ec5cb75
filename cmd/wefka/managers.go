package main

import (
	"crypto/x509"
	"fmt"
	"net"
	"strings"

	"github.com/wefka/wefka/certs"
	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

// manager is one string for the Windows policy "Configure target Subscription Manager".
type manager struct {
	url      string // what hosts connect to
	issuerCA string // thumbprint of the CA that issued the hosts' certificates; "" with Kerberos
}

func (m manager) string(refresh int) string {
	s := fmt.Sprintf("Server=%s,Refresh=%d", m.url, refresh)
	if m.issuerCA != "" {
		s += ",IssuerCA=" + m.issuerCA
	}
	return s
}

// managers are the strings for the hosts of a TLS listener, one for each CA that may have issued their certificates.
func (l *ListenerConfig) managers(keeper *certs.Server) []manager {
	var all []manager
	url := l.url("https", certifiedName(keeper.Chain()[0]))
	for _, fact := range keeper.Facts() {
		if fact.Role == "ca" {
			all = append(all, manager{url, fact.Thumbprint})
		}
	}
	return all
}

// manager is the string for the hosts of a Kerberos listener.
func (l *ListenerConfig) manager(acceptor *kerberos.Acceptor, node string) manager {
	return manager{url: l.url("http", servedName(acceptor, node))}
}

// certifiedName is the name that a server certificate proves.
func certifiedName(leaf *x509.Certificate) string {
	if len(leaf.DNSNames) > 0 {
		return leaf.DNSNames[0]
	}
	return leaf.Subject.CommonName
}

// servedName is the host of the last HTTP service in the keytab, else the node.
func servedName(acceptor *kerberos.Acceptor, node string) string {
	name := node
	for _, fact := range acceptor.Facts() {
		if service, rest, ok := strings.Cut(fact.Principal, "/"); ok && strings.EqualFold(service, "http") {
			name, _, _ = strings.Cut(rest, "@")
		}
	}
	return name
}

// reachedAs is what hosts should connect to: the advertised address, else the name that the listener can prove and its port.
func (l *ListenerConfig) reachedAs(name string) (host, port string) {
	if l.Advertise != "" {
		host, port, _ = net.SplitHostPort(l.Advertise)
		return host, port
	}
	_, port, _ = net.SplitHostPort(l.Address)
	return name, port
}

func (l *ListenerConfig) url(scheme, name string) string {
	return scheme + "://" + net.JoinHostPort(l.reachedAs(name)) + wsman.EnumeratePath
}
