package wsman

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/beevik/etree"
)

// dispatch does what the action says; the path must only agree with it.
func (x *exchange) dispatch() error {
	h := &x.in.m.Header
	if strings.HasSuffix(h.Action, "/fault") || x.in.fault {
		code, subcode, reason := readFault(x.in.text)
		x.log.LogAttrs(context.Background(), slog.LevelWarn, "source reports a fault", x.attrs(
			slog.String("code", code), slog.String("subcode", subcode), slog.String("error", reason))...)
		return x.reply(http.StatusOK, "", nil)
	}
	switch h.Action {
	case actionEnumerate:
		x.action = "enumerate"
		return x.enumerate()
	case actionEvents:
		x.action = "events"
		return x.deliver(func(ctx context.Context) error { return x.Handler.Events(ctx, x.session.Source(), &x.in.m) })
	case actionHeartbeat:
		x.action = "heartbeat"
		return x.deliver(func(ctx context.Context) error {
			return x.Handler.Heartbeat(ctx, x.session.Source(), &Heartbeat{Header: *h})
		})
	case actionSubscriptionEnd:
		x.action = "subscription_end"
		return x.deliver(func(ctx context.Context) error {
			return x.Handler.End(ctx, x.session.Source(), readSubscriptionEnd(x.in.text, *h))
		})
	case actionEnd:
		x.action = "end"
		return x.reply(http.StatusNoContent, "", nil)
	}
	return refuse(http.StatusBadRequest, "action", fmt.Errorf("action %.128q", h.Action))
}

// enumerate answers with what the handler offers.
func (x *exchange) enumerate() error {
	if x.notify {
		return refuse(http.StatusNotFound, "path", errors.New("Enumerate on a delivery path"))
	}
	if len(x.r.Host) > maxHost {
		return malformed(errors.New("too long a Host header")) // each subscription would repeat it
	}
	ctx, cancel := x.context()
	defer cancel()
	h := &x.in.m.Header
	offers, err := x.Handler.Enumerate(ctx, x.session.Source(), &Enumerate{Header: *h})
	if err != nil {
		return err
	}
	m := x.enumerateResponse(h, offers)
	if size := utf16Size(m); h.MaxEnvelopeSize > 0 && size > h.MaxEnvelopeSize {
		return &Fault{
			Status: http.StatusInternalServerError, Code: "s:Sender", Subcode: "w:EncodingLimit", Reason: "envelope_size",
			Text: fmt.Sprintf("The subscriptions for this computer take %d bytes, more than the MaxEnvelopeSize of %d.", size, h.MaxEnvelopeSize),
		}
	}
	return x.send(http.StatusOK, m)
}

// deliver hands a message of a delivery path to the handler, and Acks it when that returns nil.
func (x *exchange) deliver(handle func(context.Context) error) error {
	h := &x.in.m.Header
	if !x.notify || !strings.EqualFold(h.Identifier, x.id) {
		return refuse(http.StatusNotFound, "path", fmt.Errorf("%s for %.64q on %.128q", x.action, h.Identifier, h.Path))
	}
	ctx, cancel := x.context()
	defer cancel()
	if err := handle(ctx); err != nil {
		return err
	}
	x.in.answer = appendAck(x.in.answer[:0], h)
	return x.send(http.StatusOK, x.in.answer)
}

// maxHost is a DNS name and a port.
const maxHost = 253 + len(":65535")

// base is scheme://host:port for the addresses that a source gets: the ones that it has used itself, unless we advertise others.
func (x *exchange) base(h *Header) string {
	scheme, host := "http", x.Advertise
	if x.TLS != nil {
		scheme = "https"
	}
	if host == "" {
		if u, err := url.Parse(h.To); err == nil && h.To != anonymous && len(u.Host) <= maxHost {
			host = u.Host
		}
	}
	if host == "" {
		host = x.r.Host
	}
	return scheme + "://" + host
}

// document reads text that the scanner has accepted: it is small in depth and has no DTD. nil when it is large, for a tree takes many
// times its text, or when etree thinks otherwise.
func document(text []byte) *etree.Element {
	if len(text) > 64<<10 {
		return nil
	}
	d := etree.NewDocument()
	d.ReadSettings.Permissive = true
	if err := d.ReadFromBytes(legal(text)); err != nil {
		return nil
	}
	return d.Root()
}

// readSubscriptionEnd reads the body leniently: a source that leaves says so in more ways than the standard has.
func readSubscriptionEnd(text []byte, h Header) *SubscriptionEnd {
	m := &SubscriptionEnd{Header: h}
	root := find(document(text), nsSOAP, "Body")
	end := find(root, nsEventing, "SubscriptionEnd")
	m.Status = textOf(find(end, nsEventing, "Status"))
	m.Reason = textOf(find(end, nsEventing, "Reason"))
	if f := find(end, nsFault, "WSManFault"); f != nil {
		m.Code, m.Machine = f.SelectAttrValue("Code", ""), f.SelectAttrValue("Machine", "")
		m.Message = textOf(find(f, nsFault, "Message"))
	}
	return m
}

// readFault reads an s:Fault for the log.
func readFault(text []byte) (code, subcode, reason string) {
	f := find(find(document(text), nsSOAP, "Body"), nsSOAP, "Fault")
	c := find(f, nsSOAP, "Code")
	code, subcode = textOf(find(c, nsSOAP, "Value")), textOf(find(find(c, nsSOAP, "Subcode"), nsSOAP, "Value"))
	return short(code), short(subcode), short(strings.TrimSpace(textOf(find(f, nsSOAP, "Reason")) + " " + textOf(find(f, nsSOAP, "Detail"))))
}

// find is the first child of that name, nil below nil.
func find(e *etree.Element, space, local string) *etree.Element {
	if e == nil {
		return nil
	}
	for _, c := range e.ChildElements() {
		if c.Tag == local && c.NamespaceURI() == space {
			return c
		}
	}
	return nil
}

// textOf is all text below e, with single spaces.
func textOf(e *etree.Element) string {
	if e == nil {
		return ""
	}
	var b strings.Builder
	var walk func(*etree.Element)
	walk = func(e *etree.Element) {
		for _, t := range e.Child {
			switch t := t.(type) {
			case *etree.CharData:
				b.WriteString(t.Data + " ")
			case *etree.Element:
				walk(t)
			}
		}
	}
	walk(e)
	return strings.Join(strings.Fields(b.String()), " ")
}

// short bounds what a peer can write into our log.
func short(s string) string {
	if len(s) > 512 {
		s = s[:512]
	}
	return strings.ToValidUTF8(s, "")
}
