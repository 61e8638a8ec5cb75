package kerberos

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/wefka/wefka/wsman"
)

// offering is SPNEGO around the exchange (RFC 4178), on the side that offers; see negotiation for the other one.
type offering struct {
	list       []byte // of mechanisms, with its tag: what MICs are over
	optimistic bool   // the first mechanism is ours, so its token goes with the offer
	checked    bool   // the collector's MIC of the list was right
}

var oidNegoEx = []byte("\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e") // Microsoft's own negotiation, which nobody here speaks

// newOffering offers what Windows offers, in its order. nil: the scheme has no SPNEGO.
func newOffering(i *Initiator) *offering {
	if i.Scheme != wsman.Negotiate {
		return nil
	}
	mechs := [][]byte{oidMSKerberos, oidKerberos, oidNegoEx, oidNTLM}
	if i.Quirks.KerberosLast {
		mechs = [][]byte{oidNTLM, oidMSKerberos, oidKerberos}
	}
	return &offering{list: appendElement(nil, tagSequence, mechs...), optimistic: !i.Quirks.KerberosLast}
}

// negotiate is one step of SPNEGO around the steps of the mechanism.
func (e *Exchange) negotiate(answer []byte) (token []byte, err error) {
	if answer == nil {
		return e.offer()
	}
	a, err := readNegResp(answer)
	switch {
	case err != nil:
		return nil, err
	case a.state == negReject:
		if reason := complaint(a.token); reason != nil {
			return nil, reason
		}
		return nil, errors.New("negotiation rejected")
	case a.mech != nil && !bytes.Equal(a.mech, oidKerberos) && !bytes.Equal(a.mech, oidMSKerberos):
		return nil, fmt.Errorf("the collector chooses mechanism %x", a.mech)
	}
	if a.token != nil {
		if err := e.finish(a.token); err != nil {
			return nil, err
		}
	}
	o := e.offering
	if a.mic != nil {
		if e.context == nil {
			return nil, errors.New("a MIC without a context")
		}
		if err := e.context.VerifyMIC(o.list, a.mic); err != nil {
			return nil, fmt.Errorf("MIC of the mechanisms: %w", err)
		}
		o.checked = true
	}
	switch {
	case a.state == negCompleted && e.context != nil && (o.optimistic || o.checked):
		return nil, nil
	case a.state == negCompleted:
		return nil, errors.New("negotiation is said to be complete, and is not")
	case e.request == nil: // our turn, now that Kerberos was chosen
		inner, err := e.kerberos(nil)
		if err != nil {
			return nil, err
		}
		return appendNegResp(nil, negResp{state: negNone, token: inner}), nil
	case e.context != nil && o.checked:
		return appendNegResp(nil, negResp{state: negNone, mic: e.context.MIC(o.list)}), nil
	}
	return nil, fmt.Errorf("negotiation stands still in state %d", a.state)
}

// offer is the NegTokenInit (RFC 4178 4.2.1).
func (e *Exchange) offer() ([]byte, error) {
	fields := appendElement(nil, 0xa0, e.offering.list)
	if e.offering.optimistic {
		inner, err := e.kerberos(nil)
		if err != nil {
			return nil, err
		}
		fields = appendElement(fields, 0xa2, appendElement(nil, tagOctetString, inner))
	}
	init := appendElement(nil, tagNegInit, appendElement(nil, tagSequence, fields))
	return appendElement(nil, tagFrame, oidSPNEGO, init), nil
}
