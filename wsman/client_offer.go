package wsman

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// Enumeration is what a collector offers a source.
type Enumeration struct {
	Offers    []Offer
	Operation string // the request's OperationID, for End
	Echoed    bool   // the collector repeated it: sources then send End
}

// Offer is one subscription as a source sees it: what a collector put into it, and where to deliver.
type Offer struct {
	Subscribe // Bookmark and Query are as sent, prefixes declared

	NotifyTo, EndTo     string // addresses
	NotifyEcho, EndEcho []byte // their reference properties, XML: sent back as headers of each message
	Policies            []Policy
	CDATA               bool // events as text, not as elements
	SendBookmarks       bool
	ContentEncoding     string // UTF-16, UTF-8; "" = not said
}

// Policy is one way in which a source may prove itself when it delivers.
type Policy struct {
	Profile string
	Issuers []string // thumbprints of the CAs that may have issued the source's certificate
}

var (
	// ErrPolicy is Windows' 2150859101: no delivery policy of the subscription is one that the source has.
	ErrPolicy = errors.New("2150859101: unsupported delivery policy")
	// ErrIssuer is Windows' 2150859102: the policy does not name the CA that issued the source's certificate.
	ErrIssuer = errors.New("2150859102: the policy demands a certificate of another issuer")
)

// Permits says whether a source may deliver over TLS with a certificate of the CA with this SHA-1 thumbprint: nil, ErrPolicy or ErrIssuer.
func (o *Offer) Permits(issuer string) error {
	err := ErrPolicy
	for _, p := range o.Policies {
		if p.Profile != profileMutualTLS {
			continue
		}
		err = ErrIssuer
		for _, thumbprint := range p.Issuers {
			if strings.EqualFold(thumbprint, issuer) {
				return nil
			}
		}
	}
	return err
}

// PermitsKerberos says whether a source may deliver over HTTP with Kerberos: nil or ErrPolicy.
func (o *Offer) PermitsKerberos() error {
	for _, p := range o.Policies {
		if p.Profile == profileKerberos {
			return nil
		}
	}
	return ErrPolicy
}

// readAnswer checks what every answer must have, and gives its envelope.
func readAnswer(text []byte, action, relatesTo string) (*etree.Element, error) {
	if len(text) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrAnswer)
	}
	d := etree.NewDocument()
	if err := d.ReadFromBytes(text); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	for _, t := range d.Child {
		if _, ok := t.(*etree.Element); !ok {
			return nil, fmt.Errorf("%w: it holds more than an envelope", ErrAnswer)
		}
	}
	root := d.Root()
	if root == nil || root.Tag != "Envelope" || root.NamespaceURI() != nsSOAP {
		return nil, fmt.Errorf("%w: no envelope", ErrAnswer)
	}
	header := find(root, nsSOAP, "Header")
	for _, want := range []struct{ local, text string }{{"Action", action}, {"RelatesTo", relatesTo}, {"To", anonymous}} {
		if got := textOf(find(header, nsAddressing, want.local)); got != want.text {
			return nil, fmt.Errorf("%w: %s is %.128q, not %q", ErrAnswer, want.local, got, want.text)
		}
	}
	if id := textOf(find(header, nsAddressing, "MessageID")); !isUUID(id) || id == relatesTo {
		return nil, fmt.Errorf("%w: MessageID %.64q", ErrAnswer, id)
	}
	if find(root, nsSOAP, "Body") == nil {
		return nil, fmt.Errorf("%w: no body", ErrAnswer)
	}
	return root, nil
}

func isUUID(s string) bool {
	guid, ok := strings.CutPrefix(s, "uuid:")
	return ok && isGUID(guid)
}

// readEnumeration reads an EnumerateResponse (MS-WSMV 2.2.4.41, 3.1.4.6).
func readEnumeration(text []byte, relatesTo string) (*Enumeration, error) {
	root, err := readAnswer(text, actionEnumerateResponse, relatesTo)
	if err != nil {
		return nil, err
	}
	response := find(find(root, nsSOAP, "Body"), nsEnumeration, "EnumerateResponse")
	context := find(response, nsEnumeration, "EnumerationContext")
	items := find(response, nsWSMan, "Items")
	switch {
	case context == nil || len(context.Child) > 0:
		return nil, fmt.Errorf("%w: EnumerationContext is missing or not empty, so Windows would send Pull", ErrAnswer)
	case items == nil:
		return nil, fmt.Errorf("%w: no Items of the wsman namespace", ErrAnswer)
	case find(response, nsWSMan, "EndOfSequence") == nil:
		return nil, fmt.Errorf("%w: no EndOfSequence", ErrAnswer)
	}
	list := &Enumeration{Echoed: find(find(root, nsSOAP, "Header"), nsMSWSMan, "OperationID") != nil}
	for _, item := range items.ChildElements() {
		r := offerReader{item: item}
		o := r.read()
		if len(r.wrong) > 0 {
			return nil, fmt.Errorf("%w: subscription %.128q: wrong or missing: %s", ErrAnswer, o.Name, strings.Join(r.wrong, ", "))
		}
		list.Offers = append(list.Offers, *o)
	}
	return list, nil
}

// offerReader reads one m:Subscription and notes what is wrong in it.
type offerReader struct {
	item  *etree.Element
	wrong []string
}

func (r *offerReader) check(ok bool, what string) {
	if !ok {
		r.wrong = append(r.wrong, what)
	}
}

func (r *offerReader) read() *Offer {
	o := &Offer{}
	r.check(r.item.Tag == "Subscription" && r.item.NamespaceURI() == nsSubscription, "m:Subscription")
	version := textOf(find(r.item, nsSubscription, "Version"))
	r.check(isUUID(version), "m:Version")
	o.Version = strings.TrimPrefix(version, "uuid:")
	envelope := find(r.item, nsSOAP, "Envelope")
	header, body := find(envelope, nsSOAP, "Header"), find(envelope, nsSOAP, "Body")
	r.check(textOf(find(header, nsAddressing, "To")) == anonymous, "a:To")
	r.check(textOf(find(header, nsWSMan, "ResourceURI")) == resourceEventLog, "w:ResourceURI")
	r.check(textOf(find(find(header, nsAddressing, "ReplyTo"), nsAddressing, "Address")) == anonymous, "a:ReplyTo")
	r.check(textOf(find(header, nsAddressing, "Action")) == actionSubscribe, "a:Action")
	r.check(isUUID(textOf(find(header, nsAddressing, "MessageID"))), "a:MessageID")
	r.check(isUUID(textOf(find(header, nsMSWSMan, "OperationID"))), "p:OperationID")
	r.options(find(header, nsWSMan, "OptionSet"), o)
	subscribe := find(body, nsEventing, "Subscribe")
	r.check(subscribe != nil, "e:Subscribe")
	o.EndTo, o.EndEcho = r.address(find(subscribe, nsEventing, "EndTo"), "e:EndTo")
	r.delivery(find(subscribe, nsEventing, "Delivery"), o)
	filter := find(subscribe, nsWSMan, "Filter")
	r.check(filter != nil && filter.SelectAttrValue("Dialect", "") == dialectEventQuery, "w:Filter")
	o.Query = string(inner(filter))
	if b := find(subscribe, nsWSMan, "Bookmark"); b != nil {
		if o.Earliest = len(b.ChildElements()) == 0 && textOf(b) == bookmarkEarliest; !o.Earliest {
			o.Bookmark = inner(b)
			r.check(len(b.ChildElements()) == 1, "w:Bookmark")
		}
	}
	o.SendBookmarks = find(subscribe, nsWSMan, "SendBookmarks") != nil
	return o
}

// options reads the OptionSet. A boolean option is true with xsi:nil="true" or the text true.
func (r *offerReader) options(set *etree.Element, o *Offer) {
	r.check(set != nil, "w:OptionSet")
	if set == nil {
		return
	}
	for _, option := range set.ChildElements() {
		text := textOf(option)
		is := text == "true"
		for _, a := range option.Attr {
			is = is || a.Key == "nil" && a.NamespaceURI() == nsXSI && a.Value == "true"
		}
		switch name := option.SelectAttrValue("Name", ""); name {
		case "SubscriptionName":
			o.Name = text
		case "Compression":
			o.Compression = text == codingSLDC
			r.check(o.Compression, name)
		case "CDATA":
			o.CDATA = is
		case "ContentFormat":
			o.RenderedText = text == "RenderedText"
			r.check(o.RenderedText || text == "Raw", name)
		case "IgnoreChannelError":
			o.IgnoreChannelError = is
		case "ReadExistingEvents":
			o.ReadExistingEvents = is
		}
	}
}

// delivery reads e:Delivery.
func (r *offerReader) delivery(d *etree.Element, o *Offer) {
	r.check(d != nil && d.SelectAttrValue("Mode", "") == actionEvents, "e:Delivery")
	if d == nil {
		return
	}
	o.Heartbeats = r.duration(find(d, nsWSMan, "Heartbeats"), "w:Heartbeats", true)
	notify := find(d, nsEventing, "NotifyTo")
	o.NotifyTo, o.NotifyEcho = r.address(notify, "e:NotifyTo")
	for _, properties := range []string{"ReferenceProperties", "ReferenceParameters"} {
		if id := textOf(find(find(notify, nsAddressing, properties), nsEventing, "Identifier")); id != "" {
			o.ID = id
		}
	}
	def(&o.ID, o.NotifyTo)
	for _, all := range find(find(notify, nsPolicy, "Policy"), nsPolicy, "ExactlyOne").NotNil().ChildElements() {
		auth := find(all, nsAuth, "Authentication")
		if auth == nil {
			continue
		}
		p := Policy{Profile: auth.SelectAttrValue("Profile", "")}
		for _, t := range find(auth, nsAuth, "ClientCertificate").NotNil().ChildElements() {
			if t.Tag == "Thumbprint" && t.NamespaceURI() == nsAuth && t.SelectAttrValue("Role", "") == "issuer" {
				p.Issuers = append(p.Issuers, textOf(t))
			}
		}
		o.Policies = append(o.Policies, p)
	}
	if retry := find(d, nsWSMan, "ConnectionRetry"); retry != nil {
		o.RetryInterval = r.duration(retry, "w:ConnectionRetry", true)
		o.RetryCount = r.number(retry.SelectAttrValue("Total", ""), "w:ConnectionRetry/@Total")
	}
	if e := find(d, nsWSMan, "MaxElements"); e != nil {
		o.MaxElements = r.number(textOf(e), "w:MaxElements")
		r.check(o.MaxElements > 0, "w:MaxElements")
	}
	o.MaxTime = r.duration(find(d, nsWSMan, "MaxTime"), "w:MaxTime", false)
	if e := find(d, nsWSMan, "MaxEnvelopeSize"); e != nil {
		o.MaxEnvelopeSize = r.number(textOf(e), "w:MaxEnvelopeSize")
		o.Oversize = Oversize(e.SelectAttrValue("Policy", string(Notify)))
	}
	if e := find(d, nsWSMan, "Locale"); e != nil {
		o.Locale = e.SelectAttrValue("xml:lang", "")
	}
	o.ContentEncoding = textOf(find(d, nsWSMan, "ContentEncoding"))
}

func (r *offerReader) duration(e *etree.Element, what string, positive bool) time.Duration {
	if e == nil {
		return 0
	}
	d, ok := parseDuration(textOf(e))
	r.check(ok && (d > 0 || !positive), what)
	return d
}

func (r *offerReader) number(text, what string) int {
	n, err := strconv.Atoi(text)
	r.check(err == nil && n >= 0, what)
	return n
}

// address reads an endpoint reference: the URL, and the headers that go with each message to it.
func (r *offerReader) address(e *etree.Element, what string) (url string, echo []byte) {
	url = textOf(find(e, nsAddressing, "Address"))
	r.check(url != "", what)
	for _, name := range []string{"ReferenceProperties", "ReferenceParameters"} {
		echo = append(echo, inner(find(e, nsAddressing, name))...)
	}
	return url, echo
}

// inner is what stands between an element's tags, able to stand alone: its outermost elements declare each prefix that they use.
func inner(e *etree.Element) []byte {
	if e == nil {
		return nil
	}
	d := etree.NewDocument()
	for _, t := range e.Child {
		switch t := t.(type) {
		case *etree.Element:
			c := t.Copy()
			declare(c, t)
			d.AddChild(c)
		case *etree.CharData:
			d.AddChild(etree.NewText(t.Data))
		}
	}
	text, _ := d.WriteToBytes() // into memory
	return bytes.TrimSpace(text)
}

// declare adds to a copy the declarations that its original takes from above.
func declare(c, original *etree.Element) {
	have := map[string]bool{"": true, "xml": true, "xmlns": true}
	for _, a := range c.Attr {
		if a.Space == "xmlns" {
			have[a.Key] = true
		}
	}
	use := func(prefix string) {
		if have[prefix] {
			return
		}
		have[prefix] = true
		for up := original; up != nil; up = up.Parent() {
			if a := up.SelectAttr("xmlns:" + prefix); a != nil {
				c.CreateAttr("xmlns:"+prefix, a.Value)
				return
			}
		}
	}
	var walk func(*etree.Element)
	walk = func(e *etree.Element) {
		use(e.Space)
		for _, a := range e.Attr {
			use(a.Space)
		}
		for _, child := range e.ChildElements() {
			walk(child)
		}
	}
	walk(original)
}
