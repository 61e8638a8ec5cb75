package kerberos

import (
	"fmt"
	"time"

	"github.com/wefka/wefka/wsman"
)

// sealedContent is what a sealed message is inside (MS-WSMV 2.2.9.1).
const sealedContent = "application/soap+xml;charset=UTF-16"

// session is a wsman.Session: an established context and whose it is. It ends with the ticket, for then the KDC's word ends.
type session struct {
	source  wsman.Source
	context *Context
	end     time.Time // of the ticket, and the skew
	clock   func() time.Time
}

func (s *session) Source() wsman.Source { return s.source }

func (s *session) Open(contentType string, body []byte) ([]byte, error) {
	if s.clock().After(s.end) {
		return nil, fmt.Errorf("%w any more: the ticket of %s ended at %s", wsman.ErrUnauthenticated, s.source.Name, s.end.UTC().Format(time.RFC3339))
	}
	return s.context.Open(contentType, body)
}

func (s *session) Seal(message []byte) (contentType string, body []byte, err error) {
	return s.context.Seal(sealedContent, message)
}
