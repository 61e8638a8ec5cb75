package producer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// SASL is how to authenticate to the brokers.
type SASL struct {
	Mechanism          string // "" | plain | scram-sha-256 | scram-sha-512 | oauthbearer
	Username, Password string
	TokenFile          string // of oauthbearer: read again for each connection, so that whoever renews the token just replaces it
}

func (s SASL) mechanism() (sasl.Mechanism, error) {
	switch s.Mechanism {
	case "":
		return nil, nil
	case "plain":
		return plain.Mechanism{Username: s.Username, Password: s.Password}, nil
	case "scram-sha-256":
		return scram.Mechanism(scram.SHA256, s.Username, s.Password)
	case "scram-sha-512":
		return scram.Mechanism(scram.SHA512, s.Username, s.Password)
	case "oauthbearer":
		if s.TokenFile == "" {
			return nil, errors.New("SASL mechanism oauthbearer wants a token file")
		}
		return bearer{s.TokenFile}, nil
	}
	return nil, fmt.Errorf("SASL mechanism %q: want plain, scram-sha-256, scram-sha-512 or oauthbearer", s.Mechanism)
}

// errToken is what is wrong with the token file.
var errToken = errors.New("no token")

// bearer is OAUTHBEARER (RFC 7628, KIP-255) with a token from a file.
type bearer struct{ file string }

// Name is part of sasl.Mechanism.
func (bearer) Name() string { return "OAUTHBEARER" }

// Start is part of sasl.Mechanism.
func (b bearer) Start(context.Context) (sasl.StateMachine, []byte, error) {
	raw, err := os.ReadFile(b.file)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errToken, err)
	}
	token := strings.TrimSpace(string(raw))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) { // RFC 6750 2.1
		return nil, nil, fmt.Errorf("%w: %s holds none, or more than one", errToken, b.file)
	}
	return &bearing{}, []byte("n,,\x01auth=Bearer " + token + "\x01\x01"), nil
}

// bearing is one exchange.
type bearing struct{ refused error }

// Next is part of sasl.StateMachine. A refusal comes as JSON, has to be acknowledged, and only then ends the exchange.
func (b *bearing) Next(_ context.Context, challenge []byte) (bool, []byte, error) {
	switch {
	case b.refused != nil:
		return false, nil, b.refused
	case len(challenge) == 0:
		return true, nil, nil
	}
	b.refused = fmt.Errorf("%w: %.200q", kafka.SASLAuthenticationFailed, challenge)
	return false, []byte{1}, nil
}
