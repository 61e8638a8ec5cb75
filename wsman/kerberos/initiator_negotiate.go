package kerberos

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/wefka/wefka/wsman"
)

// offering is SPNEGO around the exchange (RFC 4178), on the side that offers.
type offering struct {
	mechanisms []byte // the list that we offer: DER with its tag, over which the MIC goes
	optimistic bool   // the first mechanism is ours, so its token goes with the offer
	checked    bool   // the collector's MIC of the list was right
}

// States that a NegTokenResp may have (RFC 4178 4.2.2).
const (
	offerCompleted = 0
	offerRejected  = 2
)

// Tags of DER, those of fields being their numbers with contextual on top.
const (
	derOctets     = 0x04
	derEnumerated = 0x0a
	derSequence   = 0x30
	contextual    = 0xa0
)

// Numbers of fields: of a NegTokenInit, and of a NegTokenResp.
const (
	fieldList, fieldState     = contextual, contextual
	fieldMechanism            = contextual | 1
	fieldToken                = contextual | 2
	fieldMIC                  = contextual | 3
	choiceInit, choiceRespond = contextual, contextual | 1
)

const oidNegoEx = "\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e" // Microsoft's negotiation of more mechanisms

// newOffering offers what Windows offers, in its order. nil: the scheme has no SPNEGO.
func newOffering(i *Initiator) *offering {
	if i.Scheme != wsman.Negotiate {
		return nil
	}
	offered := [][]byte{oidMSKerberos, oidKerberos, []byte(oidNegoEx), oidNTLM}
	if i.Quirks.KerberosLast {
		offered = [][]byte{oidNTLM, oidMSKerberos, oidKerberos}
	}
	return &offering{mechanisms: appendElement(nil, derSequence, offered...), optimistic: !i.Quirks.KerberosLast}
}

// negotiate is one step of SPNEGO around the steps of the mechanism.
func (e *Exchange) negotiate(answer []byte) (token []byte, err error) {
	n := e.offering
	if answer == nil {
		return e.offer()
	}
	a, err := readAnswered(answer)
	if err != nil {
		return nil, err
	}
	if a.state == offerRejected {
		return nil, errors.New("negotiation rejected")
	}
	if a.mechanism != nil && !bytes.Equal(a.mechanism, oidKerberos) && !bytes.Equal(a.mechanism, oidMSKerberos) {
		return nil, fmt.Errorf("the collector chooses mechanism %x", a.mechanism)
	}
	if a.token != nil {
		if err := e.finish(a.token); err != nil {
			return nil, err
		}
	}
	if a.mic != nil {
		if e.context == nil {
			return nil, errors.New("a MIC without a context")
		}
		if err := e.context.VerifyMIC(n.mechanisms, a.mic); err != nil {
			return nil, fmt.Errorf("MIC of the mechanisms: %w", err)
		}
		n.checked = true
	}
	switch {
	case a.state == offerCompleted && e.context != nil && (n.optimistic || n.checked):
		return nil, nil
	case a.state == offerCompleted:
		return nil, errors.New("negotiation is said to be complete, and is not")
	case e.context == nil && e.request == nil: // our turn, now that Kerberos was chosen
		inner, err := e.kerberos(nil)
		if err != nil {
			return nil, err
		}
		return appendRespond(fieldToken, inner), nil
	case e.context != nil && n.checked:
		return appendRespond(fieldMIC, e.context.MIC(n.mechanisms)), nil
	}
	return nil, fmt.Errorf("negotiation stands still in state %d", a.state)
}

// offer is the NegTokenInit (RFC 4178 4.2.1).
func (e *Exchange) offer() ([]byte, error) {
	fields := [][]byte{appendElement(nil, fieldList, e.offering.mechanisms)}
	if e.offering.optimistic {
		inner, err := e.kerberos(nil)
		if err != nil {
			return nil, err
		}
		fields = append(fields, appendElement(nil, fieldToken, appendElement(nil, derOctets, inner)))
	}
	init := appendElement(nil, choiceInit, appendElement(nil, derSequence, fields...))
	return appendElement(nil, tagFrame, oidSPNEGO, init), nil
}

// appendRespond makes a NegTokenResp of one field (RFC 4178 4.2.2).
func appendRespond(field byte, content []byte) []byte {
	f := appendElement(nil, field, appendElement(nil, derOctets, content))
	return appendElement(nil, choiceRespond, appendElement(nil, derSequence, f))
}

// answered is a NegTokenResp taken apart.
type answered struct {
	state                 int    // -1: not there
	mechanism, token, mic []byte // nil: not there; mechanism with its tag
}

func readAnswered(b []byte) (r answered, err error) {
	r.state = -1
	tag, body, rest, err := readElement(b)
	if err != nil || tag != choiceRespond || len(rest) > 0 {
		return r, errors.New("no NegTokenResp")
	}
	tag, fields, rest, err := readElement(body)
	if err != nil || tag != derSequence || len(rest) > 0 {
		return r, errors.New("no NegTokenResp")
	}
	for len(fields) > 0 {
		var field []byte
		if tag, field, fields, err = readElement(fields); err != nil {
			return r, fmt.Errorf("read NegTokenResp: %w", err)
		}
		kind, value, rest, err := readElement(field)
		if err != nil || len(rest) > 0 {
			return r, errors.New("read NegTokenResp: a field is malformed")
		}
		switch {
		case tag == fieldState && kind == derEnumerated && len(value) == 1:
			r.state = int(value[0])
		case tag == fieldMechanism:
			r.mechanism = field
		case tag == fieldToken && kind == derOctets:
			r.token = value
		case tag == fieldMIC && kind == derOctets:
			r.mic = value
		default:
			return r, fmt.Errorf("read NegTokenResp: field %02x", tag)
		}
	}
	return r, nil
}
