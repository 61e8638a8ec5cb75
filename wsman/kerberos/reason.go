package kerberos

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/types"
)

// Reasons of a refusal: labels of auth_failures_total.
const (
	reasonNoKey     = "no_key"    // the key that opens the ticket is not in the keytab
	reasonKVNO      = "kvno"      // nor is one of its version
	reasonEtype     = "etype"     // an encryption type that is not allowed
	reasonSPN       = "spn"       // a ticket for a name that is not allowed
	reasonSkew      = "skew"      // too early, or too late
	reasonReplay    = "replay"    // seen before
	reasonFlags     = "flags"     // the source wants less than mutual authentication and sealed messages, or something odd
	reasonUser      = "user"      // not one who may send events
	reasonNTLM      = "ntlm"      // not Kerberos at all
	reasonMalformed = "malformed" // unreadable, or it does not fit together
	reasonLimit     = "limit"     // too large, or too many
)

// refusal is an error that says why a token was not accepted.
type refusal struct {
	reason string
	code   int32 // of the KRB-ERROR that tells the source, 0 for none
	err    error
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

func refuse(reason, format string, args ...any) *refusal {
	r := &refusal{reason: reason, err: fmt.Errorf(format, args...)}
	if reason == reasonSkew {
		r.code = errorcode.KRB_AP_ERR_SKEW
	}
	return r
}

const ntlmAdvice = "client offered NTLM: it has no Kerberos ticket for this name; check the SPN, the DNS name in the subscription URL, TrustedHosts, the clock"

// attrs is what the log says of a token beside the reason, as far as it was read. Never tokens or keys.
func (h *hearing) attrs() []slog.Attr {
	t := &h.request.Ticket
	if t.TktVNO == 0 {
		return nil
	}
	as := []slog.Attr{
		slog.String("sname", printable(t.SName)), slog.String("realm", short(t.Realm)),
		slog.String("ticket_etype", etypeName(t.EncPart.EType)), slog.Int("kvno", t.EncPart.KVNO),
	}
	if h.ticket.Key.KeyType != 0 {
		as = append(as, slog.String("client", printable(h.ticket.CName)+"@"+short(h.ticket.CRealm)), slog.String("session_etype", etypeName(h.ticket.Key.KeyType)))
	}
	if h.authenticator.SubKey.KeyType != 0 {
		as = append(as, slog.String("subkey_etype", etypeName(h.authenticator.SubKey.KeyType)))
	}
	return as
}

func printable(n types.PrincipalName) string { return short(n.PrincipalNameString()) }

// short bounds what a peer can write into our log.
func short(s string) string {
	if len(s) > 256 {
		s = s[:256]
	}
	return strings.ToValidUTF8(s, "\ufffd")
}
