package subscriptions_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/subscriptions"
	"github.com/wefka/wefka/wsman"
)

const somewhere = `<BookmarkList><Bookmark Channel="A" RecordId="7" IsCurrent="true"/></BookmarkList>`

// What is exported can be imported, and a source then gets it; what is no bookmark is refused, and all with it.
func TestBookmarks(t *testing.T) {
	store := newStore()
	m := subscriptions.NewManager(store, nil, nil)
	s := subscriptions.New()
	s.Name, s.ID, s.Query = "lab", "0b5a3f2e-8c1d-4f6a-9e7b-2d3c4b5a6978", `<QueryList><Query Id="0"><Select Path="A">*</Select></Query></QueryList>`
	m.Replace([]*subscriptions.Subscription{s})
	ctx := context.Background()
	t.Cleanup(func() { m.Close(ctx) })
	key := subscriptions.Key{Subscription: strings.ToUpper(s.ID), Source: "PC-1"}
	for text, part := range map[string]string{
		"":                   "BookmarkList",
		"<a/>":               "BookmarkList",
		"<BookmarkList>":     "BookmarkList",
		somewhere + "x":      "BookmarkList",
		somewhere + "<a/>":   "BookmarkList",
		"<!DOCTYPE a>":       "BookmarkList",
		somewhere + "</s:x>": "BookmarkList",
	} {
		good := subscriptions.Position{Key: key, Bookmark: somewhere}
		if err := m.Import(ctx, []subscriptions.Position{good, {Key: key, Bookmark: text}}); err == nil || !strings.Contains(err.Error(), part) || store.puts != 0 {
			t.Errorf("%q: %v, %d written", text, err, store.puts)
		}
	}
	for _, bad := range []subscriptions.Key{{Subscription: "x", Source: "pc"}, {Subscription: s.ID}, {Subscription: s.ID, Source: "a\x00b"}} {
		if err := m.Import(ctx, []subscriptions.Position{{Key: bad, Bookmark: somewhere}}); err == nil {
			t.Errorf("%q imported", bad)
		}
	}
	if err := m.Import(ctx, []subscriptions.Position{{Key: key, Bookmark: somewhere}}); err != nil {
		t.Fatal(err)
	}
	from := wsman.Source{Name: "pc-1"}
	offered := func() string {
		offers, err := m.Enumerate(ctx, from, &wsman.Enumerate{})
		if err != nil || len(offers) != 1 {
			t.Fatal(offers, err)
		}
		return string(offers[0].Bookmark)
	}
	if got := offered(); got != somewhere {
		t.Errorf("offered %q", got)
	}
	if found := slices.Collect(m.Bookmarks(s.ID, "PC-1")); len(found) != 1 || found[0].Bookmark != somewhere || found[0].Source != "pc-1" {
		t.Errorf("found %v", found)
	}
	if found := slices.Collect(m.Bookmarks("", "pc-2")); len(found) != 0 {
		t.Errorf("found %v", found)
	}
	if n, err := m.ResetBookmarks(ctx, "", "pc-1"); n != 1 || err != nil {
		t.Error(n, err)
	}
	if got := offered(); got != "" {
		t.Errorf("offered %q after the reset", got)
	}
	if err := m.Forget(ctx, "PC-1"); err != nil || len(store.states) != 0 || len(m.Standings(nil, "pc-1")) != 0 {
		t.Errorf("%v; left: %v", err, store.states)
	}
}

// An Enumerate says of each subscription that is withheld what withholds it.
func TestOffered(t *testing.T) {
	m := subscriptions.NewManager(newStore(), nil, nil)
	o := &offers{}
	m.Observer = o
	var subs []*subscriptions.Subscription
	for i, target := range []string{"", "except", "names", "networks", "groups", "paths", "enabled"} {
		s := subscriptions.New()
		s.Name, s.ID = "s"+target, strings.Replace("0b5a3f2e-8c1d-4f6a-9e7b-2d3c4b5a697x", "x", string(rune('0'+i)), 1)
		glob := func(text string) subscriptions.Glob {
			var g subscriptions.Glob
			g.UnmarshalText([]byte(text))
			return g
		}
		switch target {
		case "except":
			s.Targets.Except = []subscriptions.Glob{glob("pc*")}
		case "names":
			s.Targets.Names = []subscriptions.Glob{glob("srv*")}
		case "networks":
			var n subscriptions.Network
			n.UnmarshalText([]byte("192.0.2.0/24"))
			s.Targets.Networks = []subscriptions.Network{n}
		case "groups":
			s.Targets.Groups = []subscriptions.SID{"S-1-5-21-1"}
		case "paths":
			s.Targets.Paths = []subscriptions.Path{"/other"}
		case "enabled":
			s.Enabled = false
		}
		subs = append(subs, s)
	}
	m.Replace(subs)
	t.Cleanup(func() { m.Close(context.Background()) })
	if _, err := m.Enumerate(context.Background(), wsman.Source{Name: "pc-1"}, &wsman.Enumerate{}); err != nil {
		t.Fatal(err)
	}
	want := "sexcept: except, snames: names, snetworks: networks, sgroups: groups, spaths: paths, senabled: enabled"
	if got := strings.Join(o.withheld, ", "); o.offered != 1 || got != want {
		t.Errorf("offered %d, withheld %s\nwant %s", o.offered, got, want)
	}
}

// offers hears what is offered.
type offers struct {
	offered  int
	withheld []string
}

func (o *offers) Offered(_ wsman.Source, offered int, withheld []string) {
	o.offered, o.withheld = offered, withheld
}
func (*offers) Known(string, netip.Addr, time.Time, time.Time)     {}
func (*offers) Ended(wsman.Source, string, *wsman.SubscriptionEnd) {}
func (*offers) Dropped(wsman.Source, string, int)                  {}
func (*offers) BookmarkIgnored(wsman.Source, string)               {}
func (*offers) Forgotten(string)                                   {}
