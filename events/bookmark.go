package events

import "bytes"

// maxBookmarkEvent is far more than an artificial event needs: it carries five short texts.
const maxBookmarkEvent = 2048

// IsBookmarkEvent says whether raw is the artificial event 111 with which a source opens or moves a subscription: there to bring
// a bookmark, and in no log. Ordinary events cost a length check or one substring search.
func IsBookmarkEvent(raw []byte) bool {
	const element = "SubscriptionBookmarkEvent"
	if len(raw) > maxBookmarkEvent || !bytes.Contains(raw, []byte("<"+element)) {
		return false
	}
	var d Decoder
	var r Record
	if d.Decode(raw, &r) != nil || string(r.Provider) != "Microsoft-Windows-EventForwarder" || string(r.EventID) != "111" {
		return false
	}
	for _, other := range r.Other {
		if string(other.Name) == element {
			return true
		}
	}
	return false
}
