package hosts

import (
	"fmt"
	"strings"
	"time"

	"github.com/wefka/wefka/events"
)

// requestCauses are those of requests, offers and what hosts make of them.
var requestCauses = []Cause{
	{ID: "request-method", Link: Request, Text: "it sends something else than POST", Windows: "", Remedy: "it is no Windows forwarder: a browser, a scanner, or a balancer's health check, which should ask /readyz of the admin listener",
		find: eitherRefused("", "method")},
	{ID: "request-length", Link: Request, Text: "its requests have no Content-Length", Windows: "105, 2150858999",
		Remedy: "a proxy turns them into chunks: use TCP pass-through", find: eitherRefused("", "length")},
	{ID: "request-path", Link: Request, Text: "it delivers to a URL that is not the one it was given", Windows: "105, 2150859027 (0x80338113, 404)",
		Remedy: "a proxy changes URLs, or Server= names a path below /wsman/subscriptions/: use /wsman/SubscriptionManager/WEC", find: refused("", "path")},
	{ID: "request-media-type", Link: Request, Text: "its requests are of a type that no forwarder sends", Windows: "105, 2150859000 (0x803380F8)",
		Remedy: "it is no Windows forwarder, or a proxy changes headers", find: refused("", "media_type", "charset")},
	{ID: "request-coding", Link: Request, Text: "its requests are compressed in a way that was not offered", Windows: "105, 2150859000 (0x803380F8)",
		Remedy: "Windows knows SLDC only: it is no forwarder, or a proxy compresses", find: refused("", "coding")},
	{ID: "request-too-large", Link: Request, Text: "its batches are larger than limits allow", Windows: "105, 2150859025 (0x80338111, 413); the host then stops the subscription",
		Remedy: "raise limits.body, limits.inflated or limits.events_per_batch, or lower delivery.max_envelope_size of the subscription", find: refused("", "too_large")},
	{ID: "request-malformed", Link: Request, Text: "what it sends is no message that can be read", Windows: "105, 2150859121 (0x80338171, 400)",
		Remedy: "a proxy may change bodies. If it is a Windows forwarder, tell us what the refusal says: it is a bug", find: refused("", "malformed", "body")},
	{ID: "request-action", Link: Request, Text: "it asks for something that a collector does not do", Windows: "105, 2150859121 (0x80338171, 400)",
		Remedy: "it is another WinRM client, not a forwarder", find: refused("", "action")},

	{ID: "offer-none", Link: Offer, Text: "no subscription is in force", Windows: "104, and never 100",
		Remedy: "put one into the folder subscriptions, enabled: true; wefka reload; the log says reload failed if a file is wrong",
		find: func(q *inquiry) string {
			for _, s := range q.facts.Subscriptions {
				if s.Enabled {
					return ""
				}
			}
			return fmt.Sprintf("%d subscriptions, none of them enabled", len(q.facts.Subscriptions))
		}},
	{ID: "offer-disabled", Link: Offer, Text: "the subscription that it still delivers to is disabled or gone", Windows: "105, 2150859027 (0x80338113, 404)",
		Remedy: "it stops at its next Refresh; if it should go on, enable the subscription again under the same id", find: refused("", "unknown_subscription")},
	{ID: "offer-forbidden", Link: Offer, Text: "the subscription that it still delivers to is no longer for it", Windows: "105, 5 (403)",
		Remedy: "it stops at its next Refresh; if it should go on, change targets of the subscription", find: refused("", "forbidden")},
	withheld("names", "targets.names of the subscription does not match its identity", "patterns are held against the proven identity, as explain shows it: pc-1.corp.example with a certificate, PC-1$@CORP.EXAMPLE with Kerberos"),
	withheld("except", "targets.except of the subscription names it", "take it out of targets.except"),
	withheld("groups", "it is in none of the groups of targets.groups", "with Kerberos membership shows after the next ticket (reboot, or klist -li 0x3e4 purge); hosts with certificates have no groups"),
	withheld("networks", "its address is in none of targets.networks", "behind a NAT or a balancer its address is another one: see address of wefka hosts show, and proxy_protocol"),
	withheld("certificates", "its certificate does not meet targets.certificates", "look at the issuer, cn, o, ou and san of its certificate; hosts with Kerberos have none"),
	withheld("paths", "it enumerates at a URL path that targets.paths does not list", "compare the path of Server= in its policy with targets.paths"),

	{ID: "accept-advertise", Link: Accept, Text: "it was offered subscriptions with the address that advertise names, and never came there", Windows: "105 or 102, 2150858901 (0x80338095, push connectivity test failed), 12005 or 2150859193",
		Remedy: "hosts must resolve and reach the address in advertise; leave it empty and they use the one of the policy", find: notDelivering("advertise")},
	{ID: "accept-tls", Link: Accept, Text: "it enumerates and delivers nothing: the host refuses the subscription", Windows: "102 with 2150859101 or 2150859102 (delivery policy), 5004 (no active channel), 15001 or 15008 (query), or 2150858901 (first heartbeat not acknowledged)",
		Remedy: "look at 100 to 102 in its Forwarding/Operational. 2150859102: the certificate was issued by another CA than the chain shows; 5004: NETWORK SERVICE may not read the channels, add it to Event Log Readers and reboot; 2150858901: a firewall or balancer between it and the second connection",
		find:   notDelivering("tls")},
	{ID: "accept-kerberos", Link: Accept, Text: "it enumerates with Kerberos and delivers nothing: the host refuses the subscription", Windows: "102 with 2150859101 (delivery policy), 5004 (no active channel), 15001 or 15008 (query), or 2150858901 (first heartbeat not acknowledged)",
		Remedy: "look at 100 to 102 in its Forwarding/Operational. 5004: NETWORK SERVICE may not read the channels, add it to Event Log Readers and reboot; 2150858901: a firewall or balancer between it and the second connection",
		find:   notDelivering("kerberos")},
	{ID: "accept-old-version", Link: Accept, Mild: true, Text: "it still works with an older version of a subscription", Windows: "106, 100 when it takes the new one",
		Remedy: "it asks again at its Refresh (15 minutes as a rule); if that has passed: is its Enumerate refused, or was the policy changed to a longer Refresh",
		find: func(q *inquiry) string {
			for _, s := range q.host.Streams {
				if s.Version != "" && !strings.EqualFold(s.Version, s.Current) {
					return fmt.Sprintf("%s: delivers under %s, in force is %s; it last asked %s", s.Subscription, s.Version, s.Current, q.when(q.host.LastEnumerate))
				}
			}
			return ""
		}},
	{ID: "end-query", Link: Accept, Text: "Windows calls the query invalid", Windows: "102, 15001 (invalid query) or 15008 (malformed query)",
		Remedy: "try the query on such a host: wevtutil qe /sq:true, or Event Viewer, filter, XML; wefka subscriptions lint names what is known to fail", find: ended("15001", "15008", "2150859042")},
	{ID: "end-channel", Link: Accept, Text: "a channel of the query does not exist on this host", Windows: "101 or 102, 15007 (channel not found)",
		Remedy: "is the program that writes it installed (Sysmon); set ignore_channel_error: true, or give such hosts another subscription", find: ended("15007")},
	{ID: "end-access", Link: Accept, Text: "the forwarder may not read the channels", Windows: "101 or 102, 5004 (0x138C, no active channel), 1818 or 5",
		Remedy: "add NETWORK SERVICE to the local group Event Log Readers and reboot, or grant the channel (wevtutil sl CHANNEL /ca:SDDL)", find: ended("5004", "1818", "5")},
	{ID: "end-shutdown", Link: Silence, Text: "it said that it stops: reboot, or WinRM was stopped", Windows: "103; 1717 while the event log service stops",
		Remedy: "it comes back by itself when it starts; if it does not: is it switched on, is WinRM set to start by itself", find: func(q *inquiry) string {
			if q.stopped() && strings.HasSuffix(q.host.End.Status, "SourceShuttingDown") {
				return q.end()
			}
			return ""
		}},
	{ID: "end-other", Link: Accept, Text: "it ended the subscription by itself", Windows: "102 or 103 with the code",
		Remedy: "look the code up in docs/operations.md and in the host's Forwarding/Operational", find: func(q *inquiry) string {
			known := ended("15001", "15008", "2150859042", "15007", "5004", "1818", "5")
			if !q.stopped() || strings.HasSuffix(q.host.End.Status, "SourceShuttingDown") || known(q) != "" {
				return ""
			}
			return q.end()
		}},
	report(101, "forwarder-101", "its forwarder says that it cannot read some channels", "add NETWORK SERVICE to Event Log Readers and reboot, or grant the channel; is the channel there and enabled", true),
	report(102, "forwarder-102", "its forwarder says that it cannot create a subscription", "the code says why: 5004 permissions, 15001 and 15008 query, 15007 channel, 2150859101 and 2150859102 delivery policy", true),
	report(103, "forwarder-103", "its forwarder says that it left a subscription", "the collector no longer offers it: targets, enabled, or another policy", true),
	report(105, "forwarder-105", "its forwarder says that it has trouble with a collector", "the code says why: 5 authentication, 12175 TLS, 12029 cannot connect; it may be about another collector of its policy", true),
	report(107, "forwarder-107", "its forwarder says that its policy is invalid", "correct the string of Configure target Subscription Manager: Server=URL,Refresh=SECONDS,IssuerCA=THUMBPRINT", true),
}

// eitherRefused finds requests that are refused before anything is proven, and after.
func eitherRefused(part string, reasons ...string) func(*inquiry) string {
	return func(q *inquiry) string {
		if e := q.evidence(q.unproven, part, reasons); e != "" {
			return e
		}
		return q.evidence(q.requests, part, reasons)
	}
}

// withheld is the cause that a key of the file keeps a subscription from the host. While it gets another one, that may be meant so.
func withheld(key, text, remedy string) Cause {
	return Cause{ID: "offer-" + key, Link: Offer, Text: text, Windows: "104, and no 100 for the subscription", Remedy: remedy, find: func(q *inquiry) string {
		if q.host.Offered > 0 || q.host.LastEnumerate.IsZero() {
			return ""
		}
		var names []string
		for _, w := range q.host.Withheld {
			if name, why, _ := strings.Cut(w, ": "); why == key {
				names = append(names, name)
			}
		}
		if names == nil {
			return ""
		}
		return fmt.Sprintf("no subscription was offered to %s%s at its last Enumerate, %s; this kept it from %s", q.name, from(q), q.ago(q.host.LastEnumerate), strings.Join(names, ", "))
	}}
}

// notDelivering finds a host that was offered subscriptions and took up none. kind: how it came, or that another address was offered.
func notDelivering(kind string) func(*inquiry) string {
	return func(q *inquiry) string {
		h := &q.host
		if !q.known || h.Offered == 0 || h.LastEnumerate.IsZero() || q.state != NotDelivering || len(q.requests) > 0 || q.stopped() {
			return ""
		}
		advertise, own := "", "kerberos"
		for _, l := range q.facts.Listeners {
			if l.Name == h.Listener {
				advertise = l.Advertise
			}
		}
		if h.Auth == "tls" {
			own = "tls"
		}
		if advertise != "" {
			own = "advertise"
		}
		if own != kind {
			return ""
		}
		what := fmt.Sprintf("it was offered %d subscriptions %s on listener %s and has sent no heartbeat", h.Offered, q.ago(h.LastEnumerate), h.Listener)
		switch kind {
		case "advertise":
			what += "; it was told to deliver to " + advertise
		case "tls":
			what += "; the delivery policy named the CA " + h.Issuer
		}
		if q.now.Sub(h.LastEnumerate) < time.Minute {
			what += "; it may still be setting them up"
		}
		return what
	}
}

// stopped says that the newest that is known of a host is that it stops.
func (q *inquiry) stopped() bool {
	return q.host.End != nil && q.host.End.Time.After(latest(q.host.LastHeartbeat, q.host.LastDelivery))
}

// ended finds a SubscriptionEnd with one of these codes.
func ended(codes ...string) func(*inquiry) string {
	return func(q *inquiry) string {
		if !q.stopped() || strings.HasSuffix(q.host.End.Status, "SourceShuttingDown") {
			return ""
		}
		for _, c := range codes {
			if q.host.End.Code == c {
				return q.end()
			}
		}
		return ""
	}
}

func (q *inquiry) end() string {
	e := q.host.End
	said := fmt.Sprintf("%s it ended %s: %s", q.ago(e.Time), e.Subscription, e.Status[strings.LastIndexByte(e.Status, '/')+1:])
	if e.Code != "" {
		said += ", code " + e.Code
	}
	if e.Message != "" {
		said += ": " + e.Message
	}
	return said
}

// report is the cause that the host's own forwarder writes an event.
func report(id uint32, name, text, remedy string, mild bool) Cause {
	return Cause{ID: name, Link: Accept, Mild: mild, Text: text, Windows: fmt.Sprint(id), Remedy: remedy, find: func(q *inquiry) string {
		for i := range q.host.Reports {
			if r := &q.host.Reports[i]; r.ID == id && !q.outdated(r) {
				said := fmt.Sprintf("event %d of Microsoft-Windows-Forwarding/Operational, %s", id, q.ago(r.Time))
				if r.Code != "" {
					said += ", code " + r.Code
				}
				if r.Subscription != "" {
					said += ", subscription " + r.Subscription
				}
				if r.Message != "" {
					said += ": " + r.Message
				}
				return said
			}
		}
		return ""
	}}
}

// outdated says that a newer report says that all is well: 104 after 105, 100 after 101 and 102.
func (q *inquiry) outdated(r *events.Report) bool {
	cure := map[uint32]uint32{105: 104, 101: 100, 102: 100, 103: 100, 107: 106}[r.ID]
	for i := range q.host.Reports {
		if o := &q.host.Reports[i]; o.ID == cure && o.Time.After(r.Time) {
			return true
		}
	}
	return false
}

func (q *inquiry) when(t time.Time) string {
	if t.IsZero() {
		return "before this process started"
	}
	return q.ago(t)
}
