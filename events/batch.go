package events

import (
	"errors"
	"net/netip"
	"time"
)

// ErrIdentity says that a batch has events of computers that its source may not speak for, and that nothing of it was written. To
// send it again does not help.
var ErrIdentity = errors.New("the source is another computer")

// Batch is what one request delivered: raw events, who proved to have sent them and under which subscription.
// Raw aliases the request's buffer and is valid until the request ends.
type Batch struct {
	Subscription   string // name
	SubscriptionID string // UUID, as the subscription file writes it
	Revision       string // version GUID under which it was delivered
	Topic          string // template that the subscription asks for; "" = the output's
	Format         string // json | xml | ecs
	KeepEventData  bool   // ecs: all of EventData in winlog.event_data, mapped or not
	EventOriginal  bool   // ecs: the event as sent in event.original

	Source    string     // proven identity
	Auth      string     // how it was proven: tls | kerberos | negotiate
	MachineID string     // claimed
	Addr      netip.Addr // of the peer
	Received  time.Time  // UTC

	Raw      [][]byte // one event's XML each, UTF-8, as sent
	BadUTF16 int      // unpaired surrogates that were replaced in this message
	Withheld int      // artificial events that were taken out of Raw

	Whole map[string]bool // channels that the subscription takes whole, so that their EventRecordIDs follow each other; read only
}
