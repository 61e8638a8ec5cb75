package wsman

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"
)

// Status of a SubscriptionEnd (WS-Eventing 3.4).
const (
	DeliveryFailure    = nsEventing + "/DeliveryFailure"
	SourceShuttingDown = nsEventing + "/SourceShuttingDown" // service stop, reboot
	SourceCancelling   = nsEventing + "/SourceCancelling"   // error, or no longer offered
)

// Messages of a source, as Windows writes them: one line, no white space between elements, these prefixes in this order.
const (
	spacesEnumerate = `<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:a="` + nsAddressing + `" xmlns:n="` + nsEnumeration + `" xmlns:w="` + nsWSMan +
		`" xmlns:p="` + nsMSWSMan + `" xmlns:b="` + nsCIMBinding + `"><s:Header>`
	spacesDelivery = `<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:a="` + nsAddressing + `" xmlns:e="` + nsEventing + `" xmlns:w="` + nsWSMan +
		`" xmlns:p="` + nsMSWSMan + `"><s:Header>`
	spacesEnd = `<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:a="` + nsAddressing + `" xmlns:w="` + nsWSMan + `" xmlns:p="` + nsMSWSMan + `"><s:Header>`

	eventOpen  = `<w:Event Action="` + actionEvent + `"><![CDATA[`
	eventClose = `]]></w:Event>`
)

// AppendEvent appends one entry of an Events message to dst: the XML of an event in a CDATA section, or in two where it would end one.
func AppendEvent(dst, event []byte) []byte {
	dst = append(dst, eventOpen...)
	for {
		i := bytes.Index(event, cdataClose)
		if i < 0 {
			break
		}
		dst = append(append(dst, event[:i+2]...), "]]><![CDATA["...)
		event = event[i+2:]
	}
	return append(append(dst, event...), eventClose...)
}

// Enumerate asks for the subscriptions of this host, at the URL of the policy (DSP0226 8.2).
func (c *Client) Enumerate(ctx context.Context, url string) (*Enumeration, error) {
	m := c.message(spacesEnumerate, url, actionEnumerate)
	m.resource = resourceSubscriptions
	answer, err := m.post(ctx, func(t []byte) []byte {
		return append(t, `<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>32000</w:MaxElements></n:Enumerate>`...)
	})
	if err != nil {
		return nil, fmt.Errorf("enumerate: %w", err)
	}
	list, err := readEnumeration(answer, m.id)
	if err != nil {
		return nil, fmt.Errorf("enumerate: %w", err)
	}
	list.Operation = m.operation
	return list, nil
}

// End closes an operation, as sources do when the collector has echoed its id. It is never compressed, whatever its label says.
func (c *Client) End(ctx context.Context, url, operation string) error {
	id := newID()
	answer, err := c.post(ctx, url, operationTimeout, false, func(t []byte) []byte {
		t = append(t, spacesEnd+`<a:To>`+anonymous+`</a:To><w:ResourceURI s:mustUnderstand="true">`+resourceFullDuplex+`</w:ResourceURI>`+
			`<a:Action s:mustUnderstand="true">`+actionEnd+`</a:Action>`...)
		t = element(t, "a:MessageID", id)
		t = element(t, "p:OperationID", operation)
		return append(append(t, c.Quirks.Header...), `</s:Header><s:Body></s:Body></s:Envelope>`...)
	})
	if err == nil && answer != nil {
		err = fmt.Errorf("%w: it has a body", ErrAnswer)
	}
	if err != nil {
		return fmt.Errorf("end: %w", err)
	}
	return nil
}

// Heartbeat says that this host is there (6.4). nil: Acked.
func (c *Client) Heartbeat(ctx context.Context, o *Offer) error {
	m := c.message(spacesDelivery, o.NotifyTo, actionHeartbeat)
	m.echo = o.NotifyEcho
	return m.acked(ctx, "heartbeat", func(t []byte) []byte { return append(t, `<w:Events></w:Events>`...) })
}

// Events delivers a batch with the bookmark, a fragment, that points at the last of it. entries appends what [AppendEvent] makes; it may
// be called no time at all. nil: Acked.
func (c *Client) Events(ctx context.Context, o *Offer, bookmark []byte, entries func(dst []byte) []byte) error {
	m := c.events(o, bookmark)
	return m.acked(ctx, "events", func(t []byte) []byte {
		return append(entries(append(t, `<w:Events>`...)), `</w:Events>`...)
	})
}

// Overhead is how many bytes of UTF-8 an Events message takes beside its entries.
func (c *Client) Overhead(o *Offer, bookmark []byte) int {
	return len(c.events(o, bookmark).render(nil, func(t []byte) []byte { return append(t, `<w:Events></w:Events>`...) }))
}

func (c *Client) events(o *Offer, bookmark []byte) *message {
	m := c.message(spacesDelivery, o.NotifyTo, actionEvents)
	m.echo, m.bookmark = o.NotifyEcho, bookmark
	return m
}

// SubscriptionEnd says goodbye (WS-Eventing 3.4). Of end Status, Reason, and with a Code the fault are sent. A source ignores the answer.
func (c *Client) SubscriptionEnd(ctx context.Context, o *Offer, end *SubscriptionEnd) error {
	m := c.message(spacesDelivery, o.EndTo, actionSubscriptionEnd)
	m.echo, m.timeout = o.EndEcho, farewellTimeout
	return m.acked(ctx, "subscription end", func(t []byte) []byte {
		t = append(t, `<e:SubscriptionEnd><e:SubscriptionManager>`...)
		t = element(t, "a:Address", o.NotifyTo)
		t = append(t, `<a:ReferenceProperties><e:Identifier>`...)
		t = append(t, strings.TrimPrefix(newID(), "uuid:")...) // the source's own name of the subscription
		t = append(t, `</e:Identifier></a:ReferenceProperties></e:SubscriptionManager>`...)
		t = element(t, "e:Status", end.Status)
		if end.Reason != "" {
			t = append(t, `<e:Reason xml:lang="en-US">`...)
			t = append(escape(t, end.Reason), `</e:Reason>`...)
		}
		return append(appendWSManFault(t, end), `</e:SubscriptionEnd>`...)
	})
}

// appendWSManFault writes the extension by which Windows says what went wrong.
func appendWSManFault(t []byte, end *SubscriptionEnd) []byte {
	if end.Code == "" {
		return t
	}
	t = append(t, `<f:WSManFault xmlns:f="`+nsFault+`" Code="`...)
	t = append(escape(t, end.Code), `" Machine="`...)
	t = append(escape(t, end.Machine), `"><f:Message><f:ProviderFault provider="Unknown provider" path="Unknown path">`+
		`<t:ProviderError xmlns:t="http://schemas.microsoft.com/wbem/wsman/1/windows/EventLog">`...)
	return append(escape(t, end.Message), `</t:ProviderError></f:ProviderFault></f:Message></f:WSManFault>`...)
}

// message is a request in the making, with what stands in its header.
type message struct {
	c                            *Client
	id, operation                string
	spaces, to, resource, action string
	timeout                      time.Duration
	echo, bookmark               []byte
}

func (c *Client) message(spaces, to, action string) *message {
	if c.session == "" {
		c.session = newID()
	}
	return &message{c: c, id: newID(), operation: newID(), spaces: spaces, to: to, action: action, timeout: operationTimeout}
}

// render appends the envelope, in the order in which Windows does.
func (m *message) render(t []byte, body func(dst []byte) []byte) []byte {
	t = element(append(t, m.spaces...), "a:To", m.to)
	if m.resource != "" {
		t = append(append(append(t, `<w:ResourceURI s:mustUnderstand="true">`...), m.resource...), `</w:ResourceURI>`...)
	}
	t = append(t, `<m:MachineID xmlns:m="`+nsMachineID+`" s:mustUnderstand="false">`...)
	t = append(escape(t, m.c.Machine), `</m:MachineID><a:ReplyTo><a:Address s:mustUnderstand="true">`+anonymous+
		`</a:Address></a:ReplyTo><a:Action s:mustUnderstand="true">`...)
	t = append(append(t, m.action...), `</a:Action><w:MaxEnvelopeSize s:mustUnderstand="true">512000</w:MaxEnvelopeSize>`...)
	t = element(t, "a:MessageID", m.id)
	t = append(t, `<w:Locale xml:lang="en-US" s:mustUnderstand="false" /><p:DataLocale xml:lang="en-US" s:mustUnderstand="false" />`+
		`<p:SessionId s:mustUnderstand="false">`...)
	t = append(append(t, m.c.session...), `</p:SessionId><p:OperationID s:mustUnderstand="false">`...)
	t = append(append(t, m.operation...), `</p:OperationID><p:SequenceId s:mustUnderstand="false">1</p:SequenceId>`...)
	t = element(t, "w:OperationTimeout", formatDuration(m.timeout))
	t = append(t, m.echo...)
	if m.bookmark != nil && !m.c.Quirks.NoBookmark {
		t = append(append(append(t, `<w:Bookmark>`...), m.bookmark...), `</w:Bookmark>`...)
	}
	if m.resource == "" {
		t = append(t, `<w:AckRequested/>`...)
	}
	t = append(append(t, m.c.Quirks.Header...), `</s:Header><s:Body>`...)
	return append(body(t), `</s:Body></s:Envelope>`...)
}

func (m *message) post(ctx context.Context, body func(dst []byte) []byte) ([]byte, error) {
	return m.c.post(ctx, m.to, m.timeout, true, func(t []byte) []byte { return m.render(t, body) })
}

// acked sends m and wants an Ack.
func (m *message) acked(ctx context.Context, what string, body func(dst []byte) []byte) error {
	answer, err := m.post(ctx, body)
	if err == nil {
		_, err = readAnswer(answer, actionAck, m.id)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// pretty puts each element on a line of its own. What is in CDATA sections stays as it is.
func pretty(text []byte) []byte {
	var out []byte
	for len(text) > 0 {
		i := bytes.Index(text, []byte("><"))
		if cdata := bytes.Index(text, cdataOpen); cdata >= 0 && (i < 0 || cdata <= i+1) {
			end := cdata + bytes.Index(text[cdata:], cdataClose) + len(cdataClose)
			out = append(out, text[:end]...)
			text = text[end:]
			continue
		}
		if i < 0 {
			break
		}
		out = append(append(out, text[:i+1]...), "\r\n  "...)
		text = text[i+1:]
	}
	return append(out, text...)
}
