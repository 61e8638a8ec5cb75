package kerberos

import (
	"bytes"
	"errors"
	"net/http"
	"slices"

	"github.com/wefka/wefka/wsman"
)

// SPNEGO (RFC 4178 4.2). A source opens with NegTokenInit, and all that follows in both directions is NegTokenResp.
const (
	tagNegInit = 0xa0
	tagNegResp = 0xa1

	tagSequence    = 0x30
	tagOID         = 0x06
	tagOctetString = 0x04
	tagEnumerated  = 0x0a

	negCompleted  = 0
	negIncomplete = 1
	negReject     = 2
	negRequestMIC = 3
	negNone       = -1 // left out
)

var errNegotiate = errors.New("no SPNEGO token")

// negInit is a NegTokenInit. Everything aliases the token.
type negInit struct {
	mechs [][]byte // object identifiers with tag and length, the favourite first
	list  []byte   // the same as one SEQUENCE, to the byte: what a mechListMIC is over
	token []byte   // for the favourite; nil: none
	mic   []byte   // nil: none
}

// negResp is a NegTokenResp.
type negResp struct {
	state int
	mech  []byte // object identifier with tag and length; nil: left out
	token []byte // nil: left out
	mic   []byte // nil: left out
}

// readNegInit reads the first token, frame and all.
func readNegInit(token []byte) (negInit, error) {
	var n negInit
	tag, body, rest, err := readElement(token)
	if err != nil || tag != tagFrame || len(rest) != 0 {
		return n, errNegotiate
	}
	body, ok := bytes.CutPrefix(body, oidSPNEGO)
	if !ok {
		return n, errNegotiate
	}
	err = readNeg(body, tagNegInit, func(field int, value []byte) (err error) {
		switch field {
		case 0:
			n.list = value
			n.mechs, err = readMechs(value)
		case 2:
			n.token, err = readWhole(value, tagOctetString)
		case 3:
			n.mic, err = readWhole(value, tagOctetString)
		}
		return err // reqFlags, and what Windows once put there, are ignored
	})
	if err == nil && len(n.mechs) == 0 {
		err = errNegotiate
	}
	return n, err
}

func readMechs(list []byte) (mechs [][]byte, err error) {
	body, err := readWhole(list, tagSequence)
	for err == nil && len(body) > 0 {
		var tag byte
		var rest []byte
		if tag, _, rest, err = readElement(body); err == nil && tag != tagOID {
			err = errNegotiate
		}
		mechs = append(mechs, body[:len(body)-len(rest)])
		body = rest
	}
	return mechs, err
}

func readNegResp(token []byte) (negResp, error) {
	n := negResp{state: negNone}
	err := readNeg(token, tagNegResp, func(field int, value []byte) (err error) {
		var b []byte
		switch field {
		case 0:
			if b, err = readWhole(value, tagEnumerated); err == nil && len(b) != 1 {
				err = errNegotiate
			}
			if err == nil {
				n.state = int(b[0])
			}
		case 1:
			_, err = readWhole(value, tagOID)
			n.mech = value
		case 2:
			n.token, err = readWhole(value, tagOctetString)
		case 3:
			n.mic, err = readWhole(value, tagOctetString)
		}
		return err
	})
	return n, err
}

// readNeg reads outer { SEQUENCE { [0] … [3] } } and hands each field over, with its tag inside. Fields come once and in order.
func readNeg(b []byte, outer byte, each func(field int, value []byte) error) error {
	b, err := readWhole(b, outer)
	if err == nil {
		b, err = readWhole(b, tagSequence)
	}
	for next := 0; err == nil && len(b) > 0; {
		var tag byte
		var value []byte
		if tag, value, b, err = readElement(b); err != nil {
			return err
		}
		field := int(tag) - 0xa0
		if field < next || field > 3 {
			return errNegotiate
		}
		next = field + 1
		err = each(field, value)
	}
	return err
}

// readWhole reads one element that is all of b. The body is never nil.
func readWhole(b []byte, want byte) ([]byte, error) {
	tag, body, rest, err := readElement(b)
	if err != nil || tag != want || len(rest) != 0 {
		return nil, errNegotiate
	}
	return body, nil
}

// appendNegResp appends a NegTokenResp.
func appendNegResp(dst []byte, n negResp) []byte {
	var fields []byte
	if n.state != negNone {
		fields = appendElement(fields, 0xa0, []byte{tagEnumerated, 1, byte(n.state)})
	}
	if n.mech != nil {
		fields = appendElement(fields, 0xa1, n.mech)
	}
	if n.token != nil {
		fields = appendElement(fields, 0xa2, appendElement(nil, tagOctetString, n.token))
	}
	if n.mic != nil {
		fields = appendElement(fields, 0xa3, appendElement(nil, tagOctetString, n.mic))
	}
	return appendElement(dst, tagNegResp, appendElement(nil, tagSequence, fields))
}

// negotiation is a conversation of more than one leg, between two requests of its connection: the Authenticator of the next.
//
//	source                                         Acceptor
//	  NegTokenInit: X, Kerberos; a token for X ──▶
//	                                           ◀── 401: request-mic, Kerberos
//	  AP-REQ                                   ──▶
//	                                           ◀── 401: accept-incomplete, AP-REP, MIC of the list of mechanisms
//	  MIC of that list                         ──▶
//	                                           ◀── 200: accept-completed
//
// Without the MICs somebody between could have struck Kerberos from the head of the list (RFC 4178 5).
type negotiation struct {
	acceptor *Acceptor
	mech     []byte // the name that the source has for Kerberos
	list     []byte // its list of mechanisms
	mics     bool   // are needed: Kerberos was not its favourite
	proof    *proof // complete but for the source's MIC; nil: the AP-REQ is due
}

func (n *negotiation) Authenticate(w http.ResponseWriter, r *http.Request) (wsman.Session, error) {
	return n.acceptor.hear(w, r, n)
}

// negotiate judges one SPNEGO token.
func (h *hearing) negotiate(token []byte, n *negotiation) (verdict, error) {
	if token[0] == tagFrame {
		return h.negotiateFirst(token)
	}
	if n == nil {
		return verdict{}, refuse(reasonMalformed, "SPNEGO answer to nothing")
	}
	answer, err := readNegResp(token)
	switch {
	case err != nil:
		return verdict{}, refuse(reasonMalformed, "%w", err)
	case answer.state == negReject:
		return verdict{}, refuse(reasonMalformed, "the source rejects what was negotiated")
	case n.proof == nil:
		return h.negotiateProof(n, answer.token, answer.mic)
	}
	if err := n.proof.session.context.VerifyMIC(n.list, answer.mic); err != nil {
		return verdict{}, refuse(reasonMalformed, "list of mechanisms: %w", err)
	}
	return verdict{proof: n.proof, token: appendNegResp(nil, negResp{state: negCompleted})}, nil
}

// negotiateFirst judges a NegTokenInit.
func (h *hearing) negotiateFirst(token []byte) (verdict, error) {
	offered, err := readNegInit(token)
	if err != nil {
		return verdict{}, refuse(reasonMalformed, "%w", err)
	}
	place := slices.IndexFunc(offered.mechs, func(mech []byte) bool { return bytes.Equal(mech, oidKerberos) || bytes.Equal(mech, oidMSKerberos) })
	if place < 0 {
		if slices.ContainsFunc(offered.mechs, func(mech []byte) bool { return bytes.Equal(mech, oidNTLM) }) {
			return verdict{}, refuse(reasonNTLM, ntlmAdvice)
		}
		return verdict{}, refuse(reasonMalformed, "none of %d mechanisms is Kerberos", len(offered.mechs))
	}
	n := &negotiation{acceptor: h.Acceptor, mech: bytes.Clone(offered.mechs[place]), list: bytes.Clone(offered.list), mics: place > 0}
	if place == 0 && offered.token != nil {
		return h.negotiateProof(n, offered.token, offered.mic)
	}
	// Any token is another mechanism's.
	state := negIncomplete
	if n.mics {
		state = negRequestMIC
	}
	return verdict{next: n, token: appendNegResp(nil, negResp{state: state, mech: n.mech})}, nil
}

// negotiateProof judges the leg with the AP-REQ. A MIC that comes uninvited must be right too.
func (h *hearing) negotiateProof(n *negotiation, token, mic []byte) (verdict, error) {
	proof, rep, err := h.accept(token)
	if err != nil {
		return verdict{}, err
	}
	context := proof.session.context
	if mic != nil {
		if err := context.VerifyMIC(n.list, mic); err != nil {
			return verdict{}, refuse(reasonMalformed, "list of mechanisms: %w", err)
		}
	}
	answer := negResp{state: negCompleted, mech: n.mech, token: rep}
	if n.mics || mic != nil {
		answer.mic = context.MIC(n.list)
	}
	if n.mics && mic == nil {
		answer.state = negIncomplete
		return verdict{next: &negotiation{acceptor: n.acceptor, list: n.list, proof: proof}, token: appendNegResp(nil, answer)}, nil
	}
	return verdict{proof: proof, token: appendNegResp(nil, answer)}, nil
}
