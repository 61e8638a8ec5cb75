package wsman

import "time"

// Limits bound what peers can ask for. A field left zero gets its default.
type Limits struct {
	Body           int64 // bytes of a request on the wire; 2 MiB. Never below the largest MaxEnvelopeSize + 64 KiB
	Inflated       int64 // bytes after SLDC; 16 MiB
	EventsPerBatch int   // 65535
	XMLDepth       int   // 256

	HeaderTimeout time.Duration // TLS handshake, then request header; 10 s
	AuthTimeout   time.Duration // accept to proven identity; 30 s
	AckTimeout    time.Duration // for the body, then again for the handler; 30 s
	IdleTimeout   time.Duration // between requests of a connection; 65 min, as the longest heartbeat interval should fit

	Unauthenticated           int // connections without a proven identity; 1000
	UnauthenticatedPerAddress int // the same, of one address; 50
	AuthFailuresPerSecond     int // of one address, then 429; 20
}

const (
	maxHeaderBytes  = 128 << 10 // a Kerberos token of 65,535 bytes in base64, and room
	maxAuthFailures = 3         // of one connection
	maxAuthLegs     = 4         // of one proof
	smallBody       = 16 << 10  // up to here a delivery is let through when there is no room for events: a heartbeat
	writeTimeout    = 30 * time.Second
)

// withDefaults fills the zero fields.
func (l Limits) withDefaults() Limits {
	def(&l.Body, 2<<20)
	def(&l.Inflated, 16<<20)
	def(&l.EventsPerBatch, 65535)
	def(&l.XMLDepth, 256)
	def(&l.HeaderTimeout, 10*time.Second)
	def(&l.AuthTimeout, 30*time.Second)
	def(&l.AckTimeout, 30*time.Second)
	def(&l.IdleTimeout, 65*time.Minute)
	def(&l.Unauthenticated, 1000)
	def(&l.UnauthenticatedPerAddress, 50)
	def(&l.AuthFailuresPerSecond, 20)
	return l
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
