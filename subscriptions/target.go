package subscriptions

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Glob is a pattern in which * stands for any characters, none included, and ? for one. Case does not matter.
type Glob struct{ pattern []rune }

// UnmarshalText refuses what would silently match nothing.
func (g *Glob) UnmarshalText(text []byte) error {
	s := string(text)
	switch {
	case s == "":
		return errors.New("an empty pattern matches nothing; * matches all")
	case strings.TrimSpace(s) != s:
		return fmt.Errorf("%q begins or ends with a space", s)
	case strings.ContainsAny(s, `[]{}\`):
		return fmt.Errorf("%q: only * and ? are special; write ? for a character that cannot be written", s)
	}
	g.pattern = []rune(strings.ToLower(s))
	return nil
}

func (g Glob) String() string { return string(g.pattern) }

// MarshalText is String.
func (g Glob) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// Match says whether all of s fits.
func (g Glob) Match(s string) bool {
	text, pattern := []rune(strings.ToLower(s)), g.pattern
	star, resume := -1, 0 // the last *, and where its text would have to grow
	t, p := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			resume++
			p, t = star+1, resume
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// Network is a range of addresses, as 192.0.2.0/24.
type Network struct{ netip.Prefix }

// UnmarshalText wants the network itself, so that a slip in its length shows.
func (n *Network) UnmarshalText(text []byte) error {
	p, err := netip.ParsePrefix(string(text))
	if err != nil {
		return fmt.Errorf("%q is no network; write 192.0.2.0/24, 2001:db8::/32, or 192.0.2.7/32 for one address", text)
	}
	if p != p.Masked() {
		return fmt.Errorf("%q has bits beyond its length; write %s", text, p.Masked())
	}
	n.Prefix = p
	return nil
}

// SID names a group of Active Directory.
type SID string

var sid = regexp.MustCompile(`^S-1-[0-9]{1,15}(-[0-9]{1,10}){1,15}$`)

// UnmarshalText checks the form (MS-DTYP).
func (s *SID) UnmarshalText(text []byte) error {
	if !sid.Match(text) {
		return fmt.Errorf("%q is no SID; write S-1-5-21-…", text)
	}
	*s = SID(text)
	return nil
}

// among says whether groups, as a ticket proves them, have the SID.
func (s SID) among(groups []string) bool {
	return slices.ContainsFunc(groups, func(g string) bool { return strings.EqualFold(g, string(s)) })
}

// Attribute is a condition on a certificate, as "ou=Servers*".
type Attribute struct {
	Name  string // issuer (its common name) | cn | o | ou | san
	Value Glob
}

var attributes = []string{"issuer", "cn", "o", "ou", "san"}

// UnmarshalText parses NAME=GLOB.
func (a *Attribute) UnmarshalText(text []byte) error {
	name, value, ok := strings.Cut(string(text), "=")
	if name = strings.ToLower(name); !ok || !slices.Contains(attributes, name) {
		return fmt.Errorf("%q is no certificate attribute; write one of issuer, cn, o, ou, san, then = and a pattern", text)
	}
	a.Name = name
	return a.Value.UnmarshalText([]byte(value))
}

// MarshalText writes NAME=GLOB.
func (a Attribute) MarshalText() ([]byte, error) { return []byte(a.Name + "=" + a.Value.String()), nil }

// Match says whether any value of the attribute fits.
func (a *Attribute) Match(leaf *x509.Certificate) bool {
	var values []string
	switch a.Name {
	case "issuer":
		values = []string{leaf.Issuer.CommonName}
	case "cn":
		values = []string{leaf.Subject.CommonName}
	case "o":
		values = leaf.Subject.Organization
	case "ou":
		values = leaf.Subject.OrganizationalUnit
	case "san":
		values = slices.Concat(leaf.DNSNames, leaf.EmailAddresses)
		for _, ip := range leaf.IPAddresses {
			values = append(values, ip.String())
		}
		for _, uri := range leaf.URIs {
			values = append(values, uri.String())
		}
	}
	return slices.ContainsFunc(values, a.Value.Match)
}

// Path is the URL path that an administrator chose in the policy string.
type Path string

// UnmarshalText wants a path alone; it is compared as it is.
func (p *Path) UnmarshalText(text []byte) error {
	if s := string(text); !strings.HasPrefix(s, "/") || strings.ContainsAny(s, "?# ") {
		return fmt.Errorf("%q is no URL path; write /wsman/SubscriptionManager/WEC", s)
	}
	*p = Path(text)
	return nil
}
