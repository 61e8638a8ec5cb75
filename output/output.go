// Package output turns records into bytes, bytes into Kafka, and misfits into the dead-letter topic.
package output

import "github.com/wefka/wefka/events"

// Encoder writes one decoded event as the value of a Kafka record. It may keep scratch: one an ongoing Deliver.
type Encoder interface {
	// Append appends the document for r, an event of b, to dst and returns the extended slice. It keeps nothing of b and r.
	Append(dst []byte, b *events.Batch, r *events.Record) ([]byte, error)
}
