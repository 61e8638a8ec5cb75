package subscriptions

import (
	"strings"

	"github.com/wefka/wefka/wsman"
)

// roster is the set of subscriptions in force. It never changes; Replace puts another in its place.
type roster struct {
	list []*served
	byID map[string]*served // lower case
}

// served is a subscription with all that can be worked out before a source asks.
type served struct {
	*Subscription
	key   string          // ID in lower case
	offer wsman.Subscribe // without the source's own bookmark
	whole map[string]bool // channels of which the query takes everything
	count counters
}

func newRoster(subs []*Subscription, m *metrics) *roster {
	r := &roster{byID: map[string]*served{}}
	for _, s := range subs {
		served := &served{Subscription: s, key: strings.ToLower(s.ID), offer: s.offer(), whole: whole(s.Query), count: m.of(s.Name)}
		r.list = append(r.list, served)
		r.byID[served.key] = served
	}
	return r
}

// find looks a subscription up by the GUID that the source delivers to.
func (r *roster) find(h *wsman.Header) *served { return r.byID[strings.ToLower(h.Identifier)] }

func (s *Subscription) offer() wsman.Subscribe {
	d := &s.Delivery
	return wsman.Subscribe{
		ID: strings.ToUpper(s.ID), Version: s.Version(), Name: s.Name, Query: s.Query,
		Compression: s.Compression, RenderedText: s.ContentFormat == rendered, IgnoreChannelError: s.IgnoreChannelError,
		ReadExistingEvents: s.ReadExistingEvents, Locale: s.locale(),
		Heartbeats: d.Heartbeat.Duration(), MaxTime: d.MaxTime.Duration(), MaxElements: d.MaxElements, MaxEnvelopeSize: int(d.MaxEnvelopeSize),
		Oversize: oversize[d.Oversize], RetryCount: d.Retry.Count, RetryInterval: d.Retry.Interval.Duration(),
	}
}
