package kerberos

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jcmturner/gokrb5/v8/iana/etypeID"

	"github.com/wefka/wefka/wsman"
)

// Acceptor is the wsman.Authenticator of a plain HTTP listener. Set the fields, Load the keytab, then serve.
type Acceptor struct {
	Keytab string        // path of the keytab: any of its keys may open a ticket
	SPNs   []string      // service names that tickets may be for, compared without case; none: any
	Realms []string      // of the sources; none: those of the keytab
	RC4    bool          // accept etype 23 beside 17 to 20
	Users  bool          // let accounts in that are no computers
	Skew   time.Duration // between clocks; 5 min when zero

	Listener string       // metric label and log attribute
	Log      *slog.Logger // gets what Warnings has, at each Load, and one line for each RC4 ticket; nil: silent

	once    sync.Once
	metrics *metrics
	ring    atomic.Pointer[keyring]
	replays replays
	now     func() time.Time // nil: time.Now
}

const (
	maxToken    = 65535 // the largest MaxTokenSize of Windows
	defaultSkew = 5 * time.Minute
)

func (a *Acceptor) init() { a.once.Do(func() { a.metrics = newMetrics(a) }) }

func (a *Acceptor) clock() time.Time {
	if a.now != nil {
		return a.now()
	}
	return time.Now()
}

func (a *Acceptor) log() *slog.Logger {
	if a.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return a.Log
}

func (a *Acceptor) skew() time.Duration {
	if a.Skew == 0 {
		return defaultSkew
	}
	return a.Skew
}

// allows says whether tickets, session keys and subkeys may be of this etype.
func (a *Acceptor) allows(etype int32) bool {
	return keyBytes(etype) != 0 && (a.RC4 || etype != etypeID.RC4_HMAC)
}

// Authenticate judges the token of an Authorization header. On success the answer carries our own token; a proof that needs another leg
// is a *wsman.Continue; everything else a *wsman.AuthError, or a *wsman.Fault around one when it is our fault.
func (a *Acceptor) Authenticate(w http.ResponseWriter, r *http.Request) (wsman.Session, error) {
	return a.hear(w, r, nil)
}

// hearing is one Authorization header being judged: what is known of it so far.
type hearing struct {
	*Acceptor
	ring   *keyring
	began  time.Time
	addr   netip.AddrPort
	method wsman.Method

	apreq // what the token turns out to be
}

// hear judges one leg; n is what earlier legs have agreed on, if any.
func (a *Acceptor) hear(w http.ResponseWriter, r *http.Request, n *negotiation) (wsman.Session, error) {
	a.init()
	h := &hearing{Acceptor: a, ring: a.keys(), began: a.clock(), addr: addrPort(r.RemoteAddr), method: wsman.Kerberos}
	authorization := r.Header.Get("Authorization")
	if authorization == "" {
		offer(w, "Negotiate", "Kerberos")
		return nil, &wsman.AuthError{Method: wsman.Kerberos}
	}
	v, err := h.judge(authorization, n)
	if err != nil {
		return nil, h.refused(w, err)
	}
	offer(w, h.word()+" "+base64.StdEncoding.EncodeToString(v.token))
	if v.next != nil {
		return nil, &wsman.Continue{Next: v.next}
	}
	h.welcome(v.proof)
	return v.proof.session, nil
}

// verdict is what comes of a leg: a token to send, and a proof or a further leg.
type verdict struct {
	token []byte
	proof *proof
	next  *negotiation
}

// judge finds out what the header holds. A panic in it is a refusal: gokrb5 has some, though none that is known is in our way.
func (h *hearing) judge(authorization string, n *negotiation) (v verdict, err error) {
	defer func() {
		if p := recover(); p != nil {
			v, err = verdict{}, refuse(reasonMalformed, "panic: %v", p)
		}
	}()
	word, text, _ := strings.Cut(authorization, " ")
	switch {
	case strings.EqualFold(word, "Negotiate"):
		h.method = wsman.Negotiate
	case strings.EqualFold(word, "NTLM"):
		h.method = wsman.Negotiate
		return v, refuse(reasonNTLM, ntlmAdvice)
	case !strings.EqualFold(word, "Kerberos"):
		return v, refuse(reasonMalformed, "scheme %.32q is not offered", word)
	}
	text = strings.TrimSpace(text)
	if len(text) > base64.StdEncoding.EncodedLen(maxToken) {
		return v, refuse(reasonLimit, "token of %d characters", len(text))
	}
	token, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(token) == 0 {
		return v, refuse(reasonMalformed, "token is no base64")
	}
	if h.method == wsman.Negotiate && !isNTLM(token) {
		return h.negotiate(token, n)
	}
	v.proof, v.token, err = h.accept(token)
	return v, err
}

// isNTLM tells messages of NTLM (MS-NLMP 2.2.1), which Windows sends under Negotiate without more ado.
func isNTLM(token []byte) bool { return bytes.HasPrefix(token, []byte("NTLMSSP\x00")) }

// word is the scheme as it is written.
func (h *hearing) word() string {
	if h.method == wsman.Negotiate {
		return "Negotiate"
	}
	return "Kerberos"
}

// refused tells the peer what it should try, and the caller why.
func (h *hearing) refused(w http.ResponseWriter, err error) error {
	refused := &wsman.AuthError{Method: h.method, Reason: reasonMalformed, Err: err, Attrs: h.attrs()}
	hint := ""
	var r *refusal
	if errors.As(err, &r) {
		refused.Reason, hint = r.reason, h.hint(r)
	}
	switch {
	case errors.Is(err, errFull): // not the source's fault
		return &wsman.Fault{Status: http.StatusServiceUnavailable, Reason: "replay_cache", Err: refused}
	case refused.Reason == reasonNTLM:
		offer(w, "Kerberos") // and not Negotiate: it would only try NTLM again
	case h.method == wsman.Negotiate:
		offer(w, "Negotiate"+hint, "Kerberos")
	default:
		offer(w, "Negotiate", "Kerberos"+hint)
	}
	return refused
}

// hint is what goes behind the scheme's name: a KRB-ERROR where that helps the source's administrator.
func (h *hearing) hint(r *refusal) string {
	token := h.krbError(r.code)
	if token == nil {
		return ""
	}
	if h.method == wsman.Negotiate {
		token = appendNegResp(nil, negResp{state: negReject, token: token})
	}
	return " " + base64.StdEncoding.EncodeToString(token)
}

// offer writes one header line for each scheme.
func offer(w http.ResponseWriter, schemes ...string) { w.Header()["Www-Authenticate"] = schemes }

// welcome writes down that a context was established.
func (h *hearing) welcome(p *proof) {
	h.metrics.contexts.WithLabelValues(string(h.method), p.realm, etypeName(p.etype)).Inc()
	if p.rc4 {
		h.log().LogAttrs(context.Background(), slog.LevelWarn, "rc4 accepted", append([]slog.Attr{slog.String("listener", h.Listener),
			slog.String("remote_addr", h.addr.String()), slog.String("auth", string(h.method)), slog.String("source", p.session.source.Name)}, p.attrs...)...)
	}
}

// addrPort is the peer's address; zero for what net does not print.
func addrPort(s string) netip.AddrPort {
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
