package wsman_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/wsman"
)

// secret is a proof of two words, and a seal that turns bits.
type secret struct {
	starts, dials *int
	fail          error
	heard         []string
}

func (s *secret) Start(context.Context) (wsman.Handshake, error) {
	*s.starts++
	if *s.dials >= *s.starts {
		return nil, errors.New("dialled before the start")
	}
	return &secret{}, s.fail
}

func (s *secret) Next(challenges []string) (string, wsman.Sealer, error) {
	if (challenges == nil) != (len(s.heard) == 0) {
		return "", nil, errors.New("not told whether this is the beginning")
	}
	s.heard = append(s.heard, strings.Join(challenges, ","))
	switch strings.Join(s.heard, "|") {
	case "":
		return "Kerberos knock", nil, nil
	case "|Kerberos who":
		return "Kerberos me", nil, nil
	case "|Kerberos who|Kerberos welcome", "|Kerberos welcome":
		return "", turned{}, nil
	}
	return "", nil, fmt.Errorf("not accepted: %q", s.heard)
}

type turned struct{}

const turnedType = "multipart/encrypted;protocol=\"test\""

func turn(b []byte) []byte {
	out := bytes.Clone(b)
	for i := range out {
		out[i] ^= 0xFF
	}
	return out
}

func (turned) Seal(kind string, message []byte) (string, []byte, error) {
	return turnedType, append([]byte(kind+"\n"), turn(message)...), nil
}

func (turned) Open(contentType string, body []byte) ([]byte, error) {
	if contentType != turnedType {
		return nil, errors.New("not sealed")
	}
	return turn(body), nil
}

// unsealed is a request whose body has been opened.
func unsealed(t *testing.T, s heardRequest, kind string) heardRequest {
	t.Helper()
	body, ok := bytes.CutPrefix(s.body, []byte(kind+"\n"))
	if !ok {
		t.Fatalf("body begins with %.60q", s.body)
	}
	return heardRequest{s.head, turn(body)}
}

func sealedAnswer(text string) string {
	body := turn(utf16Body(text))
	return fmt.Sprintf("HTTP/1.1 200 \r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", turnedType, len(body), body)
}

func challenge(status int, values ...string) string {
	head := fmt.Sprintf("HTTP/1.1 %d \r\n", status)
	for _, v := range values {
		head += "WWW-Authenticate: " + v + "\r\n"
	}
	return head + "Content-Length: 0\r\n\r\n"
}

// sealing is a collector that plays its part, and a client of it.
func sealing(t *testing.T, answer func(n int, s heardRequest) string) (*scripted, *wsman.Client) {
	s := &scripted{t: t, answer: answer}
	c := s.client()
	c.Initiator = &secret{starts: new(int), dials: &s.dials}
	return s, c
}

// TestSealed compares the bytes of a conversation that begins with a proof: empty requests with Authorization, then sealed ones without,
// SLDC inside the seal.
func TestSealed(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		s, c := sealing(t, nil)
		s.answer = func(n int, got heardRequest) string {
			switch n {
			case 0:
				return challenge(401, "Kerberos who")
			case 1:
				return challenge(200, "Kerberos welcome")
			}
			return sealedAnswer(ackText(t, unsealed(t, got, soapType)))
		}
		c.SLDC = compressed
		var trips []wsman.Trip
		c.Trace = func(trip wsman.Trip) { trips = append(trips, trip) }
		for range 2 {
			if err := c.Heartbeat(t.Context(), clientOffer()); err != nil {
				t.Fatal(err)
			}
		}
		label := ""
		if compressed {
			label = "Content-Encoding: SLDC\r\n"
		}
		head := func(kind, authorization string, length int) string {
			return "POST /wsman/subscriptions/" + clientGUID + " HTTP/1.1\r\nConnection: Keep-Alive\r\nContent-Type: " + kind + "\r\n" + label + authorization +
				fmt.Sprintf("User-Agent: Microsoft WinRM Client\r\nContent-Length: %d\r\nHost: wec01.corp.example:5986\r\n\r\n", length)
		}
		want := []string{head(soapType, "Authorization: Kerberos knock\r\n", 0), head(soapType, "Authorization: Kerberos me\r\n", 0),
			head(turnedType, "", len(s.heard[2].body)), head(turnedType, "", len(s.heard[3].body))}
		for i, w := range want {
			if d := cmp.Diff(w, s.heard[i].head); d != "" {
				t.Errorf("request %d: %s", i, d)
			}
		}
		if inner := unsealed(t, s.heard[2], soapType).body; (inner[1] == 0xFE) == compressed {
			t.Errorf("compressed: %v; the seal holds % x", compressed, inner[:4])
		}
		if s.dials != 1 || len(trips) != 2 || trips[0].Status != 200 || trips[0].Wire != len(s.heard[2].body) {
			t.Errorf("%d dials, trips %+v", s.dials, trips)
		}
	}
}

// TestProofAgain: a new connection is proven anew.
func TestProofAgain(t *testing.T) {
	s, c := sealing(t, nil)
	s.answer = func(n int, got heardRequest) string {
		if n%2 == 0 {
			return challenge(200, "Kerberos welcome")
		}
		return strings.Replace(sealedAnswer(ackText(t, unsealed(t, got, soapType))), "Content-Length", "Connection: close\r\nContent-Length", 1)
	}
	for i := range 3 {
		if err := c.Heartbeat(t.Context(), clientOffer()); err != nil || c.Connected() {
			t.Fatal(i, err, c.Connected())
		}
	}
	if s.dials != 3 {
		t.Errorf("%d dials", s.dials)
	}
}

// TestProofRefused: what ends a handshake, and what of it the caller gets to know.
func TestProofRefused(t *testing.T) {
	for name, row := range map[string]struct {
		answers []string
		code    int // of a StatusError, or
		err     error
	}{
		"not accepted":          {[]string{challenge(401, "Negotiate", "Kerberos")}, 401, nil},
		"no challenge":          {[]string{challenge(401)}, 401, nil},
		"another status":        {[]string{challenge(503)}, 503, nil},
		"too many":              {[]string{challenge(429)}, 429, nil},
		"200 without a proof":   {[]string{challenge(200)}, 0, wsman.ErrAnswer},
		"200 with half a proof": {[]string{challenge(200, "Kerberos who")}, 0, wsman.ErrAnswer},
		"a proof, but 401":      {[]string{challenge(401, "Kerberos welcome")}, 401, nil},
		"hung up":               {[]string{""}, 0, wsman.ErrLost},
		"hung up in the middle": {[]string{challenge(401, "Kerberos who"), ""}, 0, wsman.ErrLost},
		"closed in the middle":  {[]string{strings.Replace(challenge(401, "Kerberos who"), "Content", "Connection: close\r\nContent", 1)}, 0, wsman.ErrLost},
		"answer without a seal": {[]string{challenge(200, "Kerberos welcome"), okAnswer("<a/>")}, 0, wsman.ErrAnswer},
		"clear text as a fault": {[]string{challenge(200, "Kerberos welcome"), strings.Replace(okAnswer("<a/>"), "200", "400", 1)}, 400, nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, c := sealing(t, func(n int, _ heardRequest) string { return row.answers[min(n, len(row.answers)-1)] })
			var trip wsman.Trip
			c.Trace = func(seen wsman.Trip) { trip = seen }
			err := c.Heartbeat(t.Context(), clientOffer())
			var status *wsman.StatusError
			switch {
			case row.code != 0 && (!errors.As(err, &status) || status.Code != row.code || trip.Status != row.code):
				t.Errorf("%v; trip %+v", err, trip)
			case row.err != nil && !errors.Is(err, row.err):
				t.Error(err)
			}
			if c.Connected() {
				t.Error("the connection is kept")
			}
		})
	}
	s, c := sealing(t, nil)
	c.Initiator.(*secret).fail = errors.New("no ticket")
	if err := c.Heartbeat(t.Context(), clientOffer()); !errors.Is(err, wsman.ErrConnect) || s.dials != 0 {
		t.Errorf("without a ticket: %v, %d dials", err, s.dials)
	}
}

// TestUnsealed: clear text on a proven connection, for collectors that must refuse it.
func TestUnsealed(t *testing.T) {
	s, c := sealing(t, func(n int, _ heardRequest) string {
		if n == 0 {
			return challenge(200, "Kerberos welcome")
		}
		return challenge(400)
	})
	c.Quirks.Unsealed = true
	var status *wsman.StatusError
	if err := c.Heartbeat(t.Context(), clientOffer()); !errors.As(err, &status) || status.Code != 400 {
		t.Error(err)
	}
	if !strings.Contains(s.heard[1].head, "Content-Type: "+soapType+"\r\n") || !strings.Contains(s.heard[1].text(t), "Heartbeat") {
		t.Errorf("%s", s.heard[1].head)
	}
}
