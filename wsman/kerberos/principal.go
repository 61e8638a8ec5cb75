package kerberos

import (
	"strings"
	"unicode"

	"github.com/jcmturner/gokrb5/v8/types"
)

// identity is cname@crealm with components joined by "/", as logs, records and filters carry it. Components that would make another
// name's spelling out of that are refused.
func identity(name types.PrincipalName, realm string) (string, error) {
	if len(name.NameString) == 0 || realm == "" || !plain(realm) || strings.ContainsAny(realm, "/@") {
		return "", refuse(reasonUser, "client name %q in realm %q is empty or has odd characters", printable(name), short(realm))
	}
	for _, part := range name.NameString {
		if part == "" || !plain(part) || strings.ContainsAny(part, "/@") {
			return "", refuse(reasonUser, "client name %q has an empty component or odd characters", printable(name))
		}
	}
	return name.PrincipalNameString() + "@" + realm, nil
}

func plain(s string) bool {
	for _, r := range s {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// checkName holds policy on who may send events: any account of a domain gets a ticket for our name, so by default only computers,
// whose names end in $.
func (h *hearing) checkName(name string) error {
	account, _, _ := strings.Cut(name, "@")
	if !h.Users && !strings.HasSuffix(account, "$") {
		return refuse(reasonUser, "%s is no computer account; users are not allowed", name)
	}
	return nil
}

// transitedPolicyChecked is a ticket flag: the KDC has looked at the realms in between (RFC 4120 2.7, 5.3).
const transitedPolicyChecked = 12

// checkRealm gives the allowed realm that the client is of. One of another realm than that of our key was vouched for by our KDC.
func (h *hearing) checkRealm() (string, error) {
	allowed := h.Realms
	if len(allowed) == 0 {
		allowed = h.ring.realms
	}
	for _, realm := range allowed {
		if !strings.EqualFold(realm, h.ticket.CRealm) {
			continue
		}
		if !strings.EqualFold(realm, h.opener.realm) && h.ticket.Flags.At(transitedPolicyChecked) == 0 {
			return "", refuse(reasonUser, "realm %s is foreign to %s, whose KDC has not checked the path to it", realm, h.opener.realm)
		}
		return realm, nil
	}
	return "", refuse(reasonUser, "realm %q is not allowed", short(h.ticket.CRealm))
}

// checkSPN holds the list of names that tickets may be for. It keeps honest clients to what was planned, and no other: the name is clear
// text that whoever holds a ticket can rewrite.
func (h *hearing) checkSPN() error {
	t := &h.request.Ticket
	name := t.SName.PrincipalNameString()
	if len(h.SPNs) == 0 || containsFold(h.SPNs, name) || containsFold(h.SPNs, name+"@"+t.Realm) {
		return nil
	}
	return refuse(reasonSPN, "ticket is for %q, which is not among the allowed names", printable(t.SName))
}
