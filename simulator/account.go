package simulator

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

// login reads the keytab, if the fleet has one, and takes as many of its computer accounts as there are to be hosts. Nobody is asked for
// tickets before they are needed.
func (r *run) login() error {
	if r.Keytab == "" {
		return nil
	}
	if r.Krb5Conf == "" {
		r.Krb5Conf = "/etc/krb5.conf"
	}
	accounts, err := kerberos.LoadAccounts(r.Keytab, r.Krb5Conf, r.Etypes...)
	if err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	for _, a := range accounts.All() {
		if a.Computer() {
			r.accounts = append(r.accounts, a)
		}
	}
	switch n := len(r.accounts); {
	case n == 0:
		return fmt.Errorf("simulator: keytab %s holds no computer account: none of its principals ends in $", r.Keytab)
	case r.Hosts > n:
		// Two hosts of one account would write records with the same numbers.
		return fmt.Errorf("simulator: %d hosts, but keytab %s holds %d computer accounts", r.Hosts, r.Keytab, n)
	case r.Hosts <= 0:
		r.Hosts = n
	}
	return nil
}

// newMember makes a host that is a member of a domain: PC-1$@CORP.EXAMPLE is pc-1.corp.example.
func newMember(r *run, index int, a *kerberos.Account) *machine {
	m := newMachine(r, index, strings.ToLower(strings.TrimSuffix(a.Name, "$")+"."+a.Realm))
	m.account, m.identity = a, strings.ToLower(a.Principal())
	return m
}

// initiator proves a member to the collector at a URL; nil for a host with a certificate.
func (m *machine) initiator(address string) wsman.Initiator {
	if m.account == nil {
		return nil
	}
	if m.NTLM != NoNTLM {
		return m.NTLM
	}
	i := &kerberos.Initiator{Tickets: m.account.Ticket, SPN: m.SPN, Scheme: wsman.Kerberos, Quirks: m.KerberosQuirks}
	if m.Negotiate {
		i.Scheme = wsman.Negotiate
	}
	if u, err := url.Parse(address); err == nil && i.SPN == "" {
		i.SPN = "HTTP/" + u.Hostname()
	}
	return i
}
