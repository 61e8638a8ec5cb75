package wsman

import "testing"

// FuzzScan: never a panic, and whatever etree accepts is read the same way.
func FuzzScan(f *testing.F) {
	f.Add(envelopeWith("", batch("<![CDATA[<E/>]]>", "&lt;E/&gt;", "<E w:a='1'/>", "<![CDATA[]]]]><![CDATA[>]]>")))
	f.Add(envelopeWith(`<w:Bookmark xmlns="urn:d"><B w:x="1"/></w:Bookmark><w:OperationTimeout>PT60.000S</w:OperationTimeout>`, ""))
	f.Add(`<?xml version="1.0"?><Envelope xmlns="` + nsSOAP + `"><Header><Action xmlns="` + nsAddressing + `">&#65;<!-- --></Action></Header><Body/></Envelope>`)
	f.Add(envelopeWith("", `<w:Events xmlns="urn:d"><w:Event Action="x"><a xmlns:b="urn:b"><b:c/></a></w:Event><w:Event/></w:Events>`))
	f.Fuzz(func(t *testing.T, text string) { compareWithOracle(t, text) })
}
