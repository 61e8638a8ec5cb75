package wsman

import (
	"context"
	"time"
)

// Handler is policy's door: what the protocol asks of whoever runs the subscriptions.
//
// Methods are called concurrently, but for one connection one after another. A nil error is Acked; a *Fault is answered as it says;
// every other error means "later" and is answered 503, so that the source sends the same again.
type Handler interface {
	Enumerate(ctx context.Context, from Source, m *Enumerate) ([]Subscribe, error)
	Events(ctx context.Context, from Source, m *Events) error
	Heartbeat(ctx context.Context, from Source, m *Heartbeat) error
	End(ctx context.Context, from Source, m *SubscriptionEnd) error
}

// Header is what a request claims about itself. Nothing in it is proven.
type Header struct {
	Action           string
	MessageID        string // as sent, case included; RelatesTo repeats it
	To               string // the URL the source believes it posts to
	ReplyTo          string
	MachineID        string // claimed DNS name
	SessionID        string
	OperationID      string
	OperationTimeout time.Duration // how long the source waits for the answer; 0 = not said
	MaxEnvelopeSize  int           // bytes of response that the source accepts; 0 = not said
	Identifier       string        // subscription GUID, echoed by the source
	Revision         string        // version GUID that the source holds, from the URL or the echoed reference property; "" = not said
	Path             string        // the URL path of the request, without query
	Clean            bool          // false: something in the text had to be replaced or skipped to read it
}

// Enumerate asks which subscriptions there are for this source (DSP0226 8.2).
type Enumerate struct{ Header }

// Heartbeat says that a source is there and has nothing to send.
type Heartbeat struct{ Header }

// Events is one delivery. Items and Bookmark alias the request's buffer: they are valid until Handler.Events returns.
type Events struct {
	Header
	Bookmark []byte   // the XML fragment below w:Bookmark, self-contained, opaque; nil when absent
	Items    [][]byte // the text of each w:Event: one event's XML, UTF-8, as sent
	Notices  [][]byte // texts of entries that say how many events were dropped (Action DroppedEvents)
	Strange  int      // entries with any other Action, passed over
	BadUTF16 int      // unpaired surrogates that became U+FFFD in this message
}

// SubscriptionEnd says that a source stops delivering.
type SubscriptionEnd struct {
	Header
	Status  string // URI: DeliveryFailure, SourceShuttingDown, SourceCancelling
	Reason  string
	Code    string // of f:WSManFault; "" = none
	Machine string // of f:WSManFault; claimed
	Message string // text of f:WSManFault
}

// Subscribe is one subscription as a source gets it inside an EnumerateResponse. Addresses and delivery policy are not
// here: Server fills them in from the transport.
type Subscribe struct {
	ID      string // GUID, upper case; also in the notify URL
	Version string // GUID, upper case; changes when anything below but Bookmark changes
	Name    string // shown in the source's log
	Query   string // QueryList, verbatim

	Bookmark []byte // the stored fragment; nil: none
	Earliest bool   // no fragment, and existing events are wanted

	Compression        bool // offer SLDC
	RenderedText       bool // else Raw
	IgnoreChannelError bool
	ReadExistingEvents bool
	Locale             string // "" = the source's own

	Heartbeats      time.Duration
	MaxTime         time.Duration
	MaxElements     int // 0 = not sent
	MaxEnvelopeSize int // bytes
	Oversize        Oversize
	RetryCount      int
	RetryInterval   time.Duration
}

// Oversize says what a source does with an event that does not fit MaxEnvelopeSize (w:MaxEnvelopeSize/@Policy).
type Oversize string

const (
	Notify             Oversize = "Notify"
	Skip               Oversize = "Skip"
	CancelSubscription Oversize = "CancelSubscription"
)
