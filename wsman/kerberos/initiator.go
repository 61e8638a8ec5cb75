package kerberos

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/messages"

	"github.com/wefka/wefka/wsman"
)

// Initiator is the source's side: with tickets for a service it proves to collectors who it is, as Windows does. It is a
// wsman.Initiator. Set the fields before the first use; then it may be used by several connections at once.
type Initiator struct {
	Tickets func(ctx context.Context, spn string) (*Credential, error) // Account.Ticket
	SPN     string                                                     // HTTP/wec01.corp.example
	Scheme  wsman.Method                                               // wsman.Kerberos or wsman.Negotiate
	Quirks  Quirks

	mu    sync.Mutex // guards what follows
	first string     // token of the first connection, for Quirks.Replay
}

// ErrProof says that the collector does not take our proof, or does not prove in turn that it is the service we have a ticket for.
var ErrProof = errors.New("kerberos: no security context")

// Start gets a ticket, if none is at hand. The handshake belongs to one connection.
func (i *Initiator) Start(ctx context.Context) (wsman.Handshake, error) {
	c, err := i.Tickets(ctx, i.SPN)
	if err != nil {
		return nil, err
	}
	return &Exchange{initiator: i, credential: c, offering: newOffering(i)}, nil
}

// replayed gives the token of the first connection instead of this one, if that is wanted.
func (i *Initiator) replayed(token string) string {
	if !i.Quirks.Replay {
		return token
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.first == "" {
		i.first = token
	}
	return i.first
}

// Exchange is the proof on one connection: AP-REQ, AP-REP, and with SPNEGO what is around them. It is a wsman.Handshake.
type Exchange struct {
	initiator  *Initiator
	credential *Credential
	begun      bool
	request    *apRequest // nil until it was sent
	context    *Context   // nil until the collector has proven itself
	offering   *offering  // nil with the scheme Kerberos
}

// Next gives the value of Authorization to send, or the *Context when the proof is complete. challenges are the collector's values of
// WWW-Authenticate. Errors about those wrap ErrProof.
func (e *Exchange) Next(challenges []string) (authorization string, seal wsman.Sealer, err error) {
	word, step := "Kerberos", e.kerberos
	if e.offering != nil {
		word, step = "Negotiate", e.negotiate
	}
	if !e.begun {
		e.begun = true
		token, err := step(nil)
		if err != nil {
			return "", nil, err
		}
		return e.initiator.replayed(word + " " + base64.StdEncoding.EncodeToString(token)), nil, nil
	}
	var answer []byte
	for _, c := range challenges {
		scheme, text, _ := strings.Cut(c, " ")
		token, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err != nil {
			return "", nil, fmt.Errorf("%w: challenge %.32q: %w", ErrProof, c, err)
		}
		if reason := complaint(token); reason != nil {
			return "", nil, reason
		}
		if strings.EqualFold(scheme, word) {
			answer = token
		}
	}
	if len(answer) == 0 {
		return "", nil, fmt.Errorf("%w: ticket for %s not accepted", ErrProof, e.initiator.SPN)
	}
	token, err := step(answer)
	switch {
	case errors.Is(err, ErrProof):
		return "", nil, err
	case err != nil:
		return "", nil, fmt.Errorf("%w: %w", ErrProof, err)
	case token != nil:
		return word + " " + base64.StdEncoding.EncodeToString(token), nil, nil
	}
	return "", e.initiator.Quirks.spoil(e.context), nil
}

// complaint is what a KRB-ERROR token says, if it is one (RFC 4121 4.1).
func complaint(token []byte) error {
	id, inner, err := openFrame(token)
	if err != nil || id != idKRBError {
		return nil
	}
	var e messages.KRBError
	if err := e.Unmarshal(inner); err != nil {
		return fmt.Errorf("%w: KRB-ERROR: %w", ErrProof, err)
	}
	return fmt.Errorf("%w: the collector says %s", ErrProof, errorcode.Lookup(e.ErrorCode))
}

// kerberos is one step of the bare mechanism: AP-REQ out, AP-REP in.
func (e *Exchange) kerberos(answer []byte) (token []byte, err error) {
	if answer != nil {
		return nil, e.finish(answer)
	}
	if e.request, err = e.initiator.request(e.credential); err != nil {
		return nil, err
	}
	return appendFrame(nil, idAPReq, e.request.message), nil
}

// finish checks an AP-REP and makes the context.
func (e *Exchange) finish(answer []byte) error {
	if e.request == nil || e.context != nil {
		return errors.New("an AP-REP that is not due")
	}
	id, inner, err := openFrame(answer)
	if err != nil {
		return err
	}
	if id != idAPRep {
		return fmt.Errorf("token %x where an AP-REP is due", id)
	}
	p, err := e.request.verify(inner, e.credential.Key)
	if err != nil {
		return err
	}
	p.Scheme = e.initiator.Scheme
	e.context, err = NewContext(p)
	return err
}
