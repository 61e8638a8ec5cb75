package storetest

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/wefka/wefka/subscriptions"
)

// Host is host n of a large fleet in one of its subscriptions, after so many deliveries: bookmarks of 18 channels, 1.5 KB, and the one of
// the day before.
func Host(n, subscription, deliveries int) (subscriptions.Key, subscriptions.State) {
	k := subscriptions.Key{Subscription: fmt.Sprintf("5f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a%02x", subscription), Source: fmt.Sprintf("ws-%06d$@corp.example", n)}
	mark := func(deliveries int) string {
		var b strings.Builder
		b.WriteString("<BookmarkList>")
		for c := range 18 {
			fmt.Fprintf(&b, `<Bookmark Channel="Microsoft-Windows-Channel%02d/Operational" RecordId="%d" IsCurrent="true"/>`, c, 1000+(n*7919+c*104729)%90000000+deliveries*(c+1))
		}
		b.WriteString("</BookmarkList>")
		return b.String()
	}
	heard := start.Add(time.Duration(n)*time.Millisecond + time.Duration(deliveries)*30*time.Second)
	return k, subscriptions.State{Bookmark: mark(deliveries), Version: "66F4039E-9228-50A4-9CA8-8C192D73A9B7", FirstSeen: start, LastEvents: heard, LastHeard: heard,
		Addr:    netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}),
		History: []subscriptions.Bookmark{{Text: mark(deliveries / 2), Time: start}}}
}
