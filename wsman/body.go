package wsman

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/wefka/wefka/wsman/sldc"
)

// receive reads the body. Memory grows with what has arrived, not with what was announced. What TLS alone has sealed and nobody compressed
// becomes text on the way.
func (x *exchange) receive() error {
	n := int(x.r.ContentLength)
	want := n
	if x.clear() {
		want = min(n, piece)
	}
	x.wire = x.budget.pool.get(want)
	err := x.fill(min(n, marks))
	if err == nil && want < n && x.littleEndian() {
		err = x.transcode()
	} else if err == nil {
		err = x.fill(n)
	}
	if err != nil {
		x.close = true
		return refuse(http.StatusBadRequest, "body", fmt.Errorf("read body: %w", err))
	}
	_ = x.control.SetReadDeadline(time.Time{})
	x.metrics.wire.Add(float64(n))
	return nil
}

// piece is how much is read at once where memory is not yet there.
const piece = 64 << 10

// fill reads until there are n bytes.
func (x *exchange) fill(n int) error {
	b := x.wire
	defer func() { x.wire = b }()
	for len(b) < n {
		if len(b) == cap(b) {
			grown := make([]byte, len(b), min(int(x.r.ContentLength), max(piece, 2*len(b))))
			copy(grown, b)
			x.budget.pool.put(b)
			b = grown
		}
		got, err := x.r.Body.Read(b[len(b):min(int(x.r.ContentLength), cap(b))])
		b = b[:len(b)+got]
		if err != nil && len(b) < n {
			return err
		}
	}
	return nil
}

// decode makes the message out of the body: unseal, inflate, UTF-8, scan. Of the buffers only the text stays for the handler.
func (x *exchange) decode() error {
	plain, err := x.session.Open(x.r.Header.Get("Content-Type"), x.wire)
	if err != nil {
		return x.unsealed(err)
	}
	if x.text != nil {
		x.metrics.decrypted.Add(float64(x.r.ContentLength))
		x.metrics.decompressed.Add(float64(x.r.ContentLength))
		return x.read()
	}
	x.metrics.decrypted.Add(float64(len(plain)))
	if len(plain) == 0 {
		return refuse(http.StatusBadRequest, "malformed", errors.New("empty message"))
	}
	if x.compressed() && sldc.Is(plain) {
		if plain, err = x.inflate(plain); err != nil {
			return err
		}
	}
	x.metrics.decompressed.Add(float64(len(plain)))
	_, charset := mediaType(x.r.Header.Get("Content-Type"))
	x.text, x.bad, err = decodeText(x.budget.pool.get(len(plain)/2+len(plain)/16), plain, charset)
	if err != nil {
		return refuse(http.StatusUnsupportedMediaType, "charset", err)
	}
	return x.read()
}

// read scans the text, the one buffer that is needed from here on.
func (x *exchange) read() error {
	x.wire, x.inflated = x.give(x.wire), x.give(x.inflated)
	x.budget.resize(&x.charge, int64(cap(x.text)))
	x.in = x.reading()
	if err := x.in.scan(x.text, &x.in.m); err != nil {
		return malformed(err)
	}
	x.in.m.BadUTF16, x.in.m.Clean = x.bad, x.in.m.Clean && x.bad == 0
	return x.check()
}

// inflate undoes SLDC. The four bytes at the end say how long the result is (MS-WSMV 2.2.9.2): that much must be paid for. They may
// lie or be missing; then it takes a second attempt, paid in full.
func (x *exchange) inflate(plain []byte) ([]byte, error) {
	said := x.limits.Inflated
	if n := len(plain); n >= 4 {
		said = min(said, int64(plain[n-4])|int64(plain[n-3])<<8|int64(plain[n-2])<<16|int64(plain[n-1])<<24)
	}
	for limit := said; ; limit = x.limits.Inflated {
		if !x.budget.resize(&x.charge, int64(cap(x.wire))+limit*5/2) {
			return nil, x.shed("budget")
		}
		if x.inflated == nil {
			x.inflated = x.budget.pool.get(int(said))
		}
		out, err := sldc.Append(x.inflated[:0], plain, int(limit))
		x.inflated = out
		switch {
		case err == nil:
			return out, nil
		case !errors.Is(err, sldc.ErrTooLarge):
			return nil, refuse(http.StatusBadRequest, "malformed", err)
		case limit == x.limits.Inflated:
			x.close = true
			return nil, refuse(http.StatusRequestEntityTooLarge, "too_large", fmt.Errorf("inflated body: %w", err))
		}
	}
}

func (x *exchange) give(b []byte) []byte {
	x.budget.pool.put(b)
	return nil
}

// unsealed turns an error of Session.Open into an answer. Whatever it was, the connection's state is lost.
func (x *exchange) unsealed(err error) error {
	x.close = true
	if errors.Is(err, ErrUnauthenticated) {
		x.conn.session, x.session = nil, nil
		x.r.Header.Del("Authorization")
		_, _ = x.Auth.Authenticate(x.w, x.r) // sets the offered schemes
		return err
	}
	var f *Fault
	if errors.As(err, &f) {
		return err
	}
	return refuse(http.StatusBadRequest, "seal", err)
}
