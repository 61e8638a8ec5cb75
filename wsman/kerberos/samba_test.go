package kerberos_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/internal/kdctest"
	"github.com/wefka/wefka/subscriptions"
	"github.com/wefka/wefka/subscriptions/strict"
	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

// TestSamba: what tickets of an Active Directory prove, PAC and all. One domain controller serves all of it, in this order.
func TestSamba(t *testing.T) {
	const (
		spn    = "HTTP/wec.ad.test"
		member = "WIN10$@" + kdctest.ADRealm
		other  = "WIN11$@" + kdctest.ADRealm
	)
	d := kdctest.Samba(t)
	d.Computer("WIN10")
	d.Computer("WIN11")
	d.User("wec-svc", "Svc-Pass1!", true)
	d.SPN("wec-svc", spn, "host/wec.ad.test", "HTTP/wec")
	d.User("old-svc", "Old-Pass1!", false)
	d.SPN("old-svc", "HTTP/old.ad.test")
	d.User("alice", "User-Pass1!", true)
	sid := d.Group("wef-sources", "WIN10$")
	nested := d.Group("wef-everything", "wef-sources")
	hosts, services := d.Keytab("WIN10$", "WIN11$", "alice"), d.Keytab("wec-svc")
	accounts := load(t, hosts, d.Krb5Conf())

	t.Run("computer accounts deliver", func(t *testing.T) {
		s := openSite(t, &kerberos.Acceptor{Keytab: services})
		for _, negotiate := range []bool{false, true} {
			s.forget(true)
			f := s.fleet(hosts, d.Krb5Conf(), spn)
			f.Negotiate = negotiate
			s.deliver(t, f)
			if got := s.seen(); !slices.Equal(got, []string{member, other}) {
				t.Errorf("negotiate %v: events of %v", negotiate, got)
			}
		}
	})
	t.Run("groups", func(t *testing.T) {
		s := openSite(t, &kerberos.Acceptor{Keytab: services})
		for _, name := range []string{"WIN10$", "WIN11$"} {
			if err := s.beat(t, initiator(accounts[name], spn, wsman.Kerberos)); err != nil {
				t.Fatal(err)
			}
			groups, _ := s.groups(name + "@" + kdctest.ADRealm)
			is := name == "WIN10$"
			if slices.Contains(groups, sid) != is || slices.Contains(groups, nested) != is {
				t.Errorf("%s: groups %v; member of %s, and by that of %s: %v", name, groups, sid, nested, is)
			}
			if !slices.ContainsFunc(groups, func(g string) bool { return strings.HasSuffix(g, "-515") }) {
				t.Errorf("%s: not among Domain Computers: %v", name, groups)
			}
		}
	})
	t.Run("subscription for a group", func(t *testing.T) {
		store, err := subscriptions.OpenBolt(t.TempDir() + "/state.db")
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		delivered := &sink{}
		m := subscriptions.NewManager(store, delivered, nil)
		defer m.Close(t.Context())
		sub := subscriptions.New()
		sub.Name, sub.ID, sub.Query, sub.Targets.Groups, sub.ReadExistingEvents = "members", siteID, siteQuery, []subscriptions.SID{subscriptions.SID(sid)}, true
		sub.Delivery.MaxTime = strict.Duration(time.Second)
		m.Replace([]*subscriptions.Subscription{sub})
		s := openSiteFor(t, &kerberos.Acceptor{Keytab: services}, m)
		for name, offers := range map[string]int{"WIN10$": 1, "WIN11$": 0} {
			c := s.client(initiator(accounts[name], spn, wsman.Kerberos))
			list, err := c.Enumerate(t.Context(), s.url())
			if err != nil {
				t.Fatal(err)
			}
			if len(list.Offers) != offers {
				t.Errorf("%s is offered %d subscriptions", name, len(list.Offers))
			}
			var status *wsman.StatusError
			switch err := c.Heartbeat(t.Context(), s.offer()); {
			case offers == 1 && err != nil:
				t.Errorf("%s: %v", name, err)
			case offers == 0 && (!errors.As(err, &status) || status.Code != 403):
				t.Errorf("%s, no member, sends all the same: %v", name, err)
			}
		}
		s.deliver(t, s.fleet(d.Keytab("WIN10$"), d.Krb5Conf(), spn))
		if delivered.events != 60 || !slices.Equal(delivered.sources, []string{member}) {
			t.Errorf("%d events of %v", delivered.events, delivered.sources)
		}
	})
	t.Run("service names", func(t *testing.T) {
		s := openSite(t, &kerberos.Acceptor{Keytab: services})
		for _, name := range []string{"host/wec.ad.test", "HOST/wec.ad.test", "http/WEC.ad.TEST", "HTTP/wec"} {
			if err := s.beat(t, initiator(accounts["WIN10$"], name, wsman.Kerberos)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("account without AES", func(t *testing.T) {
		s := openSite(t, &kerberos.Acceptor{Keytab: d.Keytab("old-svc")})
		s.refuses(t, initiator(accounts["WIN10$"], "HTTP/old.ad.test", wsman.Kerberos), "etype", "msDS-SupportedEncryptionTypes", "sname=HTTP/old.ad.test")
		allowed := openSite(t, &kerberos.Acceptor{Keytab: d.Keytab("old-svc"), RC4: true})
		if err := allowed.beat(t, initiator(accounts["WIN10$"], "HTTP/old.ad.test", wsman.Kerberos)); err != nil {
			t.Errorf("with RC4 allowed: %v", err)
		}
	})
	t.Run("user", func(t *testing.T) {
		s := openSite(t, &kerberos.Acceptor{Keytab: services})
		s.refuses(t, initiator(accounts["alice"], spn, wsman.Negotiate), "user", "alice@"+kdctest.ADRealm)
	})
	t.Run("password change", func(t *testing.T) {
		old := initiator(accounts["WIN10$"], spn, wsman.Kerberos) // holds its ticket
		running := openSite(t, &kerberos.Acceptor{Keytab: services})
		c := running.client(old)
		if err := c.Heartbeat(t.Context(), running.offer()); err != nil {
			t.Fatal(err)
		}
		d.Password("wec-svc", "Svc-Pass2!")
		fresh := initiator(load(t, hosts, d.Krb5Conf())["WIN10$"], spn, wsman.Kerberos)
		newOnly := d.Keytab("wec-svc")
		openSite(t, &kerberos.Acceptor{Keytab: newOnly}).refuses(t, old, "kvno", "password")
		running.refuses(t, fresh, "kvno", "password")
		d.AddKeys(services, "wec-svc") // the old keys are still in it
		merged := openSite(t, &kerberos.Acceptor{Keytab: services})
		for name, i := range map[string]wsman.Initiator{"old": old, "new": fresh} {
			if err := merged.beat(t, i); err != nil {
				t.Errorf("%s ticket, merged keytab: %v", name, err)
			}
		}
		if err := running.acceptor.Load(); err != nil {
			t.Fatal(err)
		}
		if err := running.beat(t, fresh); err != nil {
			t.Errorf("after the keytab was read again: %v", err)
		}
		if err := c.Heartbeat(t.Context(), running.offer()); err != nil || !c.Connected() {
			t.Errorf("on the connection that was open all the time: %v", err)
		}
	})
}

// sink is a subscriptions.Sink that counts.
type sink struct {
	mu      sync.Mutex
	events  int
	sources []string
}

func (s *sink) Deliver(_ context.Context, b *events.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events += len(b.Raw)
	if !slices.Contains(s.sources, b.Source) {
		s.sources = append(s.sources, b.Source)
	}
	return nil
}
