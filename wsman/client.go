package wsman

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wefka/wefka/wsman/sldc"
)

// Client is the source's half: what a Windows host sends, byte by byte, on one connection at a time. It dials, and proves who it is, when
// it has no connection and never sends a request twice; when to try again is the caller's business. Set the fields before the first request. A Client
// belongs to one goroutine.
//
// Errors of its methods are a *[StatusError], or wrap [ErrConnect], [ErrLost] or [ErrAnswer].
type Client struct {
	Dial      func(ctx context.Context) (net.Conn, error) // a connection to the collector, TLS included
	Initiator Initiator                                   // proves and seals; nil: TLS does
	Machine   string                                      // MachineID: DNS name, claimed
	SLDC      bool                                        // the subscription asked for compression: label every request, compress all but End
	Encoding  Encoding                                    // of requests
	Quirks    Quirks

	// Trace, if not nil, is told of each request when it is over.
	Trace func(Trip)

	session string // p:SessionId, for the life of the Client
	conn    net.Conn
	reader  *bufio.Reader
	seal    Sealer // of conn; nil: TLS seals
}

// Trip is one request as its sender counts it.
type Trip struct {
	Status int // of the answer; 0: there was none
	Wire   int // bytes of the request's body as sent
	Text   int // bytes of the message in UTF-8
}

// Quirks make a Client send what a collector must survive or refuse. The zero value is Windows.
type Quirks struct {
	Literals   bool   // SLDC without copies
	Scheme2    bool   // SLDC that does not compress
	NoTrailer  bool   // SLDC without its length
	BadTrailer bool   // SLDC with a wrong length
	Plain      bool   // labelled SLDC, but not compressed
	Pretty     bool   // white space between elements
	NoBookmark bool   // Events without one
	Header     string // XML added to every s:Header
	Method     string // instead of POST
	Body       []byte // instead of every message, as it is; not encoded, not compressed
	Unsealed   bool   // clear text where it should be sealed
	Abort      bool   // close the connection when the request is sent
}

// StatusError is an HTTP status that is no success: the collector has not accepted the message.
type StatusError struct {
	Code    int
	Subcode string // local name of the SOAP fault's subcode, such as DeliveryRefused; "" without a fault
	Reason  string // of the SOAP fault, or why a handshake ended
}

func (e *StatusError) Error() string {
	switch {
	case e.Subcode == "" && e.Reason == "":
		return fmt.Sprintf("wsman: collector answers %d", e.Code)
	case e.Subcode == "":
		return fmt.Sprintf("wsman: collector answers %d: %s", e.Code, e.Reason)
	}
	return fmt.Sprintf("wsman: collector answers %d %s: %s", e.Code, e.Subcode, e.Reason)
}

var (
	// ErrConnect says that there was no connection, so the collector knows nothing of the request.
	ErrConnect = errors.New("wsman: cannot connect")
	// ErrLost says that the connection ended, or time ran out, before the answer: the collector may have acted on the request.
	ErrLost = errors.New("wsman: connection lost")
	// ErrAnswer says that the answer is none that Windows would accept.
	ErrAnswer = errors.New("wsman: bad answer")
)

const (
	operationTimeout = 60 * time.Second       // w:OperationTimeout PT60.000S
	farewellTimeout  = 500 * time.Millisecond // of SubscriptionEnd
	clientEnvelope   = 512000                 // w:MaxEnvelopeSize: bytes of an answer that Windows accepts
)

// Connected says whether there is a connection, as far as the Client knows.
func (c *Client) Connected() bool { return c.conn != nil }

// Close ends the connection. The next request makes a new one.
func (c *Client) Close() error {
	if c.conn == nil {
		return nil
	}
	err := c.conn.Close()
	c.conn, c.seal = nil, nil
	return err
}

// post sends a message to target and gives the answer's text, decoded; nil for an empty one. render appends the message; it is called
// when there is a connection to write to, so that no buffer is held while others are waited for.
func (c *Client) post(ctx context.Context, target string, timeout time.Duration, compress bool, render func(dst []byte) []byte) (answer []byte, err error) {
	var trip Trip
	if c.Trace != nil {
		defer func() { c.Trace(trip) }()
	}
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%w: address %.256q", ErrConnect, target)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	handshake, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	conn := c.conn
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	keep := false
	defer func() {
		if !stop() || !keep {
			_ = c.Close()
		}
	}()
	if handshake != nil {
		if err := c.prove(u, handshake, &trip); err != nil {
			return nil, err
		}
	}
	sent := c.send(&trip, u, compress, render)
	if errors.Is(sent, ErrConnect) {
		return nil, sent
	}
	if c.Quirks.Abort && sent == nil {
		return nil, fmt.Errorf("%w: by our own will", ErrLost)
	}
	if sent != nil && ctx.Err() == nil { // a collector that refuses early answers before it closes
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLost, errors.Join(sent, err))
	}
	trip.Status = response.StatusCode
	answer, err = c.read(response)
	var refused *StatusError
	keep = sent == nil && !response.Close && (err == nil || errors.As(err, &refused))
	return answer, err
}

// connect dials, unless there is a connection, and limits it to the life of ctx, which has a deadline. A new connection may have to begin
// with a handshake.
func (c *Client) connect(ctx context.Context) (handshake Handshake, err error) {
	if c.conn == nil {
		if c.Initiator != nil {
			if handshake, err = c.Initiator.Start(ctx); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrConnect, err)
			}
		}
		conn, err := c.Dial(ctx)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrConnect, err)
		}
		c.conn, c.reader = conn, bufio.NewReaderSize(conn, 4096)
	}
	deadline, _ := ctx.Deadline()
	_ = c.conn.SetDeadline(deadline)
	return handshake, nil
}

func (c *Client) send(trip *Trip, u *url.URL, compress bool, render func(dst []byte) []byte) error {
	s := scratches.Get().(*scratch)
	s.text = render(s.text[:0])
	body, kind := bytes.Clone(c.Quirks.Body), c.Encoding.contentType()
	if body == nil {
		body = s.encode(c, compress)
	}
	var err error
	if c.seal != nil && !c.Quirks.Unsealed {
		if kind, body, err = c.seal.Seal(kind, body); err != nil {
			return fmt.Errorf("%w: %w", ErrConnect, err)
		}
	}
	trip.Text, trip.Wire = len(s.text), len(body)
	s.wire = append(c.head(s.wire[:0], u, kind, "", len(body)), body...)
	_, err = c.conn.Write(s.wire)
	if cap(s.wire) <= maxScratch {
		scratches.Put(s)
	}
	return err
}

// head appends the headers that Windows sends, in its order. kind is the media type of the body.
func (c *Client) head(w []byte, u *url.URL, kind, authorization string, length int) []byte {
	method := c.Quirks.Method
	def(&method, http.MethodPost)
	w = append(append(append(append(w, method...), ' '), u.RequestURI()...), " HTTP/1.1\r\nConnection: Keep-Alive\r\nContent-Type: "...)
	w = append(append(w, kind...), "\r\n"...)
	if c.SLDC {
		w = append(w, "Content-Encoding: "+codingSLDC+"\r\n"...)
	}
	if authorization != "" {
		w = append(append(append(w, "Authorization: "...), authorization...), "\r\n"...)
	}
	w = append(w, "User-Agent: Microsoft WinRM Client\r\nContent-Length: "...)
	w = strconv.AppendInt(w, int64(length), 10)
	return append(append(append(w, "\r\nHost: "...), u.Host...), "\r\n\r\n"...)
}

// read takes an answer apart, as strictly as Windows: a length, UTF-16 with its mark, no coding, and sealed where requests are.
func (c *Client) read(r *http.Response) ([]byte, error) {
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, clientEnvelope+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: read answer: %w", ErrLost, err)
	case len(body) > clientEnvelope:
		return nil, fmt.Errorf("%w: more than %d bytes", ErrAnswer, clientEnvelope)
	}
	text, err := c.readText(r, body)
	if r.StatusCode < 200 || r.StatusCode > 299 {
		bad := &StatusError{Code: r.StatusCode}
		r.Close = r.Close || c.seal != nil && err != nil // nobody knows where the seal stands
		if err == nil {
			_, bad.Subcode, bad.Reason = readFault(text)
			bad.Subcode = bad.Subcode[strings.LastIndexByte(bad.Subcode, ':')+1:]
		}
		return nil, bad
	}
	return text, err
}

func (c *Client) readText(r *http.Response, body []byte) ([]byte, error) {
	switch {
	case r.StatusCode == http.StatusNoContent:
		return nil, nil
	case r.ContentLength < 0:
		return nil, fmt.Errorf("%w: no Content-Length", ErrAnswer)
	case len(body) == 0:
		return nil, nil
	case r.Header.Get("Content-Encoding") != "":
		return nil, fmt.Errorf("%w: Content-Encoding %.32q", ErrAnswer, r.Header.Get("Content-Encoding"))
	}
	charset := ""
	if c.seal != nil {
		var err error
		if body, err = c.seal.Open(r.Header.Get("Content-Type"), body); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
		}
	} else {
		media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || media != "application/soap+xml" {
			return nil, fmt.Errorf("%w: Content-Type %.64q", ErrAnswer, r.Header.Get("Content-Type"))
		}
		charset = params["charset"]
	}
	if !strings.EqualFold(charset, "UTF-8") && !bytes.HasPrefix(body, bomLE) {
		return nil, fmt.Errorf("%w: no byte order mark", ErrAnswer)
	}
	text, bad, err := decodeText(nil, body, charset)
	if err != nil || bad > 0 {
		return nil, fmt.Errorf("%w: %d characters are none: %w", ErrAnswer, bad, err)
	}
	return text, nil
}

// scratch is what making one request takes. It is not held while the answer is awaited.
type scratch struct {
	text, chars, packed, wire []byte
	encoder                   sldc.Encoder
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

const maxScratch = 8 << 20 // larger ones are not kept

// encode gives the body of the message in s.text; it aliases s.
func (s *scratch) encode(c *Client, compress bool) []byte {
	q := &c.Quirks
	if q.Pretty {
		s.text = pretty(s.text)
	}
	s.chars = c.Encoding.append(s.chars[:0], s.text)
	if !c.SLDC || !compress || q.Plain {
		return s.chars
	}
	e := &s.encoder
	e.Literals, e.Scheme2, e.NoTrailer, e.Misstate = q.Literals, q.Scheme2, q.NoTrailer, 0
	if q.BadTrailer {
		e.Misstate = 1
	}
	s.packed = e.Append(s.packed[:0], s.chars)
	return s.packed
}

// Encoding is how a Client writes its messages.
type Encoding int

const (
	UTF16       Encoding = iota // little endian with byte order mark, as Windows
	UTF16NoMark                 // little endian without it
	UTF16BE                     // big endian with byte order mark
	UTF8                        // without mark, as Windows does when the subscription asks for it
	UTF8Mark
)

func (e Encoding) contentType() string {
	if e == UTF8 || e == UTF8Mark {
		return contentTypeUTF8
	}
	return contentTypeUTF16
}

func (e Encoding) append(dst, text []byte) []byte {
	switch e {
	case UTF8:
		return append(dst, text...)
	case UTF8Mark:
		return append(append(dst, bomUTF8...), text...)
	case UTF16NoMark:
		return append(dst, appendUTF16(nil, text)[len(bomLE):]...)
	case UTF16BE:
		return append(dst, swapped(appendUTF16(nil, text))...)
	}
	return appendUTF16(dst, text)
}

// Size is how many bytes a message takes that has so many bytes of UTF-8 and so many units of UTF-16.
func (e Encoding) Size(bytes, units int) int {
	if e == UTF8 || e == UTF8Mark {
		return bytes + len(bomUTF8)
	}
	return 2*units + len(bomLE)
}
