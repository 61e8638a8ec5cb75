package subscriptions

import (
	"time"

	"github.com/wefka/wefka/subscriptions/strict"
	"github.com/wefka/wefka/wsman"
)

// Subscription is what sources are asked to send, which sources, and where it goes. Fields are the keys of a subscription file.
type Subscription struct {
	Name    string  `yaml:"name"` // unique; [a-zA-Z0-9._-]
	ID      string  `yaml:"id"`   // UUID, lower case; never changes
	Enabled bool    `yaml:"enabled"`
	Query   string  `yaml:"query"` // QueryList, as Windows takes it
	Targets Targets `yaml:"targets"`

	ReadExistingEvents bool   `yaml:"read_existing_events"`
	ContentFormat      string `yaml:"content_format"` // raw | rendered_text
	Locale             string `yaml:"locale"`         // "" = the source's own
	Compression        bool   `yaml:"compression"`    // offer SLDC
	IgnoreChannelError bool   `yaml:"ignore_channel_error"`

	Delivery Delivery `yaml:"delivery"`
	Output   Output   `yaml:"output"`
}

// Targets says which sources get a subscription: any entry of a list, and all lists; an empty list is met by everybody.
type Targets struct {
	Names        []Glob      `yaml:"names"`        // on the proven identity
	Except       []Glob      `yaml:"except"`       // these never
	Groups       []SID       `yaml:"groups"`       // of the PAC: only hosts that come by Kerberos have any
	Networks     []Network   `yaml:"networks"`     // of the peer's address
	Certificates []Attribute `yaml:"certificates"` // of the source's certificate
	Paths        []Path      `yaml:"paths"`        // of the Enumerate; not looked at when events arrive
}

// Delivery says how a source delivers.
type Delivery struct {
	Heartbeat       strict.Duration `yaml:"heartbeat"`         // longest silence
	MaxTime         strict.Duration `yaml:"max_time"`          // from the first event of a batch to sending it
	MaxElements     int             `yaml:"max_elements"`      // events a batch; 0 = not sent
	MaxEnvelopeSize strict.Size     `yaml:"max_envelope_size"` // of a batch
	Oversize        string          `yaml:"oversize"`          // notify | skip | cancel: what becomes of an event that fits no envelope
	Retry           struct {
		Count    int             `yaml:"count"`
		Interval strict.Duration `yaml:"interval"`
	} `yaml:"retry"`
}

// Output says what becomes of the events; it is the output's to understand.
type Output struct {
	Topic            string `yaml:"topic"`  // template; "" = the output's own
	Format           string `yaml:"format"` // json | ecs | xml
	ECSKeepEventData bool   `yaml:"ecs_keep_event_data"`
	EventOriginal    bool   `yaml:"event_original"` // ecs: the event's XML in event.original
	BookmarkEvent    bool   `yaml:"bookmark_event"` // publish the artificial event 111
}

// New is a subscription with every default; Name, ID and Query have none.
func New() *Subscription {
	s := &Subscription{Enabled: true, ContentFormat: raw, Compression: true, IgnoreChannelError: true,
		Delivery: Delivery{Heartbeat: strict.Duration(time.Hour), MaxTime: strict.Duration(30 * time.Second), MaxEnvelopeSize: 512000, Oversize: "notify"},
		Output:   Output{Format: "json"}}
	s.Delivery.Retry.Count, s.Delivery.Retry.Interval = 5, strict.Duration(time.Minute)
	return s
}

const (
	raw      = "raw"
	rendered = "rendered_text"
)

var oversize = map[string]wsman.Oversize{"notify": wsman.Notify, "skip": wsman.Skip, "cancel": wsman.CancelSubscription}

// locale is what a source is told; rendered text without one would come in each source's own language.
func (s *Subscription) locale() string {
	if s.Locale == "" && s.ContentFormat == rendered {
		return "en-US"
	}
	return s.Locale
}
