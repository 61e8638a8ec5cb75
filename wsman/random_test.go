package wsman

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestScanRandom compares with etree on documents that are well-formed by construction and strange in every way that XML allows.
func TestScanRandom(t *testing.T) {
	accepted := 0
	for seed := range uint64(1000) {
		g := &grower{rand.New(rand.NewPCG(seed, 1))}
		text := g.document()
		if _, ok := oracle(text); ok {
			accepted++
		}
		compareWithOracle(t, text)
	}
	if accepted < 950 {
		t.Errorf("etree accepted only %d of the documents: the test proves little", accepted)
	}
}

// grower grows documents at random.
type grower struct{ *rand.Rand }

func (g *grower) pick(from ...string) string { return from[g.IntN(len(from))] }

func (g *grower) some(n int, f func() string) string {
	var b strings.Builder
	for range g.IntN(n + 1) {
		b.WriteString(f())
	}
	return b.String()
}

func (g *grower) document() string {
	return g.pick("", `<?xml version="1.0"?>`, "\n") + g.element("s:Envelope", g.declarations(), g.blank()+
		g.element("s:Header", "", g.some(6, g.header))+g.blank()+
		g.element("s:Body", "", g.some(3, g.body))) + g.blank()
}

// declarations has all prefixes that the generator uses.
func (g *grower) declarations() string {
	d := ` xmlns:s="` + nsSOAP + `" xmlns:w="` + nsWSMan + `" xmlns:a='` + nsAddressing + `' xmlns:x="` + g.space() + `" xmlns:y="` + g.space() + `"`
	if g.IntN(3) == 0 {
		d += ` xmlns="` + g.space() + `"`
	}
	return d
}

func (g *grower) space() string {
	return g.pick(nsSOAP, nsWSMan, nsAddressing, nsEventing, "urn:x", "urn:x&amp;y", "")
}

func (g *grower) element(name, attrs, content string) string {
	if content == "" && g.IntN(2) == 0 {
		return "<" + name + attrs + g.pick("", " ") + "/>"
	}
	return "<" + name + attrs + g.pick("", "\n") + ">" + content + "</" + name + g.pick("", " ") + ">"
}

func (g *grower) blank() string { return g.pick("", "", "\r\n ", "<!-- <x> -->", "<?pi x?>") }

func (g *grower) header() string {
	name := g.pick("Action", "MessageID", "To", "ReplyTo", "Address", "Bookmark", "Identifier", "Other")
	return g.blank() + g.element(g.pick("a:", "w:", "x:", "")+name, g.attrs(), g.some(3, g.content))
}

func (g *grower) body() string {
	w := g.pick("w:", "w:", "x:", "y:", "")
	return g.blank() + g.element(w+"Events", g.attrs(), g.some(5, func() string {
		v := g.pick(w, w, "x:")
		action := g.pick(``, ` Action="`+actionEvent+`"`, ` Action="`+actionEvent+`"`, ` Action='other'`)
		return g.blank() + g.element(v+g.pick("Event", "Event", "Event", "Other"), action+g.pick("", "", g.attrs()), g.some(3, g.content))
	}))
}

// attrs has no name twice: etree and XML disagree about those.
func (g *grower) attrs() string {
	all := []string{`b="1"`, `w:c='&lt;'`, `x:d = "a b"`, `xml:lang="en"`, `xmlns="` + g.space() + `"`, `xmlns:x='` + g.space() + `'`}
	g.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var b strings.Builder
	for _, a := range all[:g.IntN(3)] {
		b.WriteString(g.pick(" ", "\n") + a)
	}
	return b.String()
}

func (g *grower) content() string {
	switch g.IntN(8) {
	case 0, 1, 2:
		return "<![CDATA[" + g.pick("", "<E a='1'/>", "]]", "&amp;", " \n", "x > y") + "]]>"
	case 3, 4:
		return g.pick("text", "&lt;E&gt;", "&#65;&#x42;", " ", "\r\n", "é\u00a0")
	case 5:
		return g.blank()
	default:
		return g.element(g.pick("w:Event", "E", "x:E", "y:F", "a:Address"), g.attrs(), g.some(2, g.content))
	}
}
