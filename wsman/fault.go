package wsman

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

// Fault is an error that is a reply. Only Status goes out, and Text where Subcode asks for a SOAP fault (DSP0226 14);
// Reason is a word for log and metrics, Err is for our log alone.
type Fault struct {
	Status  int    // HTTP status
	Code    string // s:Sender or s:Receiver; "" = no SOAP body
	Subcode string // w:DeliveryRefused, w:EncodingLimit, …; "" = no SOAP body
	Text    string // what the source writes into its log, where there is a SOAP body
	Reason  string // one word of a closed set, such as malformed, too_large, unknown_subscription, forbidden
	Err     error
}

func (f *Fault) Error() string {
	if f.Err == nil {
		return fmt.Sprintf("%d %s", f.Status, f.Reason)
	}
	return fmt.Sprintf("%d %s: %v", f.Status, f.Reason, f.Err)
}

func (f *Fault) Unwrap() error { return f.Err }

func refuse(status int, reason string, err error) *Fault {
	return &Fault{Status: status, Reason: reason, Err: err}
}

// malformed answers what the scanner could not or would not read.
func malformed(err error) *Fault {
	if errors.Is(err, errEvents) {
		return refuse(http.StatusRequestEntityTooLarge, "too_large", err)
	}
	return refuse(http.StatusBadRequest, "malformed", err)
}

// faultOf sorts an error. What we do not recognise is "later": the source keeps its events and sends them again.
func faultOf(err error) *Fault {
	var f *Fault
	switch {
	case errors.As(err, &f) && f.Status >= 400 && f.Status <= 599:
		return f
	case errors.Is(err, ErrUnauthenticated):
		reason := "unauthenticated"
		var a *AuthError
		if errors.As(err, &a) && a.Reason != "" {
			reason = a.Reason
		}
		return refuse(http.StatusUnauthorized, reason, err)
	case errors.Is(err, context.DeadlineExceeded):
		return refuse(http.StatusServiceUnavailable, "timeout", err)
	}
	return refuse(http.StatusServiceUnavailable, "later", err)
}

// writeError is the one place where an error becomes an answer. It says nothing but a status, or a fault's own text.
func (x *exchange) writeError(err error) {
	if x.status != 0 {
		return // the answer itself could not be written
	}
	x.err = err
	f := faultOf(err)
	var sendErr error
	if f.Subcode != "" && x.in != nil && x.in.m.MessageID != "" {
		sendErr = x.send(http.StatusInternalServerError, appendFault(nil, &x.in.m.Header, f, x.machine()))
	} else {
		sendErr = x.reply(f.Status, "", nil)
	}
	if sendErr != nil && x.status == 0 {
		_ = x.reply(http.StatusServiceUnavailable, "", nil)
	}
	x.logRefusal(f, err)
}

// machine is our name as the peer knows it.
func (x *exchange) machine() string {
	name := x.Advertise
	def(&name, x.r.Host)
	if host, _, err := net.SplitHostPort(name); err == nil {
		return host
	}
	return name
}

// logRefusal writes the one line of a refused request. Those that say the same of the same host are counted for a minute; "later" has
// one cause for all hosts.
func (x *exchange) logRefusal(f *Fault, err error) {
	level := slog.LevelWarn
	if f.Status == http.StatusUnauthorized && f.Reason == "unauthenticated" {
		level = slog.LevelDebug // how every Kerberos conversation may begin
	}
	ctx := context.Background()
	if !x.log.Enabled(ctx, level) {
		return
	}
	key := quietKey{x.conn.addr.Addr(), f.Reason}
	if f.Status == http.StatusServiceUnavailable {
		key.addr = netip.Addr{}
	}
	suppressed, ok := x.quiet.pass(key)
	if !ok {
		return
	}
	more := []slog.Attr{slog.Int("status", x.status), slog.String("reason", f.Reason)}
	var refused *AuthError
	if errors.As(err, &refused) {
		more = append(more, refused.Attrs...)
	}
	if f.Err != nil {
		more = append(more, slog.String("error", f.Err.Error()))
	} else if err != error(f) {
		more = append(more, slog.String("error", err.Error()))
	}
	if suppressed > 0 {
		more = append(more, slog.Int("suppressed", suppressed))
	}
	x.log.LogAttrs(ctx, level, "request refused", x.attrs(more...)...)
}

// attrs says which request a log line is about, as far as is known.
func (x *exchange) attrs(more ...slog.Attr) []slog.Attr {
	as := []slog.Attr{slog.String("remote_addr", x.conn.addr.String())}
	add := func(key, value string) {
		if value != "" {
			as = append(as, slog.String(key, short(value)))
		}
	}
	if x.session != nil {
		from := x.session.Source()
		add("auth", string(from.Method))
		add("source", from.Name)
	}
	if x.in != nil {
		add("subscription", x.in.m.Identifier)
		add("message_id", x.in.m.MessageID)
	}
	add("action", x.action)
	return append(as, more...)
}

// send encodes and seals a message, and answers with it.
func (x *exchange) send(status int, message []byte) error {
	x.in.wide = appendUTF16(x.in.wide[:0], message)
	contentType, body, err := x.session.Seal(x.in.wide)
	if err != nil {
		return fmt.Errorf("seal answer: %w", err)
	}
	return x.reply(status, contentType, body)
}

// reply writes the answer. There is always a Content-Length, and never a coding.
func (x *exchange) reply(status int, contentType string, body []byte) error {
	x.status = status
	_ = x.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	h := x.w.Header()
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	if status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	if x.close || x.stopping.Load() {
		h.Set("Connection", "close")
	}
	x.w.WriteHeader(status)
	if len(body) == 0 {
		return nil
	}
	if _, err := x.w.Write(body); err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	return nil
}
