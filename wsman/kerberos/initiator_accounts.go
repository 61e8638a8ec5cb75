package kerberos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// Accounts are the principals of a keytab, as clients of the KDCs that a krb5.conf names.
type Accounts struct {
	keytab *keytab.Keytab
	config *config.Config
	turns  chan struct{} // one for each account that may talk to a KDC now
	list   []*Account
}

// conversations is how many accounts talk to KDCs at once.
const conversations = 8

// LoadAccounts reads a keytab and a krb5.conf. With etypes, session keys are asked for of those, the first one first, whatever krb5.conf
// says.
func LoadAccounts(keytabFile, krb5Conf string, etypes ...int32) (*Accounts, error) {
	a := &Accounts{turns: make(chan struct{}, conversations)}
	var err error
	if a.keytab, err = keytab.Load(keytabFile); err != nil {
		return nil, fmt.Errorf("read keytab %s: %w", keytabFile, err)
	}
	file, err := os.Open(krb5Conf)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var partly config.UnsupportedDirective
	if a.config, err = config.NewFromReader(file); err != nil && !errors.As(err, &partly) {
		return nil, fmt.Errorf("read %s: %w", krb5Conf, err)
	}
	if len(etypes) > 0 {
		a.config.LibDefaults.DefaultTGSEnctypeIDs = etypes
	}
	known := map[string]bool{}
	for _, e := range a.keytab.Entries {
		account := &Account{Name: strings.Join(e.Principal.Components, "/"), Realm: e.Principal.Realm, of: a, tickets: map[string]*Credential{}}
		if !known[account.Principal()] {
			known[account.Principal()] = true
			a.list = append(a.list, account)
		}
	}
	return a, nil
}

// All are the accounts, in the keytab's order.
func (a *Accounts) All() []*Account { return a.list }

// settings is a copy for one conversation: gokrb5 shuffles the KDCs of a realm in their place.
func (a *Accounts) settings() *config.Config {
	c := *a.config
	c.Realms = append([]config.Realm(nil), c.Realms...)
	for i := range c.Realms {
		c.Realms[i].KDC = append([]string(nil), c.Realms[i].KDC...)
	}
	return &c
}

// Account is a principal with its keys. It keeps service tickets as long as they are valid, and no ticket-granting ticket: thousands of
// accounts hold what they use. It is safe for concurrent use.
type Account struct {
	Name  string // PC-1$
	Realm string // CORP.EXAMPLE
	of    *Accounts

	mu      sync.Mutex // guards tickets; held while one is asked for, so that it is asked for once
	tickets map[string]*Credential
}

// Principal is the account's whole name, PC-1$@CORP.EXAMPLE.
func (a *Account) Principal() string { return a.Name + "@" + a.Realm }

// Computer says whether the account is a machine's: its name ends in $.
func (a *Account) Computer() bool { return strings.HasSuffix(a.Name, "$") }

// Credential is a ticket for a service, with what only its owner knows.
type Credential struct {
	Client types.PrincipalName
	Realm  string // the client's
	Ticket messages.Ticket
	Key    types.EncryptionKey // of the session
	End    time.Time
}

// ErrTicket says that there is no ticket, and wraps what the KDC, or the way to it, had to say.
var ErrTicket = errors.New("kerberos: no ticket")

// Ticket gives a ticket for a service that is valid for at least another minute.
func (a *Account) Ticket(ctx context.Context, spn string) (*Credential, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.tickets[spn]; c != nil && time.Until(c.End) > time.Minute {
		return c, nil
	}
	select {
	case a.of.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-a.of.turns }()
	c, err := a.ask(spn)
	if err != nil {
		return nil, fmt.Errorf("%w of %s for %s: %w", ErrTicket, a.Principal(), spn, err)
	}
	a.tickets[spn] = c
	return c, nil
}

// ask goes to the KDC: first for a ticket-granting ticket, then for the service (RFC 4120 3.1, 3.3).
func (a *Account) ask(spn string) (*Credential, error) {
	settings := a.of.settings()
	c := client.NewWithKeytab(a.Name, a.Realm, a.of.keytab, settings, client.DisablePAFXFAST(true))
	defer c.Destroy() // where another realm's KDC was asked too, gokrb5 has begun to renew that realm's ticket
	request, err := messages.NewASReqForTGT(a.Realm, settings, c.Credentials.CName())
	if err != nil {
		return nil, err
	}
	granting, err := c.ASExchange(a.Realm, request, 0)
	if err != nil {
		return nil, err
	}
	name := types.NewPrincipalName(nametype.KRB_NT_SRV_INST, spn)
	_, service, err := c.TGSREQGenerateAndExchange(name, a.Realm, granting.Ticket, granting.DecryptedEncPart.Key, false)
	if err != nil {
		return nil, err
	}
	return &Credential{Client: service.CName, Realm: service.CRealm, Ticket: service.Ticket, Key: service.DecryptedEncPart.Key, End: service.DecryptedEncPart.EndTime}, nil
}
