package hosts

import (
	"fmt"
	"strings"
)

const (
	win401 = "105, 5 (access denied)"
	winTLS = "105, 2150859194 (0x803381BA, TLS connection aborted)"
)

// doorCauses are those of who did not come in.
var doorCauses = []Cause{
	{ID: "reach-no-dns", Link: Reach, Text: "nobody of this name was ever here, and the name service does not know it either", Windows: "none, or 105 with 12029 or 2150859193 (name not resolved)",
		Remedy: "check the spelling; ask with the host's address, or with its identity: the certificate's name, or NAME$@REALM",
		find: func(q *inquiry) string {
			if q.seenAtAll() || q.facts.Lookup == nil {
				return ""
			}
			return q.facts.Lookup.Error()
		}},
	{ID: "reach-never", Link: Reach, Text: "nobody of this name, and nothing from its addresses, was ever here", Windows: "none (no policy), 105 with 12029 or 12002 (cannot connect, timeout), 2150859046, 2150859193 (name not resolved), or 53",
		Remedy: "on the host: gpresult /r shows whether the policy applies, the log Forwarding/Operational has 106 when it does; is WinRM running (on client Windows it is stopped); does the name in Server= resolve; does Test-NetConnection HOST -Port PORT succeed (firewalls, VPN); is the channel log of Forwarding/Operational empty: restart WinRM",
		find: func(q *inquiry) string {
			if q.seenAtAll() || q.facts.Lookup != nil {
				return ""
			}
			return "nothing from " + addresses(q)
		}},
	{ID: "reach-not-again", Link: Reach, Text: "it was here before this process started, and not since", Windows: "105 with 12029, 12002 or 12030, unless it is switched off",
		Remedy: "hosts come back at their next Refresh (15 minutes as a rule); later than that: is it switched on, can it reach the collector's address",
		find: func(q *inquiry) string {
			if !q.known || !q.host.Proven.IsZero() || len(q.unproven) > 0 || q.state == Late || q.state == Dead || q.state == Ended {
				return ""
			}
			return "last heard " + q.ago(q.host.LastSeen) + from(q)
		}},

	{ID: "tls-unknown-ca", Link: TLS, Text: "its certificate is of a CA that this listener does not trust", Windows: winTLS,
		Remedy: "add the CA that issued the host's certificate to client_ca of the listener; or IssuerCA= in the policy names another CA than the one that the collector expects",
		find:   unproven("", "unknown_ca")},
	{ID: "tls-expired", Link: TLS, Text: "its certificate has expired", Windows: winTLS,
		Remedy: "renew the host's certificate (auto-enrolment, or wefka pki client); check the host's and the collector's clock", find: unproven(" is after ", "expired")},
	{ID: "tls-not-yet-valid", Link: TLS, Text: "its certificate is not valid yet", Windows: winTLS,
		Remedy: "the clock of the collector is behind, or that of the authority was ahead when it issued the certificate", find: unproven(" is before ", "expired")},
	{ID: "tls-revoked", Link: TLS, Text: "its certificate is revoked", Windows: winTLS,
		Remedy: "issue a new certificate if the host should come in, and load a CRL that is newer if this one is wrong", find: unproven("client certificate revoked", "revoked")},
	{ID: "tls-no-crl", Link: TLS, Text: "crl_required is set and there is no valid CRL of its issuer", Windows: winTLS,
		Remedy: "put a CRL of that CA whose date has not passed into crl: hosts of this issuer are all kept out", find: unproven("no valid CRL", "revoked")},
	{ID: "tls-eku", Link: TLS, Text: "its certificate is not for client authentication", Windows: winTLS,
		Remedy: "issue it with the extended key usage clientAuth (1.3.6.1.5.5.7.3.2); the template of a web server lacks it", find: unproven("", "eku")},
	{ID: "tls-no-certificate", Link: TLS, Text: "it offers no client certificate", Windows: "105, 12044 (client certificate needed) or 2150858882 (0x80338082, certificate not found)",
		Remedy: "IssuerCA= must be the 40 hex digits of the CA that issued the client certificate, without the invisible character that copying brings; the certificate is in LocalMachine\\My, its private key readable by NETWORK SERVICE",
		find:   unproven("", "no_cert")},
	{ID: "tls-plain-http", Link: TLS, Text: "it speaks plain HTTP to a TLS port", Windows: "105, 12030 or 2150859046",
		Remedy: "write https:// into Server=, or the port of the Kerberos listener", find: unproven("does not look like a TLS handshake", "protocol")},
	{ID: "tls-version", Link: TLS, Text: "it offers no TLS version that is allowed", Windows: "105, 12175 (TLS failure)",
		Remedy: "enable TLS 1.2 for WinHTTP (2008 R2, 7 and 2012: KB3140245 and DefaultSecureProtocols); or min_version is 1.3 and the host knows 1.2 only",
		find:   unproven("unsupported versions", "protocol")},
	{ID: "tls-cipher", Link: TLS, Text: "it shares no cipher suite with the collector", Windows: "105, 12175 (TLS failure)",
		Remedy: "2012 R2 with an RSA server certificate needs cbc: true, or use an ECDSA server certificate; a hardening policy may have removed the suites on the host",
		find:   unproven("no cipher suite supported", "protocol")},
	{ID: "tls-host-refuses", Link: TLS, Text: "the host refuses the collector's certificate", Windows: "105, 12175 (TLS failure)",
		Remedy: "put the server certificate's root into LocalMachine\\Root of the host; Server= must use a name of the server certificate; wefka check names other flaws",
		find:   unproven("remote error: tls", "protocol")},
	{ID: "tls-identity", Link: TLS, Text: "its certificate does not name exactly one computer", Windows: "105, 5 or 2150859121 (403)",
		Remedy: "issue it with one DNS name in the SAN, or a common name; identity: cn takes the common name whatever the SAN says. On AD CS: subject name format Common name, with DNS name",
		find:   unproven("", "identity")},

	{ID: "krb-ntlm", Link: Ticket, Text: "it offers NTLM: it has no Kerberos ticket for the name that it was told to use", Windows: "105, 5 (access denied) or 2150858909",
		Remedy: "use the full DNS name in Server=, never an address; setspn -Q HTTP/NAME must find the collector's account, and only that; take the collector out of TrustedHosts; check the host's clock and that it reaches a domain controller",
		find:   unproven("", "ntlm")},
	{ID: "krb-wrong-account", Link: Ticket, Text: "its ticket is sealed with a key that the keytab does not have: the name belongs to another account, or to another password", Windows: "105, 5 or 0x80090322 (wrong principal)",
		Remedy: "setspn -Q HTTP/NAME and HOST/NAME say whose name it is; make the keytab of that account, or move the name (setspn -D, setspn -S)",
		find:   unproven("opens the ticket, though", "no_key")},
	{ID: "krb-no-key", Link: Ticket, Text: "the keytab has no key of the ticket's encryption type", Windows: win401,
		Remedy: "make a keytab with all AES keys of the account (ktpass -crypto All, or ktutil)", find: unproven("no key of", "no_key")},
	{ID: "krb-kvno", Link: Ticket, Text: "the account's password is newer than the keytab, or older", Windows: win401,
		Remedy: "make a new keytab that keeps the old keys too: tickets live for ten hours; klist -li 0x3e4 purge on the host drops an old ticket", find: unproven("", "kvno")},
	{ID: "krb-etype", Link: Ticket, Text: "its ticket is of an encryption type that is not allowed, RC4 as a rule", Windows: win401,
		Remedy: "set msDS-SupportedEncryptionTypes to 24 (AES) on the service account, reset its password, renew the keytab; rc4: true lets such hosts in meanwhile", find: unproven("", "etype")},
	{ID: "krb-spn", Link: Ticket, Text: "its ticket is for a service name that spns does not list", Windows: win401,
		Remedy: "add the name to spns of the listener (Server 2025 asks for HOST/ where others ask for HTTP/), or leave spns empty", find: unproven("", "spn")},
	{ID: "krb-skew", Link: Ticket, Text: "its clock differs from the collector's by more than skew allows", Windows: win401 + ", with KRB_AP_ERR_SKEW in its text",
		Remedy: "synchronise both clocks: w32tm /resync on the host, chrony or systemd-timesyncd on the collector", find: unproven("the clock of the source", "skew")},
	{ID: "krb-replay", Link: Ticket, Text: "the same ticket and time stamp were used twice", Windows: win401,
		Remedy: "something between host and collector repeats requests (a proxy, a balancer that retries): use TCP pass-through. If nothing does, somebody replays what he recorded", find: unproven("", "replay")},
	{ID: "krb-flags", Link: Ticket, Text: "it wants less than mutual authentication and sealed messages", Windows: win401,
		Remedy: "it is no Windows forwarder, or AllowUnencryptedTraffic is set in its WinRM client: winrm get winrm/config/client", find: unproven("", "flags")},
	{ID: "krb-user", Link: Ticket, Text: "the account is no computer", Windows: win401,
		Remedy: "forwarders run as NETWORK SERVICE and come as NAME$; users: true lets other accounts in", find: unproven("is no computer account", "user")},
	{ID: "krb-realm", Link: Ticket, Text: "it is of a realm that is not allowed", Windows: win401,
		Remedy: "add the realm to realms of the listener; without realms only that of the keytab is allowed", find: unproven("is not allowed", "user")},
	{ID: "krb-malformed", Link: Ticket, Text: "what it sends as a proof cannot be read", Windows: win401,
		Remedy: "it is no Windows forwarder, or a proxy changes its requests: look at the refusal's text", find: unproven("", "malformed")},
	{ID: "krb-tls", Link: Ticket, Text: "it speaks TLS to a port of plain HTTP", Windows: "105, 12175 (TLS failure)",
		Remedy: "write http:// into Server= (messages are sealed by Kerberos), or the port of the TLS listener", find: unproven("", "tls_on_http")},
	{ID: "krb-no-proof", Link: Ticket, Text: "it asks, is told to prove itself, and does not", Windows: "105, 5 or 1311 (no logon server)",
		Remedy: "the host has no way to a ticket: it is in no domain (use the TLS listener), or reaches no domain controller (VPN). It may also be a scanner or a health check of a balancer",
		find:   unproven("", unauthenticated)},
	{ID: "krb-seal", Link: Ticket, Text: "its messages are not sealed, or their seal does not open", Windows: "105, 2150859001 (0x803380F9, cannot decrypt) or 2150859121 (400)",
		Remedy: "a proxy may change requests; AllowUnencryptedTraffic in the WinRM client must be off. If it is a Windows forwarder, tell us: it is a bug", find: refused("", "seal")},

	{ID: "door-auth-failures", Link: Door, Text: "its address fails to prove itself so often that it has to wait", Windows: "105, 2150859120 or 2150858999 (429)",
		Remedy: "mend what is refused (see the other causes). Behind a NAT or a balancer many hosts share an address: use proxy_protocol, or raise limits.auth_failures_per_second",
		find:   unproven("too many failed authentications", "limit")},
	{ID: "door-connections", Link: Door, Text: "its address has too many connections on which nothing was proven", Windows: "105, 12030 (connection reset)",
		Remedy: "something opens connections and says nothing: a scanner, or many hosts behind one address: use proxy_protocol, or raise limits.unauthenticated_per_address", find: unproven("", "connections")},
}

// seenAtAll says whether anything is known of the host.
func (q *inquiry) seenAtAll() bool { return q.known || len(q.unproven) > 0 }

func addresses(q *inquiry) string {
	if len(q.facts.Addresses) == 0 {
		return q.name
	}
	var names []string
	for _, a := range q.facts.Addresses {
		names = append(names, a.String())
	}
	return fmt.Sprintf("%s (%s)", q.name, strings.Join(names, ", "))
}

func from(q *inquiry) string {
	if !q.host.Address.IsValid() {
		return ""
	}
	return ", from " + q.host.Address.String()
}
