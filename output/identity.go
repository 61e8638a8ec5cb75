package output

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/wefka/wefka/events"
)

// Identity says what becomes of events whose own Computer is not their proven sender.
type Identity struct {
	Mode string // "" is tag; off: not compared | tag: labelled | quarantine: dead letters | reject: the whole batch is refused

	// Alias says that computer, which Identity cannot tell for itself, is the machine that proved to be source all the same: an old name,
	// or one of another domain. Relay says that source may send any machine's events. nil: there are none.
	Alias func(source, computer string) bool
	Relay func(source string) bool
}

// strict says whether an event of another computer is not to become a record.
func (i *Identity) strict() bool { return i.Mode == "quarantine" || i.Mode == "reject" }

// What the comparison can find; the values of wef.identity.
var verified, relayed, mismatch, unknown = []byte("verified"), []byte("relayed"), []byte("mismatch"), []byte("unknown")

// sender is a proven identity in parts, and what was found about the Computer that came last: a batch rarely names two.
type sender struct {
	identity *Identity
	source   string
	name     string // without realm and $
	short    string // of name, before its first dot
	domain   string // after it; of an account its realm
	account  bool   // of a computer in Active Directory

	relay, asked bool // relay is known once it was asked for

	computer []byte
	found    []byte
}

// is makes s the sender of another batch.
func (s *sender) is(source string, identity *Identity) {
	name, realm, _ := strings.Cut(source, "@") // PC-1$@REALM
	name, account := strings.CutSuffix(strings.TrimSuffix(name, "."), "$")
	short, domain, dotted := strings.Cut(name, ".")
	if !dotted {
		domain = realm
	}
	*s = sender{identity: identity, source: source, name: name, short: short, domain: domain, account: account, computer: s.computer[:0]}
}

// compare says how an event's own Computer stands to the proven sender: verified, relayed, mismatch, or unknown when the event
// names no computer; nil when nobody wants to know.
func (s *sender) compare(computer []byte) []byte {
	switch {
	case s.identity.Mode == "off":
		return nil
	case len(computer) == 0:
		return unknown
	case s.found != nil && bytes.Equal(computer, s.computer):
		return s.found
	}
	s.computer = append(s.computer[:0], computer...)
	s.found = s.judge(computer)
	return s.found
}

func (s *sender) judge(computer []byte) []byte {
	switch {
	case s.hasName(string(computer)), s.identity.Alias != nil && s.identity.Alias(s.source, string(computer)):
		return verified
	case s.relays():
		return relayed
	}
	return mismatch
}

func (s *sender) relays() bool {
	if !s.asked {
		s.relay, s.asked = s.identity.Relay != nil && s.identity.Relay(s.source), true
	}
	return s.relay
}

// maxAccount is how much of a host's name its account in Active Directory has (NetBIOS).
const maxAccount = 15

// hasName compares names as Windows writes them: in any case, with and without the domain, with the dot that ends a full name, and
// with the $ of an account. Where both have a domain it must be the same one; an account's is its realm.
func (s *sender) hasName(computer string) bool {
	computer = strings.TrimSuffix(strings.TrimSuffix(computer, "."), "$")
	short, domain, _ := strings.Cut(computer, ".")
	if s.account && len(s.short) == maxAccount && len(short) > maxAccount {
		short = short[:maxAccount]
	}
	return strings.EqualFold(s.short, short) && (s.domain == "" || domain == "" || strings.EqualFold(s.domain, domain))
}

// foreign is the error for an event that names another computer. The name is claimed, so it is quoted and short.
func (s *sender) foreign(computer []byte) error {
	return fmt.Errorf("%w: it proved to be %s and names %.100q; identity.aliases, or identity.relays, would let it", events.ErrIdentity, s.source, computer)
}
