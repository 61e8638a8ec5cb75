package kerberos

import (
	"bytes"
	"encoding/binary"
	"strings"
	"time"

	"github.com/wefka/wefka/wsman"
)

// Quirks make an Initiator, and what it seals, send what a collector must survive or refuse. The zero value is Windows.
type Quirks struct {
	KerberosLast bool          // Negotiate: Kerberos is offered after NTLM, which takes more legs and MICs of the list
	Replay       bool          // the first connection's AP-REQ on all of them
	Skew         time.Duration // of our clock
	Flags        uint32        // of the authenticator's checksum, instead of 0x3E; without 2 mutual authentication is not asked for

	OtherProtocol bool // sealed bodies name the other scheme
	Tabs          bool // before the headers in sealed bodies, as MS-WSMV 2.2.9.1 has it and Windows does not
	RRC           int  // right rotation of AES tokens; 0: as Windows does, negative: none
	Gap           int  // sequence numbers left out before each message
}

// spoil gives the context as the quirks want it.
func (q *Quirks) spoil(c *Context) wsman.Sealer {
	if !q.OtherProtocol && !q.Tabs && q.RRC == 0 && q.Gap == 0 {
		return c
	}
	return &spoiler{c, q}
}

// spoiler changes what a context seals.
type spoiler struct {
	*Context
	quirks *Quirks
}

// Seal seals and then spoils what a receiver can only see after or beside opening.
func (s *spoiler) Seal(kind string, message []byte) (contentType string, body []byte, err error) {
	s.send += uint64(s.quirks.Gap)
	contentType, body, err = s.Context.Seal(kind, message)
	if err != nil {
		return "", nil, err
	}
	if s.quirks.RRC != 0 {
		rotate(body, max(s.quirks.RRC, 0))
	}
	at := bytes.Index(body, []byte(octets)) // where the first part and the headers of the second end; a token comes after it
	head, token := string(body[:at]), body[at:]
	if s.quirks.Tabs {
		head = strings.NewReplacer("\r\nC", "\r\n\tC", "\r\nO", "\r\n\tO").Replace(head)
	}
	if s.quirks.OtherProtocol {
		head, contentType = otherWord(head), otherWord(contentType)
	}
	return contentType, append([]byte(head), token...), nil
}

// otherWord puts the other scheme's protocol word.
func otherWord(s string) string {
	const kerberos, spnego = "HTTP-Kerberos-session", "HTTP-SPNEGO-session"
	return strings.NewReplacer(kerberos, spnego, spnego, kerberos).Replace(s)
}

// rotate gives the AES token in a sealed body another rotation (RFC 4121 4.2.5). No MAC covers it.
func rotate(body []byte, rrc int) {
	at := bytes.Index(body, []byte(octets+"\r\n")) + len(octets) + 2 + 4
	token := body[at : len(body)-len(closing)]
	if token[0] != 5 {
		return // RC4 does not rotate
	}
	rest := token[16:]
	turn := (int(binary.BigEndian.Uint16(token[6:])) - rrc) % len(rest) // to the left
	turn = (turn + len(rest)) % len(rest)
	copy(rest, append(bytes.Clone(rest[turn:]), rest[:turn]...))
	binary.BigEndian.PutUint16(token[6:], uint16(rrc))
}
