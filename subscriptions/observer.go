package subscriptions

import (
	"net/netip"
	"time"

	"github.com/wefka/wefka/wsman"
)

// Observer hears what becomes of sources and their subscriptions. It is called from many goroutines at once, and returns at once.
type Observer interface {
	// Known tells of a source that the Store remembers in some subscription, in lower case, when the Manager opens.
	Known(source string, addr netip.Addr, first, last time.Time)
	// Offered tells what an Enumerate was answered with: how many subscriptions, and of each of the others its name and, after ": ",
	// the key of its file that keeps it from this source.
	Offered(from wsman.Source, offered int, withheld []string)
	Ended(from wsman.Source, subscription string, end *wsman.SubscriptionEnd)
	Dropped(from wsman.Source, subscription string, events int)
	BookmarkIgnored(from wsman.Source, subscription string)
	// Forgotten tells that nothing of a source, in lower case, is remembered any more.
	Forgotten(source string)
}

// deaf is the Observer of those who want none.
type deaf struct{}

func (deaf) Known(string, netip.Addr, time.Time, time.Time)     {}
func (deaf) Offered(wsman.Source, int, []string)                {}
func (deaf) Ended(wsman.Source, string, *wsman.SubscriptionEnd) {}
func (deaf) Dropped(wsman.Source, string, int)                  {}
func (deaf) BookmarkIgnored(wsman.Source, string)               {}
func (deaf) Forgotten(string)                                   {}

var _ Observer = deaf{}

// whole are the channels, in lower case, of which a query takes every event: there EventRecordIDs follow each other.
func whole(query string) map[string]bool { return checkQuery(query).wholes }
