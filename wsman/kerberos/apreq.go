package kerberos

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"time"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana"
	"github.com/jcmturner/gokrb5/v8/iana/chksumtype"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/wefka/wefka/wsman"
)

// apreq is a KRB-AP-REQ as far as it was read (RFC 4120 5.5.1). Ticket and authenticator are empty until a key has opened them.
type apreq struct {
	request       messages.APReq
	opener        *serviceKey // opened the ticket
	ticket        messages.EncTicketPart
	authenticator types.Authenticator
}

// proof is an established context and what is to be said of it.
type proof struct {
	session *session
	realm   string // of the source, as configured
	etype   int32  // of the ticket
	rc4     bool   // somewhere in it
	attrs   []slog.Attr
}

// accept goes through all checks on a framed AP-REQ (RFC 4120 3.2.3, RFC 4121 4.1) and makes the AP-REP.
func (h *hearing) accept(token []byte) (*proof, []byte, error) {
	if err := h.read(token); err != nil {
		return nil, nil, err
	}
	if err := h.openTicket(); err != nil {
		return nil, nil, err
	}
	if err := h.openAuthenticator(); err != nil {
		return nil, nil, err
	}
	if err := h.checkWishes(); err != nil {
		return nil, nil, err
	}
	// Only holders of tickets get this far and fill the cache.
	switch err := h.replays.add(h.request.EncryptedAuthenticator.Cipher, h.began, 2*h.skew()); {
	case errors.Is(err, errFull):
		return nil, nil, refuse(reasonLimit, "%w", err)
	case err != nil:
		return nil, nil, refuse(reasonReplay, "%w", err)
	}
	realm, err := h.checkRealm()
	if err != nil {
		return nil, nil, err
	}
	groups, err := h.groups()
	if err != nil {
		return nil, nil, err
	}
	name, err := identity(h.ticket.CName, h.ticket.CRealm)
	if err != nil {
		return nil, nil, err
	}
	if err := h.checkName(name); err != nil {
		return nil, nil, err
	}
	rep, params, err := h.reply()
	if err != nil {
		return nil, nil, err
	}
	context, err := NewContext(params)
	if err != nil {
		return nil, nil, err
	}
	etype := h.request.Ticket.EncPart.EType
	return &proof{
		session: &session{
			source:  wsman.Source{Name: name, Method: h.method, Groups: groups, Addr: h.addr, Etype: etypeName(etype), Skew: h.offset()},
			context: context, end: h.ticket.EndTime.Add(h.skew()), clock: h.clock,
		},
		realm: realm, etype: etype, attrs: h.attrs(),
		rc4: etype == etypeID.RC4_HMAC || h.ticket.Key.KeyType == etypeID.RC4_HMAC || params.Key.KeyType == etypeID.RC4_HMAC,
	}, rep, nil
}

// read takes the token apart. Nothing in it is proven yet.
func (h *hearing) read(token []byte) error {
	if isNTLM(token) {
		return refuse(reasonNTLM, ntlmAdvice)
	}
	id, inner, err := openFrame(token)
	if err != nil {
		return refuse(reasonMalformed, "%w", err)
	}
	if id != idAPReq {
		return refuse(reasonMalformed, "token id %x where an AP-REQ is due", id)
	}
	if _, _, rest, err := readElement(inner); err != nil || len(rest) != 0 {
		return refuse(reasonMalformed, "AP-REQ does not fill its frame")
	}
	var request messages.APReq
	if err := request.Unmarshal(inner); err != nil {
		return refuse(reasonMalformed, "AP-REQ: %w", err)
	}
	if request.PVNO != iana.PVNO || request.Ticket.TktVNO != iana.PVNO {
		return refuse(reasonMalformed, "AP-REQ of Kerberos %d with a ticket of %d", request.PVNO, request.Ticket.TktVNO)
	}
	h.request = request
	if request.APOptions.At(flags.APOptionUseSessionKey) != 0 {
		return refuse(reasonFlags, "ticket is under a session key (user to user)")
	}
	return h.checkSPN()
}

// openTicket finds the key that opens the ticket, and looks at when it is valid and what it has inside.
func (h *hearing) openTicket() error {
	t := &h.request.Ticket
	sealed := &t.EncPart
	switch {
	case sealed.EType == etypeID.RC4_HMAC && !h.RC4:
		return refuse(reasonEtype, "the ticket is of RC4, which is not allowed: %s", aesAdvice)
	case !h.allows(sealed.EType):
		return refuse(reasonEtype, "the ticket is of %s, which is not supported: %s", etypeName(sealed.EType), aesAdvice)
	case len(sealed.Cipher) < leastCipher(sealed.EType) || len(sealed.Cipher) > maxToken:
		return refuse(reasonMalformed, "ticket of %d bytes", len(sealed.Cipher))
	}
	tries, versioned := h.ring.candidates(sealed.EType, t.SName.PrincipalNameString(), t.Realm, sealed.KVNO)
	for _, k := range tries {
		if err := t.Decrypt(k.key); err == nil {
			h.opener, h.ticket = k, t.DecryptedEncPart
			break
		}
	}
	switch {
	case h.opener != nil:
		return h.checkTicket()
	case len(tries) == 0:
		return refuse(reasonNoKey, "no key of %s in the keytab, which has %s: %s", etypeName(sealed.EType), h.ring.etypes(), aesAdvice)
	case !versioned:
		return refuse(reasonKVNO, "no key of version %d and %s in the keytab, and none of another version opens the ticket: "+
			"the password was changed after the keytab was made; make a new one that keeps the old keys too", sealed.KVNO, etypeName(sealed.EType))
	}
	return refuse(reasonNoKey, "none of %d keys of %s opens the ticket, though the keytab has version %d: it is of the wrong account, or made with another password; "+
		"look for the account that has the name (setspn -Q)", len(tries), etypeName(sealed.EType), sealed.KVNO)
}

const aesAdvice = "set msDS-SupportedEncryptionTypes to 24 (AES) on the service account and renew the keytab"

// leastCipher is a confounder and a checksum (RFC 3962 6, RFC 8009 5, RFC 4757 5). gokrb5 panics below.
func leastCipher(etype int32) int {
	switch etype {
	case etypeID.AES128_CTS_HMAC_SHA256_128:
		return 16 + 16
	case etypeID.AES256_CTS_HMAC_SHA384_192:
		return 16 + 24
	case etypeID.RC4_HMAC:
		return 8 + 16
	}
	return 16 + 12
}

// checkTicket believes the ticket and no more than that.
func (h *hearing) checkTicket() error {
	t := &h.ticket
	start := t.StartTime
	if start.IsZero() {
		start = t.AuthTime
	}
	key := t.Key
	// The time of the ticket gives no KRB-ERROR: the source's own clock tells it.
	switch skew := h.skew(); {
	case t.Flags.At(flags.Invalid) != 0:
		return refuse(reasonFlags, "the ticket is marked as invalid")
	case start.Sub(h.began) > skew:
		return late("the ticket is valid from %s", start)
	case h.began.Sub(t.EndTime) > skew:
		return late("the ticket was valid until %s", t.EndTime)
	case !h.allows(key.KeyType):
		return refuse(reasonEtype, "the session key is of %s, which is not allowed", etypeName(key.KeyType))
	case len(key.KeyValue) != keyBytes(key.KeyType):
		return refuse(reasonMalformed, "session key of %d bytes", len(key.KeyValue))
	}
	return nil
}

func late(format string, t time.Time) *refusal {
	r := refuse(reasonSkew, format, t.UTC().Format(time.RFC3339))
	r.code = 0
	return r
}

// openAuthenticator opens it with the session key: the client has that too. Name and time must fit.
func (h *hearing) openAuthenticator() error {
	sealed, key := &h.request.EncryptedAuthenticator, h.ticket.Key
	if sealed.EType != key.KeyType || len(sealed.Cipher) < leastCipher(sealed.EType) {
		return refuse(reasonMalformed, "authenticator of %s and %d bytes under a session key of %s", etypeName(sealed.EType), len(sealed.Cipher), etypeName(key.KeyType))
	}
	clear, err := crypto.DecryptEncPart(*sealed, key, keyusage.AP_REQ_AUTHENTICATOR)
	if err != nil {
		return refuse(reasonMalformed, "the session key does not open the authenticator")
	}
	var a types.Authenticator
	if err := a.Unmarshal(clear); err != nil {
		return refuse(reasonMalformed, "authenticator: %w", err)
	}
	h.authenticator = a
	if a.AVNO != iana.PVNO {
		return refuse(reasonMalformed, "authenticator of Kerberos %d", a.AVNO)
	}
	if !a.CName.Equal(h.ticket.CName) || a.CRealm != h.ticket.CRealm {
		return refuse(reasonUser, "the authenticator is of %q, the ticket of another", printable(a.CName)+"@"+short(a.CRealm))
	}
	if a.Cusec < 0 || a.Cusec > 999999 {
		return refuse(reasonMalformed, "authenticator with %d microseconds", a.Cusec)
	}
	if off := h.offset(); off.Abs() > h.skew() {
		return refuse(reasonSkew, "the clock of the source is %s off ours; %s is allowed", off.Round(time.Second), h.skew())
	}
	return nil
}

// offset is how far the source's clock is ahead of ours, by its authenticator.
func (h *hearing) offset() time.Duration {
	a := &h.authenticator
	return a.CTime.Add(time.Duration(a.Cusec) * time.Microsecond).Sub(h.began)
}

// Flags of the authenticator's checksum (RFC 4121 4.1.1.1; DCE style is MS-KILE's).
const (
	wantMutual   = 2
	wantSealed   = 0x10
	wantSigned   = 0x20
	wantDCEStyle = 0x1000
)

// checkWishes looks at what the source wants of the context. The channel binding means nothing over plain HTTP and is ignored, and so is
// a ticket that it may forward to us.
func (h *hearing) checkWishes() error {
	sum := h.authenticator.Cksum
	if sum.CksumType != chksumtype.GSSAPI || len(sum.Checksum) < 24 || binary.LittleEndian.Uint32(sum.Checksum) != 16 {
		return refuse(reasonFlags, "authenticator without GSS flags")
	}
	const need = wantMutual | wantSealed | wantSigned
	wishes := binary.LittleEndian.Uint32(sum.Checksum[20:])
	switch subkey := h.authenticator.SubKey; {
	case h.request.APOptions.At(flags.APOptionMutualRequired) == 0:
		return refuse(reasonFlags, "AP-REQ without mutual authentication")
	case wishes&need != need:
		return refuse(reasonFlags, "flags %#x: mutual authentication, confidentiality and integrity are needed (%#x)", wishes, need)
	case wishes&wantDCEStyle != 0:
		return refuse(reasonFlags, "flags %#x: DCE style is not supported", wishes)
	case subkey.KeyType == 0 && len(subkey.KeyValue) == 0: // there is none
	case !h.allows(subkey.KeyType):
		return refuse(reasonEtype, "the subkey is of %s, which is not allowed", etypeName(subkey.KeyType))
	case len(subkey.KeyValue) != keyBytes(subkey.KeyType):
		return refuse(reasonMalformed, "subkey of %d bytes", len(subkey.KeyValue))
	}
	return nil
}
