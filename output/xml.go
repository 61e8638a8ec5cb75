package output

import "github.com/wefka/wefka/events"

// XML writes events as they were sent. Safe for concurrent use.
type XML struct{}

// Append implements Encoder.
func (XML) Append(dst []byte, _ *events.Batch, r *events.Record) ([]byte, error) {
	return append(dst, r.Raw...), nil
}
