package subscriptions

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/beevik/etree"
)

// Wecutil is s as `wecutil cs FILE` of a Windows collector takes it. notes say what it cannot carry; they are comments of the XML, too.
func (s *Subscription) Wecutil() (text []byte, notes []string, err error) {
	doc := etree.NewDocument()
	doc.CreateProcInst("xml", `version="1.0" encoding="UTF-8"`)
	root := doc.CreateElement("Subscription")
	root.CreateAttr("xmlns", "http://schemas.microsoft.com/2006/03/windows/events/subscription")
	for _, n := range s.windowsLacks() {
		notes = append(notes, n)
		root.CreateComment(" Not carried: " + strings.ReplaceAll(n, "--", "- -") + " ")
	}
	leaf := func(parent *etree.Element, tag, value string) *etree.Element {
		e := parent.CreateElement(tag)
		if value != "" {
			e.SetText(value)
		}
		return e
	}
	leaf(root, "SubscriptionId", s.Name)
	leaf(root, "SubscriptionType", "SourceInitiated")
	leaf(root, "Description", s.Name)
	leaf(root, "Enabled", strconv.FormatBool(s.Enabled))
	leaf(root, "Uri", "http://schemas.microsoft.com/wbem/wsman/1/windows/EventLog")
	leaf(root, "ConfigurationMode", "Custom")
	delivery := root.CreateElement("Delivery")
	delivery.CreateAttr("Mode", "Push")
	batching := delivery.CreateElement("Batching")
	if s.Delivery.MaxElements > 0 {
		leaf(batching, "MaxItems", strconv.Itoa(s.Delivery.MaxElements))
	}
	leaf(batching, "MaxLatencyTime", fmt.Sprint(s.Delivery.MaxTime.Duration().Milliseconds()))
	delivery.CreateElement("PushSettings").CreateElement("Heartbeat").CreateAttr("Interval", fmt.Sprint(s.Delivery.Heartbeat.Duration().Milliseconds()))
	query := root.CreateElement("Query")
	for n, part := range strings.Split(s.Query, "]]>") { // no section may hold its own end
		if n > 0 {
			query.CreateCData("]]")
			part = ">" + part
		}
		query.CreateCData(part)
	}
	leaf(root, "ReadExistingEvents", strconv.FormatBool(s.ReadExistingEvents))
	leaf(root, "TransportName", "HTTP")
	leaf(root, "ContentFormat", map[string]string{raw: "Events", rendered: "RenderedText"}[s.ContentFormat])
	if l := s.locale(); l != "" {
		root.CreateElement("Locale").CreateAttr("Language", l)
	}
	leaf(root, "LogFile", "ForwardedEvents")
	s.wecutilSources(root, leaf)
	doc.Indent(2)
	text, err = doc.WriteToBytes()
	return text, notes, err
}

// wecutilSources writes who may have it: domain groups by their SIDs, others by the names of their certificates.
func (s *Subscription) wecutilSources(root *etree.Element, leaf func(*etree.Element, string, string) *etree.Element) {
	others := root.CreateElement("AllowedSourceNonDomainComputers")
	list := func(tag string, globs []Glob) {
		if len(globs) == 0 {
			return
		}
		l := others.CreateElement(tag)
		for _, g := range globs {
			leaf(l, "Subject", g.String())
		}
	}
	list("AllowedSubjectList", s.Targets.Names)
	list("DeniedSubjectList", s.Targets.Except)
	var sddl strings.Builder
	sddl.WriteString("O:NSG:NSD:")
	for _, g := range s.Targets.Groups {
		fmt.Fprintf(&sddl, "(A;;GA;;;%s)", g)
	}
	if len(s.Targets.Groups) == 0 && len(s.Targets.Names) == 0 {
		sddl.WriteString("(A;;GA;;;DC)") // every computer of the domain
	}
	sddl.WriteString("(A;;GA;;;NS)")
	leaf(root, "AllowedSourceDomainComputers", sddl.String())
}

// windowsLacks are the settings of s that a Windows collector has no word for.
func (s *Subscription) windowsLacks() (lacks []string) {
	note := func(there bool, format string, args ...any) {
		if there {
			lacks = append(lacks, fmt.Sprintf(format, args...))
		}
	}
	d, t := s.Delivery, s.Targets
	standard := New()
	note(len(t.Networks) > 0, "targets.networks %s", join(t.Networks))
	note(len(t.Certificates) > 0, "targets.certificates %s", joinTexts(t.Certificates))
	note(len(t.Paths) > 0, "targets.paths %s", join(t.Paths))
	note(len(t.Names) > 0, "targets.names are compared with certificates' subjects only, and need AllowedIssuerCAList beside them")
	note(len(t.Names) > 0 && len(t.Groups) > 0, "targets.names and targets.groups together: Windows lets in who meets either")
	note(!s.Compression, "compression false")
	note(!s.IgnoreChannelError, "ignore_channel_error false")
	note(d.MaxEnvelopeSize != standard.Delivery.MaxEnvelopeSize, "delivery.max_envelope_size %s", d.MaxEnvelopeSize)
	note(d.Oversize != standard.Delivery.Oversize, "delivery.oversize %s", d.Oversize)
	note(d.Retry != standard.Delivery.Retry, "delivery.retry %d times every %s", d.Retry.Count, d.Retry.Interval)
	note(s.Output != standard.Output, "output: a Windows collector writes to a log of its own")
	return lacks
}

func joinTexts(attributes []Attribute) string {
	var s []string
	for _, a := range attributes {
		s = append(s, a.Name+"="+a.Value.String())
	}
	return strings.Join(s, ", ")
}
