package subscriptions_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding"
	"net"
	"net/netip"
	"testing"

	"github.com/wefka/wefka/subscriptions"
	"github.com/wefka/wefka/wsman"
)

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true}, {"*", "pc1.corp.example", true}, {"?", "", false}, {"?", "x", true}, {"?", "é", true},
		{"*.corp.example", "pc1.corp.example", true}, {"*.corp.example", "corp.example", false}, {"*.CORP.example", "PC1.corp.EXAMPLE", true},
		{"pc-??", "pc-12", true}, {"pc-??", "pc-123", false}, {"pc", "pc1", false}, {"a*b*c", "aXbYbZc", true}, {"a*b*c", "acb", false},
		{"*$@corp.example", "PC-1$@CORP.EXAMPLE", true}, {"dc*", "pc", false}, {"**a**", "xax", true}, {"*ab", "aaab", true}, {"É*", "école", true},
		{"a.c", "abc", false}, // a dot is a dot
	} {
		var g subscriptions.Glob
		if err := g.UnmarshalText([]byte(c.pattern)); err != nil {
			t.Fatal(err)
		}
		if got := g.Match(c.text); got != c.want {
			t.Errorf("%q on %q: %v", c.pattern, c.text, got)
		}
	}
}

func TestGlobIsNotExponential(t *testing.T) {
	var g subscriptions.Glob
	must(t, g.UnmarshalText([]byte("*a*a*a*a*a*a*a*a*a*a*a*a*b")))
	text := make([]byte, 20000)
	for i := range text {
		text[i] = 'a'
	}
	if g.Match(string(text)) {
		t.Error("matched")
	}
}

// list parses the entries of one list, as a file would hold them.
func list[T any, P interface {
	*T
	encoding.TextUnmarshaler
}](t *testing.T, texts ...string) []T {
	t.Helper()
	var out []T
	for _, text := range texts {
		var v T
		if err := P(&v).UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var leaf = &x509.Certificate{
	Issuer:      pkix.Name{CommonName: "Issuing CA 2"},
	Subject:     pkix.Name{CommonName: "pc1.corp.example", Organization: []string{"Corp"}, OrganizationalUnit: []string{"Servers EU", "Tier 0"}},
	DNSNames:    []string{"pc1.corp.example", "alias.corp.example"},
	IPAddresses: []net.IP{net.IPv4(192, 0, 2, 9)},
}

func source(name, addr string) wsman.Source {
	return wsman.Source{Name: name, Method: wsman.TLS, Leaf: leaf, Addr: netip.MustParseAddrPort(addr)}
}

func TestAdmits(t *testing.T) {
	glob, network, attribute := list[subscriptions.Glob], list[subscriptions.Network], list[subscriptions.Attribute]
	pc1 := source("pc1.corp.example", "192.0.2.7:50000")
	machine := wsman.Source{Name: "PC-1$@CORP.EXAMPLE", Method: wsman.Kerberos, Addr: netip.MustParseAddrPort("[2001:db8::1%eth0]:1")}
	member := machine
	member.Groups = []string{"S-1-5-21-1-2-3-513", "S-1-5-21-1-2-3-515"}
	for _, c := range []struct {
		name    string
		targets subscriptions.Targets
		from    wsman.Source
		want    bool
	}{
		{"everybody", subscriptions.Targets{}, pc1, true},
		{"name", subscriptions.Targets{Names: glob(t, "x", "*.corp.example")}, pc1, true},
		{"other name", subscriptions.Targets{Names: glob(t, "x", "*.lab.example")}, pc1, false},
		{"case of a principal", subscriptions.Targets{Names: glob(t, "pc-*$@corp.example")}, machine, true},
		{"except", subscriptions.Targets{Except: glob(t, "pc1.*")}, pc1, false},
		{"except beats names", subscriptions.Targets{Names: glob(t, "*"), Except: glob(t, "pc1.*")}, pc1, false},
		{"except others", subscriptions.Targets{Except: glob(t, "dc*")}, pc1, true},
		{"network", subscriptions.Targets{Networks: network(t, "10.0.0.0/8", "192.0.2.0/24")}, pc1, true},
		{"other network", subscriptions.Targets{Networks: network(t, "10.0.0.0/8")}, pc1, false},
		{"IPv4 seen through IPv6", subscriptions.Targets{Networks: network(t, "192.0.2.0/24")}, source("x", "[::ffff:192.0.2.7]:1"), true},
		{"IPv6 with a zone", subscriptions.Targets{Networks: network(t, "2001:db8::/32")}, machine, true},
		{"no address", subscriptions.Targets{Networks: network(t, "0.0.0.0/0")}, wsman.Source{Name: "x"}, false},
		{"issuer", subscriptions.Targets{Certificates: attribute(t, "issuer=Issuing CA ?")}, pc1, true},
		{"cn", subscriptions.Targets{Certificates: attribute(t, "CN=pc1.*")}, pc1, true},
		{"o", subscriptions.Targets{Certificates: attribute(t, "o=corp")}, pc1, true},
		{"any ou", subscriptions.Targets{Certificates: attribute(t, "ou=tier*")}, pc1, true},
		{"other ou", subscriptions.Targets{Certificates: attribute(t, "ou=Clients", "o=Lab")}, pc1, false},
		{"san", subscriptions.Targets{Certificates: attribute(t, "san=alias.*")}, pc1, true},
		{"san, address", subscriptions.Targets{Certificates: attribute(t, "san=192.0.2.9")}, pc1, true},
		{"no certificate", subscriptions.Targets{Certificates: attribute(t, "o=*")}, machine, false},
		{"groups of a certificate", subscriptions.Targets{Groups: list[subscriptions.SID](t, "S-1-5-21-1-2-3-515")}, pc1, false},
		{"a member", subscriptions.Targets{Groups: list[subscriptions.SID](t, "S-1-5-21-1-2-3-999", "S-1-5-21-1-2-3-515")}, member, true},
		{"no member", subscriptions.Targets{Groups: list[subscriptions.SID](t, "S-1-5-21-1-2-3-516")}, member, false},
		{"all lists", subscriptions.Targets{Names: glob(t, "pc1.*"), Networks: network(t, "192.0.2.0/24"), Certificates: attribute(t, "o=Corp")}, pc1, true},
		{"all lists but one", subscriptions.Targets{Names: glob(t, "pc1.*"), Networks: network(t, "10.0.0.0/8"), Certificates: attribute(t, "o=Corp")}, pc1, false},
		{"paths are another question", subscriptions.Targets{Paths: []subscriptions.Path{"/tier0"}}, pc1, true},
	} {
		if got := c.targets.Admits(c.from); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	paths := subscriptions.Targets{Paths: list[subscriptions.Path](t, "/tier0", "/wsman/SubscriptionManager/WEC")}
	for path, want := range map[string]bool{"/tier0": true, "/wsman/SubscriptionManager/WEC": true, "/TIER0": false, "/tier0/": false, "": false} {
		if paths.AdmitsPath(path) != want {
			t.Errorf("path %q", path)
		}
	}
	if !(&subscriptions.Targets{}).AdmitsPath("/any") {
		t.Error("no paths mean all")
	}
}
