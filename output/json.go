package output

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wefka/wefka/events"
)

// JSON writes the json document: everything that the event holds, and who brought it when. One goroutine at a time.
//
// EventData keeps its names and its values as strings; typed values are in Sysmon, for Sysmon's own events. From System,
// EventData (or EventDataList), UserData, RenderingInfo and the like the event can be built again. Other holds, as XML, the
// children of Event that these cannot carry whole: those whose names it has are to be taken from there.
type JSON struct {
	Node       string // "" leaves it out
	Severities Severities

	origin   origin
	delivery []byte // members of Collector that are the same for a whole batch

	names    names
	repeated []int // fields whose name came before, ascending
	tree     tree
}

// origin is what delivery was rendered from.
type origin struct {
	node, source, subscription, id, revision string
	addr                                     netip.Addr
	received                                 time.Time
}

// Append implements Encoder. The document is one line without a line end.
func (e *JSON) Append(dst []byte, b *events.Batch, r *events.Record) ([]byte, error) {
	dst = append(dst, '{')
	dst = appendSystem(dst, r)
	dst = e.appendEventData(dst, r)
	dst = e.appendPayload(dst, r)
	dst = appendRendering(dst, r)
	if string(r.Provider) == sysmonProvider {
		dst = e.appendSysmon(dst, r)
	}
	dst = e.appendCollector(dst, b, r)
	return append(dst, '}'), nil
}

func (e *JSON) appendCollector(dst []byte, b *events.Batch, r *events.Record) []byte {
	if o := (origin{e.Node, b.Source, b.Subscription, b.SubscriptionID, b.Revision, b.Addr, b.Received}); e.origin != o {
		e.origin = o
		e.delivery = o.append(e.delivery[:0])
	}
	dst = append(dst, `"Collector":{"Uid":"`...)
	dst = AppendID(dst, b.Source, r)
	dst = append(dst, `",`...)
	dst = append(dst, e.delivery...)
	if len(r.Identity) > 0 {
		dst = append(append(append(dst, `"Identity":"`...), r.Identity...), `",`...)
	}
	dst = append(dst, `"Severity":`...)
	dst = strconv.AppendInt(dst, int64(e.Severities.of(r)), 10)
	if flaw := flawOf(r); flaw != "" {
		dst = append(append(append(dst, `,"Error":"`...), flaw...), '"')
	}
	return append(dst, '}')
}

// append appends the members. Without a source and a subscription there was no delivery, and there are none.
func (o *origin) append(dst []byte) []byte {
	if o.source == "" && o.subscription == "" {
		return dst
	}
	text := func(name, s string) {
		if s != "" {
			dst = appendText(dst, name, []byte(strings.Map(printable, s)))
		}
	}
	if !o.received.IsZero() {
		text(`"Received":`, o.received.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	dst = append(dst, `"Source":{`...)
	text(`"Principal":`, o.source)
	if o.addr.IsValid() {
		text(`"Address":`, o.addr.Unmap().String())
	}
	dst = append(appendEnd(dst, '}'), `"Subscription":{`...)
	text(`"Name":`, o.subscription)
	text(`"Uuid":`, strings.ToLower(o.id))
	text(`"Version":`, strings.ToLower(o.revision))
	dst = appendEnd(dst, '}')
	text(`"Node":`, o.node)
	return dst
}

// printable replaces what could not stand in XML, and so in no event either.
func printable(r rune) rune {
	if r < ' ' {
		return utf8.RuneError
	}
	return r
}
