package wsman

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Messages are written by hand: one line without white space between elements, in the order that Windows' own collector uses. No
// default namespace is ever declared, so that fragments in no namespace (QueryList, BookmarkList) stay there.

const envelopeOpen = `<s:Envelope xml:lang="en-US" xmlns:s="` + nsSOAP + `" xmlns:a="` + nsAddressing + `"`

// appendAck answers a delivery (DSP0226 10.7).
func appendAck(m []byte, h *Header) []byte {
	m = append(m, envelopeOpen+` xmlns:w="`+nsWSMan+`" xmlns:p="`+nsMSWSMan+`"><s:Header>`...)
	m = element(m, "a:Action", actionAck)
	m = element(m, "a:MessageID", newID())
	m = append(m, `<p:SequenceId>1</p:SequenceId>`...)
	m = element(m, "a:To", h.ReplyTo)
	m = element(m, "a:RelatesTo", h.MessageID)
	return append(m, `</s:Header><s:Body></s:Body></s:Envelope>`...)
}

// enumerateResponse offers subscriptions. The context is empty: with anything in it Windows sends Pull and never subscribes.
func (x *exchange) enumerateResponse(h *Header, offers []Subscribe) []byte {
	m := append([]byte(nil), envelopeOpen+` xmlns:n="`+nsEnumeration+`" xmlns:w="`+nsWSMan+`" xmlns:p="`+nsMSWSMan+`"><s:Header>`...)
	m = element(m, "a:Action", actionEnumerateResponse)
	m = element(m, "a:MessageID", newID())
	m = element(m, "a:To", h.ReplyTo)
	m = append(m, `<p:SequenceId>1</p:SequenceId>`...)
	m = element(m, "a:RelatesTo", h.MessageID)
	m = append(m, `</s:Header><s:Body><n:EnumerateResponse><n:EnumerationContext></n:EnumerationContext><w:Items>`...)
	for i := range offers {
		m = x.appendSubscription(m, h, &offers[i])
	}
	return append(m, `</w:Items><w:EndOfSequence/></n:EnumerateResponse></s:Body></s:Envelope>`...)
}

// appendSubscription writes one m:Subscription (MS-WSMV 2.2.4.41, 3.1.4.6); its envelope declares all it needs.
func (x *exchange) appendSubscription(m []byte, h *Header, o *Subscribe) []byte {
	m = append(m, `<m:Subscription xmlns:m="`+nsSubscription+`">`...)
	m = element(m, "m:Version", "uuid:"+x.offeredVersion(o.Version))
	m = append(m, `<s:Envelope xmlns:s="`+nsSOAP+`" xmlns:a="`+nsAddressing+`" xmlns:e="`+nsEventing+`" xmlns:n="`+nsEnumeration+
		`" xmlns:w="`+nsWSMan+`" xmlns:p="`+nsMSWSMan+`"><s:Header>`...)
	m = element(m, "a:To", anonymous)
	m = append(m, `<w:ResourceURI s:mustUnderstand="true">`+resourceEventLog+`</w:ResourceURI>`+
		`<a:ReplyTo><a:Address s:mustUnderstand="true">`+anonymous+`</a:Address></a:ReplyTo>`+
		`<a:Action s:mustUnderstand="true">`+actionSubscribe+`</a:Action>`+
		`<w:MaxEnvelopeSize s:mustUnderstand="true">512000</w:MaxEnvelopeSize>`...) // of answers to the Subscribe itself
	m = element(m, "a:MessageID", newID())
	locale := o.Locale
	def(&locale, "en-US") // of those answers too; what events are rendered in, the delivery says
	m = appendLocale(m, locale)
	m = append(m, `<p:OperationID s:mustUnderstand="false">`+newID()+`</p:OperationID><p:SequenceId s:mustUnderstand="false">1</p:SequenceId>`...)
	m = appendOptions(m, o)
	m = append(m, `</s:Header><s:Body><e:Subscribe><e:EndTo>`...)
	m = x.appendAddress(m, h, o)
	m = append(m, `</e:EndTo><e:Delivery Mode="`+actionEvents+`">`...)
	m = element(m, "w:Heartbeats", formatDuration(o.Heartbeats))
	m = append(m, `<e:NotifyTo>`...)
	m = x.appendAddress(m, h, o)
	m = x.appendPolicy(m)
	m = append(m, `</e:NotifyTo><w:ConnectionRetry Total="`+strconv.Itoa(o.RetryCount)+`">PT`+strconv.FormatFloat(o.RetryInterval.Seconds(), 'f', 1, 64)+`S</w:ConnectionRetry>`...)
	if o.MaxElements > 0 {
		m = element(m, "w:MaxElements", strconv.Itoa(o.MaxElements))
	}
	m = element(m, "w:MaxTime", formatDuration(o.MaxTime))
	oversize := o.Oversize
	def(&oversize, Notify)
	m = append(m, `<w:MaxEnvelopeSize Policy="`+string(oversize)+`">`+strconv.Itoa(o.MaxEnvelopeSize)+`</w:MaxEnvelopeSize>`...)
	m = appendLocale(m, o.Locale)
	m = append(m, `<w:ContentEncoding>UTF-16</w:ContentEncoding></e:Delivery><w:Filter Dialect="`+dialectEventQuery+`">`...)
	m = append(append(m, strings.TrimSpace(o.Query)...), `</w:Filter>`...)
	switch {
	case o.Bookmark != nil:
		m = append(append(append(m, `<w:Bookmark>`...), o.Bookmark...), `</w:Bookmark>`...)
	case o.Earliest:
		m = element(m, "w:Bookmark", bookmarkEarliest)
	}
	return append(m, `<w:SendBookmarks/></e:Subscribe></s:Body></s:Envelope></m:Subscription>`...)
}

// appendOptions writes the OptionSet. A boolean is there or not; it is never said to be false.
func appendOptions(m []byte, o *Subscribe) []byte {
	m = append(m, `<w:OptionSet xmlns:xsi="`+nsXSI+`"><w:Option Name="SubscriptionName">`...)
	m = append(escape(m, o.Name), `</w:Option>`...)
	flag := func(name string, set bool) {
		if set {
			m = append(m, `<w:Option Name="`+name+`" xsi:nil="true"/>`...)
		}
	}
	if o.Compression {
		m = append(m, `<w:Option Name="Compression">`+codingSLDC+`</w:Option>`...)
	}
	flag("CDATA", true) // else the source embeds events as XML elements, and drops those that are no well-formed XML
	format := "Raw"
	if o.RenderedText {
		format = "RenderedText"
	}
	m = append(m, `<w:Option Name="ContentFormat">`+format+`</w:Option>`...)
	flag("IgnoreChannelError", o.IgnoreChannelError)
	flag("ReadExistingEvents", o.ReadExistingEvents)
	return append(m, `</w:OptionSet>`...)
}

// appendAddress writes where deliveries go. The reference properties come back as headers of each of them.
func (x *exchange) appendAddress(m []byte, h *Header, o *Subscribe) []byte {
	m = element(m, "a:Address", x.base(h)+notifyPrefix+o.ID+"/"+o.Version)
	m = append(m, `<a:ReferenceProperties>`...)
	m = element(m, "e:Identifier", o.ID)
	m = append(m, `<k:`+revisionProperty+` xmlns:k="`+nsWefka+`">`...)
	return append(escape(m, o.Version), `</k:`+revisionProperty+`></a:ReferenceProperties>`...)
}

// appendPolicy says how the source proves itself when it delivers: as it does now. Over TLS Windows wants the thumbprint of the CA
// right above its certificate, in Microsoft's namespace (MS-WSMV 2.2.4.1 names another one, which real sources refuse).
func (x *exchange) appendPolicy(m []byte) []byte {
	m = append(m, `<c:Policy xmlns:c="`+nsPolicy+`" xmlns:auth="`+nsAuth+`"><c:ExactlyOne><c:All>`...)
	if from := x.session.Source(); from.Method == TLS {
		m = append(m, `<auth:Authentication Profile="`+profileMutualTLS+`"><auth:ClientCertificate><auth:Thumbprint Role="issuer">`+from.Issuer+
			`</auth:Thumbprint></auth:ClientCertificate></auth:Authentication>`...)
	} else {
		m = append(m, `<auth:Authentication Profile="`+profileKerberos+`"></auth:Authentication>`...)
	}
	return append(m, `</c:All></c:ExactlyOne></c:Policy>`...)
}

func appendLocale(m []byte, locale string) []byte {
	if locale == "" {
		return m
	}
	for _, name := range []string{"w:Locale", "p:DataLocale"} {
		m = append(m, `<`+name+` xml:lang="`...)
		m = append(escape(m, locale), `" s:mustUnderstand="false"/>`...)
	}
	return m
}

// appendFault writes a SOAP fault (DSP0226 14): what the source writes into its log.
func appendFault(m []byte, h *Header, f *Fault, machine string) []byte {
	action := actionFault
	if strings.HasPrefix(f.Subcode, "a:") {
		action = actionAddressingFault
	}
	m = append(m, envelopeOpen+` xmlns:w="`+nsWSMan+`"><s:Header>`...)
	m = element(m, "a:Action", action)
	m = element(m, "a:MessageID", newID())
	m = element(m, "a:To", h.ReplyTo)
	m = element(m, "a:RelatesTo", h.MessageID)
	m = append(m, `</s:Header><s:Body><s:Fault><s:Code>`...)
	code := f.Code
	def(&code, "s:Receiver")
	m = element(m, "s:Value", code)
	m = append(m, `<s:Subcode>`...)
	m = element(m, "s:Value", f.Subcode)
	m = append(m, `</s:Subcode></s:Code><s:Reason><s:Text xml:lang="en-US">`...)
	m = append(escape(m, f.Text), `</s:Text></s:Reason>`...)
	if f.Subcode == "w:DeliveryRefused" || f.Subcode == "w:AccessDenied" {
		// ERROR_ACCESS_DENIED: the one code of which it is known what a source makes of it.
		m = append(m, `<s:Detail><f:WSManFault xmlns:f="`+nsFault+`" Code="5" Machine="`...)
		m = append(escape(m, machine), `"><f:Message>`...)
		m = append(escape(m, f.Text), `</f:Message></f:WSManFault></s:Detail>`...)
	}
	return append(m, `</s:Fault></s:Body></s:Envelope>`...)
}

// offeredVersion mixes our own address into the version, since a source acts on it. The URL and the reference property keep the
// handler's own, for it must recognise them.
func (x *exchange) offeredVersion(version string) string {
	if x.Advertise == "" {
		return version
	}
	space, err := hex.DecodeString(strings.ReplaceAll(version, "-", ""))
	if err != nil || len(space) != 16 {
		space = []byte(version)
	}
	sum := sha1.Sum(append(space, x.Advertise...)) // RFC 4122 4.3
	return formatUUID([16]byte(sum[:16]), 5)
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return "uuid:" + formatUUID(b, 4)
}

func formatUUID(b [16]byte, version byte) string {
	b[6], b[8] = b[6]&0x0f|version<<4, b[8]&0x3f|0x80
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, 36)
	for i, c := range b {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			out = append(out, '-')
		}
		out = append(out, digits[c>>4], digits[c&0xf])
	}
	return string(out)
}

// isGUID accepts 8-4-4-4-12 hex digits of either case.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f') {
			return false
		}
	}
	return true
}

// element appends <name>text</name>.
func element(m []byte, name, text string) []byte {
	m = append(append(append(m, '<'), name...), '>')
	m = escape(m, text)
	return append(append(append(m, "</"...), name...), '>')
}

// escape appends text as XML character data or attribute value; what XML cannot hold becomes U+FFFD.
func escape(m []byte, text string) []byte {
	for _, r := range text {
		switch {
		case r == '<':
			m = append(m, "&lt;"...)
		case r == '>':
			m = append(m, "&gt;"...)
		case r == '&':
			m = append(m, "&amp;"...)
		case r == '"':
			m = append(m, "&quot;"...)
		case !isChar(r):
			m = utf8.AppendRune(m, utf8.RuneError)
		default:
			m = utf8.AppendRune(m, r)
		}
	}
	return m
}

// isChar is XML 1.0's Char.
func isChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000
}

// legal replaces what XML cannot hold, for etree.
func legal(text []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if !isChar(r) {
			return utf8.RuneError
		}
		return r
	}, text)
}

// utf16Size is how many bytes text takes in UTF-16 with a byte order mark.
func utf16Size(text []byte) int {
	n := 2
	for _, r := range string(text) {
		n += 2
		if r > 0xffff {
			n += 2
		}
	}
	return n
}
