package wsman

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Initiator proves who a source is where TLS does not, on each connection anew. It is *kerberos.Initiator.
type Initiator interface {
	// Start gets ready for one connection. It may have to ask others first, so it comes before dialling.
	Start(ctx context.Context) (Handshake, error)
}

// Handshake is the proof on one connection. It goes out in requests without a body, before any message (MS-WSMV 2.2.9.1).
type Handshake interface {
	// Next takes the values of WWW-Authenticate of the collector's answer, nil at first and never after, and gives the next value of Authorization.
	// With a Sealer the proof is complete, and there is nothing more to send.
	Next(challenges []string) (authorization string, seal Sealer, err error)
}

// Sealer seals what is sent on a proven connection and opens what is answered, one after another. It is *kerberos.Context.
type Sealer interface {
	// Seal makes a request's body out of a message of the media type kind; it may overwrite message.
	Seal(kind string, message []byte) (contentType string, body []byte, err error)
	// Open gives the message in an answer's body, which it may overwrite.
	Open(contentType string, body []byte) ([]byte, error)
}

const maxLegs = 8 // of a handshake: four of SPNEGO are known

// prove goes through the handshake on a new connection. The trip learns the status of an answer that ends it.
func (c *Client) prove(u *url.URL, h Handshake, trip *Trip) error {
	authorization, seal, err := h.Next(nil)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConnect, err)
	}
	for leg := 0; seal == nil; leg++ {
		if leg == maxLegs || authorization == "" {
			return fmt.Errorf("%w: authentication comes to no end", ErrAnswer)
		}
		response, err := c.knock(u, authorization)
		if err != nil {
			return err
		}
		trip.Status = response.StatusCode
		if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusUnauthorized {
			return &StatusError{Code: response.StatusCode}
		}
		authorization, seal, err = h.Next(append([]string{}, response.Header.Values("WWW-Authenticate")...))
		if done := response.StatusCode == http.StatusOK; done {
			if err == nil && seal == nil {
				err = errors.New("the proof is not complete")
			}
			if err != nil {
				return fmt.Errorf("%w: authentication: %w", ErrAnswer, err)
			}
		} else if err != nil || seal != nil {
			refused := &StatusError{Code: response.StatusCode}
			if err != nil {
				refused.Reason = err.Error()
			}
			return refused
		}
		if response.Close {
			return fmt.Errorf("%w: closed while authenticating", ErrLost)
		}
	}
	c.seal, trip.Status = seal, 0
	return nil
}

// knock sends a request without a body and reads the answer.
func (c *Client) knock(u *url.URL, authorization string) (*http.Response, error) {
	_, err := c.conn.Write(c.head(nil, u, c.Encoding.contentType(), authorization, 0))
	if err != nil {
		return nil, fmt.Errorf("%w: authenticate: %w", ErrLost, err)
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: authenticate: %w", ErrLost, err)
	}
	defer response.Body.Close()
	if n, err := io.Copy(io.Discard, io.LimitReader(response.Body, clientEnvelope)); err != nil || n == clientEnvelope {
		return nil, fmt.Errorf("%w: authenticate: %d bytes of body: %w", ErrLost, n, err)
	}
	return response, nil
}
