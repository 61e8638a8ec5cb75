package kerberos

import (
	"errors"
	"fmt"

	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/wefka/wefka/wsman"
)

// ErrSeal is the error of whatever does not open. What it wraps around is for our log, never for the peer.
var ErrSeal = errors.New("kerberos: message does not open")

func sealErrorf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrSeal, fmt.Sprintf(format, args...))
}

// Params is what an AP exchange has agreed on.
type Params struct {
	Key            types.EncryptionKey // for messages: the acceptor's subkey, else the initiator's, else the session key; etype 17 to 20, or 23
	AcceptorSubkey bool                // Key is the acceptor's: tokens of both ends say so
	Initiator      bool                // this end is the source, else the collector
	Scheme         wsman.Method        // wsman.Kerberos or wsman.Negotiate: the protocol word of sealed bodies
	Send, Receive  uint64              // number of this end's first token, and of the other's
}

// Context is an established security context: it seals and opens the messages of one connection, in both directions, with keys derived
// once (RFC 4121 4.2, or RFC 4757 7 for RC4; MS-WSMV 2.2.9.1). It serves one goroutine at a time.
type Context struct {
	tokens  protection
	form    multipart
	send    uint64
	receive window
}

// NewContext derives the keys. Whether RC4 may be used at all is for the caller to know.
func NewContext(p Params) (*Context, error) {
	if n := keyBytes(p.Key.KeyType); n == 0 || n != len(p.Key.KeyValue) {
		return nil, fmt.Errorf("make context: key of etype %d with %d bytes", p.Key.KeyType, len(p.Key.KeyValue))
	}
	c := &Context{send: p.Send, receive: window{next: p.Receive, mask: 1<<64 - 1}}
	var err error
	if c.form, err = newMultipart(p.Scheme); err != nil {
		return nil, fmt.Errorf("make context: %w", err)
	}
	if p.Key.KeyType == etypeID.RC4_HMAC {
		c.tokens, c.receive.mask = newRC4Wrap(&p), 1<<32-1
		c.receive.next &= c.receive.mask
		return c, nil
	}
	if c.tokens, err = newAESWrap(&p); err != nil {
		return nil, fmt.Errorf("make context: %w", err)
	}
	return c, nil
}

// Open takes a multipart/encrypted body apart and gives the message in it, as it was sealed: UTF-16, or SLDC. Body is overwritten and the
// message lies in it. After an error, which wraps ErrSeal, the connection is to be closed.
func (c *Context) Open(contentType string, body []byte) ([]byte, error) {
	part, err := c.form.cut(contentType, body)
	if err != nil {
		return nil, err
	}
	message, number, err := c.tokens.open(part.token, part.header, part.length)
	if err != nil {
		return nil, err
	}
	if err := c.receive.pass(number); err != nil {
		return nil, err
	}
	return message, nil
}

// Seal makes a body out of a message, and the Content-Type to send with it. contentKind, for instance
// "application/soap+xml;charset=UTF-16", says inside the body what the message is. The message stays as it is; the body is the
// caller's. No error has been thought of yet.
func (c *Context) Seal(contentKind string, message []byte) (contentType string, body []byte, err error) {
	header := c.tokens.header(len(message))
	body = c.form.begin(contentKind, len(message), header)
	token := body[len(body) : len(body)+header+len(message)] // with room behind
	copy(token[header:], message)
	c.tokens.seal(token, header, c.send)
	c.send++
	return c.form.contentType, append(body[:len(body)+len(token)], closing...), nil
}

// MIC makes a MIC token for message (RFC 4121 4.2.6.1, RFC 4757 7.2). It takes one of this end's numbers.
func (c *Context) MIC(message []byte) []byte {
	token := c.tokens.mic(message, c.send)
	c.send++
	return token
}

// VerifyMIC says whether token is the other end's MIC of message, and takes its number. The error wraps ErrSeal.
func (c *Context) VerifyMIC(message, token []byte) error {
	number, err := c.tokens.verifyMIC(message, token)
	if err != nil {
		return err
	}
	return c.receive.pass(number)
}
