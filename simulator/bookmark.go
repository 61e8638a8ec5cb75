package simulator

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wefka/wefka/wsman"
)

// position is where a subscription stands in one channel: behind this record.
type position struct {
	channel string
	record  uint64
}

// bookmark is a subscription's place in all its channels, in a fixed order.
type bookmark []position

// parseBookmark reads what a host has written before. Attributes that mean nothing to it are of no use to a host either.
func parseBookmark(fragment []byte) (bookmark, error) {
	var list struct {
		XMLName  xml.Name `xml:"BookmarkList"`
		Bookmark []struct {
			Channel  string `xml:"Channel,attr"`
			RecordID uint64 `xml:"RecordId,attr"`
		}
	}
	if err := xml.Unmarshal(fragment, &list); err != nil {
		return nil, fmt.Errorf("bookmark: %w", err)
	}
	var b bookmark
	for _, e := range list.Bookmark {
		b = b.at(e.Channel, e.RecordID)
	}
	return b, nil
}

// at moves the place in one channel.
func (b bookmark) at(channel string, record uint64) bookmark {
	i := slices.IndexFunc(b, func(p position) bool { return p.channel == channel })
	if i < 0 {
		return append(b, position{channel, record})
	}
	b[i].record = record
	return b
}

// append writes b as a fragment; current is the channel of the newest event. A source without a place in the past counts backward.
func (b bookmark) append(dst []byte, current string, backward bool) []byte {
	dst = append(dst, `<BookmarkList`...)
	if backward {
		dst = append(dst, ` Direction="backward"`...)
	}
	dst = append(dst, '>')
	for _, p := range b {
		dst = append(append(append(dst, `<Bookmark Channel="`...), escape(p.channel)...), `" RecordId="`...)
		dst = append(strconv.AppendUint(dst, p.record, 10), '"')
		if p.channel == current {
			dst = append(dst, ` IsCurrent="true"`...)
		}
		dst = append(dst, `/>`...)
	}
	return append(dst, `</BookmarkList>`...)
}

// bookmarkEvent is the artificial event 111, which is in no log and only brings a bookmark.
func bookmarkEvent(computer string, now time.Time) []byte {
	return wsman.AppendEvent(nil, []byte(`<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-EventForwarder'/>`+
		`<EventID>111</EventID><TimeCreated SystemTime='`+now.UTC().Format("2006-01-02T15:04:05.000Z")+`'/><Computer>`+strings.ToUpper(computer)+`</Computer></System>`+
		`<SubscriptionBookmarkEvent><SubscriptionId></SubscriptionId></SubscriptionBookmarkEvent></Event>`))
}

// escape is text as XML character data or attribute value.
func escape(text string) string {
	return escaper.Replace(text)
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")
