package wsman

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// exchange is one request and its answer: what is known of it so far, and what it holds.
type exchange struct {
	*Server
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController
	conn    *conn
	started time.Time
	session Session // nil until proven

	action string // metric label
	status int    // 0 until answered
	err    error  // that became the answer
	close  bool   // after the answer

	notify       bool   // the path is of a delivery URL
	id, revision string // from that path

	charge   int64
	admitted bool
	wire     []byte // body; then nil
	inflated []byte
	text     []byte   // in UTF-8
	bad      int      // characters of it that were none
	in       *reading // nil until decoded
}

// reading is what the scanner needs and finds, and room for the answer; it is kept for other requests.
type reading struct {
	scanner
	m            Events
	answer, wide []byte // in UTF-8, and as it is sent
}

const maxReadings = 256 // kept; a request holds one while it waits for Kafka

func (s *Server) reading() *reading {
	select {
	case in := <-s.scans:
		return in
	default:
		return &reading{scanner: scanner{maxDepth: s.limits.XMLDepth, maxEvents: s.limits.EventsPerBatch}}
	}
}

func (s *Server) forget(in *reading) {
	in.forget()
	select {
	case s.scans <- in:
	default:
	}
}

// forget lets go of the text, and of the room that a large answer took.
func (in *reading) forget() {
	if cap(in.wide) > maxKeptAnswer {
		in.answer, in.wide = nil, nil
	}
	in.reset(nil)
	clear(in.m.Items)
	clear(in.m.Notices)
	in.m = Events{Items: in.m.Items[:0], Notices: in.m.Notices[:0]}
}

const maxKeptAnswer = 16 << 10 // far more than an Ack

func newExchange(s *Server, w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{Server: s, w: w, r: r, control: http.NewResponseController(w), started: time.Now(), action: "other"}
	x.conn, _ = r.Context().Value(connKey{}).(*conn)
	x.id, x.revision, x.notify = splitNotify(r.URL.Path)
	return x
}

// splitNotify cuts a delivery path, /wsman/subscriptions/GUID or /wsman/subscriptions/GUID/VERSION.
func splitNotify(path string) (id, revision string, ok bool) {
	rest, ok := strings.CutPrefix(path, notifyPrefix)
	if !ok {
		return "", "", false
	}
	id, revision, _ = strings.Cut(rest, "/")
	if !isGUID(revision) {
		revision = ""
	}
	return id, revision, true
}

// serve goes through the doors, reads and dispatches. Its error becomes the answer.
func (x *exchange) serve() error {
	if err := x.enter(); err != nil {
		return err
	}
	if x.r.ContentLength == 0 {
		x.action = "authenticate"
		return x.reply(http.StatusOK, "", nil)
	}
	if err := x.admit(); err != nil {
		return err
	}
	if err := x.receive(); err != nil {
		return err
	}
	if err := x.budget.work(x.decode); err != nil {
		return err
	}
	return x.dispatch()
}

// enter is the first doors: what can be said from the header alone, and who it is.
func (x *exchange) enter() error {
	r := x.r
	// Whatever comes of the request, its body has to arrive in time: http.Server reads what we leave.
	_ = x.control.SetReadDeadline(x.started.Add(x.limits.AckTimeout))
	if r.Method != http.MethodPost {
		x.w.Header().Set("Allow", http.MethodPost)
		return refuse(http.StatusMethodNotAllowed, "method", fmt.Errorf("method %.16q", r.Method))
	}
	if x.stopping.Load() {
		return x.shed("stopping")
	}
	if r.ContentLength < 0 || r.Header.Get("Content-Length") == "" {
		x.close = true
		return refuse(http.StatusLengthRequired, "length", errors.New("no Content-Length"))
	}
	return x.authenticate()
}

// authenticate finds the connection's session, or makes it.
func (x *exchange) authenticate() error {
	x.session = x.conn.session
	again := x.TLS == nil && x.r.Header.Get("Authorization") != ""
	if x.session != nil && !again {
		return nil
	}
	if x.floods.over(x.conn.addr.Addr(), x.limits.AuthFailuresPerSecond) {
		x.close = true
		x.metrics.failures.WithLabelValues(x.scheme(), "limit").Inc()
		return refuse(http.StatusTooManyRequests, "limit", errors.New("too many failed authentications"))
	}
	session, err := x.prove()
	var more *Continue
	if errors.As(err, &more) {
		return err
	}
	if err == nil && x.session != nil && !strings.EqualFold(x.session.Source().Name, session.Source().Name) {
		err = &AuthError{Method: session.Source().Method, Reason: "user", Err: errors.New("another identity on the same connection")}
	}
	if err != nil {
		x.close = x.close || x.session != nil // a proof that fails takes the earlier one with it
		x.session = nil
		x.failed(err)
		return err
	}
	x.session = session
	x.conn.prove(session)
	return nil
}

// prove hears one leg of a proof.
func (x *exchange) prove() (Session, error) {
	judge := x.Auth
	if x.conn.next != nil && x.r.Header.Get("Authorization") != "" {
		judge = x.conn.next
	}
	x.conn.next = nil
	if x.conn.tls != nil { // which http.Server does not see
		state := x.conn.tls.ConnectionState()
		x.r.TLS = &state
	}
	session, err := judge.Authenticate(x.w, x.r)
	var more *Continue
	if !errors.As(err, &more) {
		return session, err
	}
	if x.conn.legs++; x.conn.legs >= maxAuthLegs {
		x.close = true
		return nil, &AuthError{Method: Negotiate, Reason: "malformed", Err: fmt.Errorf("no proof in %d legs", x.conn.legs)}
	}
	x.conn.next = more.Next
	return nil, err
}

// failed counts an authentication that proved nothing. Having offered nothing is no failure, but the beginning.
func (x *exchange) failed(err error) {
	var refused *AuthError
	if errors.As(err, &refused) && refused.Reason == "" {
		return
	}
	method, reason := x.scheme(), "malformed"
	if refused != nil {
		method, reason = string(refused.Method), refused.Reason
	}
	x.metrics.failures.WithLabelValues(method, reason).Inc()
	x.floods.fail(x.conn.addr.Addr())
	if x.conn.failures++; x.conn.failures >= maxAuthFailures {
		x.close = true
	}
}

// admit is the last doors before the body: type, size, and whether there is room for it.
func (x *exchange) admit() error {
	r := x.r
	kind, _ := mediaType(r.Header.Get("Content-Type"))
	if kind != "application/soap+xml" && kind != "multipart/encrypted" && kind != "multipart/x-multi-encrypted" {
		return refuse(http.StatusUnsupportedMediaType, "media_type", fmt.Errorf("content type %.64q", kind))
	}
	coding := r.Header.Get("Content-Encoding")
	if coding != "" && !strings.EqualFold(coding, codingSLDC) && !strings.EqualFold(coding, "identity") {
		return refuse(http.StatusUnsupportedMediaType, "coding", fmt.Errorf("content coding %.64q", coding))
	}
	if r.ContentLength > x.limits.Body {
		x.close = true
		return refuse(http.StatusRequestEntityTooLarge, "too_large", fmt.Errorf("body of %d bytes, limits.body is %d", r.ContentLength, x.limits.Body))
	}
	if x.Admit != nil {
		reason := x.Admit()
		large := x.notify && r.ContentLength > smallBody
		if reason == "stopping" || reason == "loading" && !x.notify || reason != "" && large {
			return x.shed(reason)
		}
	}
	size := 3 * r.ContentLength
	if x.compressed() {
		size = 10 * r.ContentLength
	}
	charge, err := x.budget.acquire(x.life, size)
	if err != nil {
		return x.shed("budget")
	}
	x.charge, x.admitted = charge, true
	x.budget.metrics.requests.Inc()
	return nil
}

func (x *exchange) compressed() bool {
	return strings.EqualFold(x.r.Header.Get("Content-Encoding"), codingSLDC)
}

func (x *exchange) shed(reason string) error {
	x.close = x.close || reason == "stopping"
	x.budget.metrics.shed.WithLabelValues(reason).Inc()
	return refuse(http.StatusServiceUnavailable, reason, nil)
}

// check completes the header and looks at what every message must have.
func (x *exchange) check() error {
	h := &x.in.m.Header
	if h.ReplyTo == "" {
		h.ReplyTo = anonymous
	}
	h.Path = x.r.URL.Path
	if x.notify {
		if x.revision != "" {
			h.Revision = x.revision
		}
		if h.Identifier == "" {
			h.Identifier = x.id
		}
	}
	if h.Action == "" || h.MessageID == "" {
		return malformed(errors.New("no Action or no MessageID"))
	}
	return nil
}

// context is for the handler: the connection does not end it, a source that left has still sent its events.
func (x *exchange) context() (context.Context, context.CancelFunc) {
	deadline := time.Now().Add(x.limits.AckTimeout)
	if d := x.in.m.deadline(x.started); !d.IsZero() && d.Before(deadline) {
		deadline = d
	}
	return context.WithDeadline(x.life, deadline)
}

// finish gives back what the request held and writes down what became of it. A panic ends here.
func (x *exchange) finish() {
	if v := recover(); v != nil {
		x.panicked(v)
		x.observe()
	} else {
		x.observe()
		if x.in != nil {
			x.forget(x.in)
		}
		x.give(x.wire)
		x.give(x.inflated)
		x.give(x.text)
	}
	x.budget.release(x.charge)
	if x.admitted {
		x.budget.metrics.requests.Dec()
	}
	code := strconv.Itoa(x.status)
	x.metrics.requests.WithLabelValues(x.action, code).Inc()
	x.metrics.duration.WithLabelValues(x.action).Observe(time.Since(x.started).Seconds())
	if x.AccessLog && x.log.Enabled(context.Background(), slog.LevelDebug) {
		x.log.LogAttrs(context.Background(), slog.LevelDebug, "request", x.attrs(slog.Int("status", x.status), slog.Int64("bytes", x.r.ContentLength),
			slog.Int64("duration_ms", time.Since(x.started).Milliseconds()))...)
	}
	if x.status == statusAborted {
		panic(http.ErrAbortHandler) // http.Server closes the connection
	}
}

// statusAborted is for a request that got no answer.
const statusAborted = 499

// panicked answers 503 if nothing has been answered yet. Buffers in use are left to the garbage collector.
func (x *exchange) panicked(v any) {
	x.budget.metrics.panics.Inc()
	x.err = refuse(http.StatusServiceUnavailable, "panic", errors.New("a panic, which is a bug; the log has it"))
	x.log.LogAttrs(context.Background(), slog.LevelError, "panic", x.attrs(slog.String("error", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())))...)
	if x.status != 0 {
		x.status = statusAborted
		return
	}
	x.close = true
	_ = x.reply(http.StatusServiceUnavailable, "", nil)
}
