package output

import "github.com/wefka/wefka/events"

// flawOf says what the decoder had to do to the event, "" for nothing.
func flawOf(r *events.Record) string {
	switch {
	case r.Illegal && r.Truncated:
		return "illegal characters replaced; rendering truncated"
	case r.Illegal:
		return "illegal characters replaced"
	case r.Truncated:
		return "rendering truncated"
	}
	return ""
}
