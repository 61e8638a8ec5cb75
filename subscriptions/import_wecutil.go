package subscriptions

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/beevik/etree"

	"github.com/wefka/wefka/subscriptions/strict"
)

// modes are Windows' presets: seconds of latency and heartbeat.
var modes = map[string][2]float64{"Normal": {900, 900}, "MinLatency": {30, 3600}, "MinBandwidth": {21600, 21600}}

// wecutil reads the configuration XML of a Windows collector (namespace windows/events/subscription of 2006/03).
func (i *Imported) wecutil(text string) error {
	doc := etree.NewDocument()
	doc.ReadSettings = etree.ReadSettings{MaxDepth: maxDepth, CharsetReader: func(_ string, in io.Reader) (io.Reader, error) { return in, nil }}
	if err := doc.ReadFromString(text); err != nil {
		return fmt.Errorf("read subscription XML: %w", err)
	}
	root := doc.Root()
	if root == nil || root.Tag != "Subscription" {
		return errors.New("the XML is no subscription; export one with: wecutil gs NAME /f:xml")
	}
	if mode, ok := modes[child(root, "ConfigurationMode")]; ok { // what is written out below wins only with Custom
		i.Delivery.MaxTime, _ = seconds(mode[0])
		i.Delivery.Heartbeat, _ = seconds(mode[1])
	}
	for _, e := range root.ChildElements() {
		i.wecutilElement(root, e)
	}
	if i.Name == "" {
		return errors.New("the subscription has no SubscriptionId")
	}
	i.wecutilSources(root)
	return nil
}

func (i *Imported) wecutilElement(root, e *etree.Element) {
	switch value := strings.TrimSpace(e.Text()); e.Tag {
	case "SubscriptionId":
		i.Name = value
	case "Description":
		i.About = value
	case "Enabled":
		i.Enabled = value != "false"
	case "Query":
		i.Query = wecutilQuery(e)
	case "ReadExistingEvents":
		i.ReadExistingEvents = value == "true"
	case "ContentFormat":
		if i.ContentFormat = raw; strings.EqualFold(value, "RenderedText") {
			i.ContentFormat = rendered
		}
	case "Locale":
		i.locale(e.SelectAttrValue("Language", value))
	case "Delivery":
		i.wecutilDelivery(e, child(root, "ConfigurationMode"))
	case "SubscriptionType":
		if value != "SourceInitiated" {
			i.note("It was %s; here hosts come by themselves: give them the policy string that wefka check prints.", value)
		}
	case "Expires":
		i.note("It expires on %s; subscriptions here do not.", value)
	case "LogFile":
		if value != "" && value != "ForwardedEvents" {
			i.note("Its events went to the log %s; here output.topic says where they go.", value)
		}
	case "TransportPort":
		i.note("TransportPort %s: the port is the listener's.", value)
	case "TransportName":
		if strings.EqualFold(value, "https") {
			i.note("It came over HTTPS: that is a listener with tls.")
		}
	case "EventSources":
		if n := len(e.ChildElements()); n > 0 {
			i.note("It named %d event sources; list them in targets.names if no others may have it.", n)
		}
	case "ConfigurationMode", "Uri", "Dialect", "PublisherName", "CredentialsType", "HostName", "AllowedSourceDomainComputers", "AllowedSourceNonDomainComputers":
	default:
		i.note("%s is not known here.", e.Tag)
	}
}

func child(e *etree.Element, tag string) string {
	if c := e.SelectElement(tag); c != nil {
		return strings.TrimSpace(c.Text())
	}
	return ""
}

// wecutilQuery is text, as a rule in a CDATA section; some write elements.
func wecutilQuery(e *etree.Element) string {
	list := e.SelectElement("QueryList")
	if list == nil {
		return e.Text()
	}
	doc := etree.NewDocument()
	doc.SetRoot(list.Copy())
	text, err := doc.WriteToString()
	if err != nil {
		return e.Text()
	}
	return text
}

func (i *Imported) wecutilDelivery(e *etree.Element, mode string) {
	if m := e.SelectAttrValue("Mode", "Push"); !strings.EqualFold(m, "Push") {
		i.note("Delivery was %s; here hosts push.", m)
	}
	if _, preset := modes[mode]; preset {
		return
	}
	duration := func(name, text string, into *strict.Duration) {
		if text == "" {
			return
		}
		ms, err := strconv.ParseFloat(text, 64)
		if d, bad := seconds(ms / 1000); err == nil && bad == nil {
			*into = d
			return
		}
		i.note("%s %q is no number of milliseconds.", name, text)
	}
	if b := e.SelectElement("Batching"); b != nil {
		duration("MaxLatencyTime", child(b, "MaxLatencyTime"), &i.Delivery.MaxTime)
		if n, err := strconv.Atoi(child(b, "MaxItems")); err == nil && n > 0 {
			i.Delivery.MaxElements = n
			if n < 10 {
				i.note("MaxItems %d: a request for every %d events; delivery.max_elements 0 lets the host fill an envelope.", n, n)
			}
		}
	}
	if h := e.FindElement("PushSettings/Heartbeat"); h != nil {
		duration("Heartbeat", h.SelectAttrValue("Interval", ""), &i.Delivery.Heartbeat)
	}
}

var ace = regexp.MustCompile(`\(([A-Z]+);[^;]*;[^;]*;[^;]*;[^;]*;([^;)]*)\)`)

// wecutilSources carries who may have the subscription. Windows lets in who is in either list; here all lists must be met.
func (i *Imported) wecutilSources(root *etree.Element) {
	var groups []SID
	open := false // to every computer of the domain
	for _, a := range ace.FindAllStringSubmatch(child(root, "AllowedSourceDomainComputers"), -1) {
		switch kind, who := a[1], SID(a[2]); {
		case kind != "A":
			i.note("A denying entry for %s: such groups cannot be kept out here.", who)
		case sid.MatchString(string(who)):
			groups = append(groups, who)
		case who != "NS": // the collector's own forwarder
			open = true
		}
	}
	var allowed, denied []string
	issuers := 0
	for _, e := range root.FindElements("AllowedSourceNonDomainComputers//*") {
		switch e.Tag {
		case "Subject":
			if e.Parent().Tag == "DeniedSubjectList" {
				denied = append(denied, e.Text())
			} else {
				allowed = append(allowed, e.Text())
			}
		case "IssuerCA":
			issuers++
		}
	}
	if issuers > 0 {
		i.note("%d issuing CAs were allowed by thumbprint: put their certificates into client_ca of the listener.", issuers)
	}
	i.Targets.Except = i.globs("DeniedSubjectList", denied)
	names := i.globs("AllowedSubjectList", allowed)
	everybody := slices.ContainsFunc(names, func(g Glob) bool { return g.String() == "*" })
	switch {
	case open && len(groups) > 0:
		i.note("Domain groups were let in besides all computers of the domain; targets.groups is left empty.")
	case len(groups) > 0 && len(names) > 0:
		i.note("It let in the groups %s, and others by the names %s. Here both lists would have to be met, so it is off (enabled: false): make two subscriptions.", join(groups), join(names))
		i.Enabled = false
	case len(groups) > 0:
		i.Targets.Groups = groups
		i.note("targets.groups lets in hosts that come by Kerberos only.")
	case open && len(names) > 0 && !everybody:
		i.note("It let in every computer of the domain, and others by the names %s: targets.names is left empty.", join(names))
	case len(names) > 0 && !everybody:
		i.Targets.Names = names
	}
}

func join[T any](list []T) string {
	var s []string
	for _, v := range list {
		s = append(s, fmt.Sprint(v))
	}
	return strings.Join(s, ", ")
}
