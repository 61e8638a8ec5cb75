package simulator

import (
	"context"
	"encoding/asn1"
	"encoding/base64"
	"errors"

	"github.com/Azure/go-ntlmssp"

	"github.com/wefka/wefka/wsman"
)

// NTLM is what a Windows host sends that has no ticket for the collector: no SPN, an IP address in the URL, a workgroup. It is a
// wsman.Initiator that gets nowhere, since collectors refuse NTLM.
type NTLM int

const (
	NoNTLM      NTLM = iota
	RawNTLM          // the message as it is
	WrappedNTLM      // as the only mechanism of a NegTokenInit
)

// Start has nothing to get ready.
func (n NTLM) Start(context.Context) (wsman.Handshake, error) { return n, nil }

var errNTLM = errors.New("NTLM was not accepted")

// Next gives the first of NTLM's messages. There are no others.
func (n NTLM) Next(challenges []string) (string, wsman.Sealer, error) {
	if challenges != nil {
		return "", nil, errNTLM
	}
	token, err := ntlmssp.NewNegotiateMessage("", "")
	if err == nil && n == WrappedNTLM {
		token, err = wrapNTLM(token)
	}
	if err != nil {
		return "", nil, err
	}
	return "Negotiate " + base64.StdEncoding.EncodeToString(token), nil, nil
}

// wrapNTLM puts a message into a NegTokenInit (RFC 4178 4.2.1).
func wrapNTLM(message []byte) ([]byte, error) {
	var init struct {
		Mechanisms []asn1.ObjectIdentifier `asn1:"explicit,tag:0"`
		Token      []byte                  `asn1:"explicit,tag:2"`
	}
	init.Mechanisms = []asn1.ObjectIdentifier{{1, 3, 6, 1, 4, 1, 311, 2, 2, 10}}
	init.Token = message
	inner, err := asn1.MarshalWithParams(init, "explicit,tag:0")
	if err != nil {
		return nil, err
	}
	spnego, err := asn1.Marshal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 2})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(asn1.RawValue{Class: asn1.ClassApplication, Tag: 0, IsCompound: true, Bytes: append(spnego, inner...)})
}
