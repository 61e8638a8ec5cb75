package hosts

import (
	"fmt"
	"strings"
	"time"
)

// deliveryCauses are those of events that do not come, or not all.
var deliveryCauses = []Cause{
	{ID: "deliver-nothing", Link: Deliver, Text: "it sends heartbeats and never an event", Windows: "100, or 101 if a channel cannot be read",
		Remedy: "does the query select anything there (wevtutil qe CHANNEL /c:1 on the host); is the channel enabled, and readable for NETWORK SERVICE (101 with 5004); without read_existing_events only what happens from now on is sent",
		find: func(q *inquiry) string {
			if len(q.host.Streams) == 0 || q.host.Events > 0 || len(q.requests) > 0 || q.stopped() {
				return ""
			}
			for _, s := range q.host.Streams {
				if !s.LastEvents.IsZero() || s.LastHeard.IsZero() {
					return ""
				}
			}
			return fmt.Sprintf("the last heartbeat was %s, events: none", q.ago(latestHeard(q.host.Streams)))
		}},
	{ID: "deliver-dropped", Link: Deliver, Mild: true, Text: "it drops events that fit no envelope", Windows: "none",
		Remedy: "raise delivery.max_envelope_size of the subscription (and limits.body, if that is below it)", find: troubled("events were dropped", func(h *Host) Trouble { return h.Dropped })},
	{ID: "deliver-bookmark-ignored", Link: Deliver, Mild: true, Text: "it began anew although it had been told where to go on: events in between may be missing", Windows: "111 as an event of the subscription",
		Remedy: "the log has old and new position; known of hosts with certificates after the collector was away for longer than delivery.retry allows: raise retry.count",
		find:   troubled("bookmarks were ignored", func(h *Host) Trouble { return h.BookmarkIgnored })},
	{ID: "deliver-refused", Link: Deliver, Text: "its batches are refused: they have events of other computers", Windows: "105, 5 (403)",
		Remedy: "was it renamed: identity.aliases; does it forward what it collected itself: identity.relays; until then identity.computer: quarantine lets the rest of its events through",
		find:   refused("", "identity")},
	{ID: "deliver-identity", Link: Deliver, Mild: true, Text: "it sends events of other computers", Windows: "none",
		Remedy: "the host forwards what it collected itself (ForwardedEvents), its name was changed, or somebody forges: records say wef.identity: mismatch", find: troubled("events named another computer", func(h *Host) Trouble { return h.Mismatched })},
	{ID: "deliver-dead-letters", Link: Deliver, Mild: true, Text: "some of its events became dead letters", Windows: "none",
		Remedy: "they are in the dead-letter topic with their reason; too large: raise limits.event or the topic's max.message.bytes",
		find: func(q *inquiry) string {
			said := troubled("dead letters", func(h *Host) Trouble { return h.DeadLetters })(q)
			if said != "" && q.host.DeadLetter != "" {
				said += ": " + q.host.DeadLetter
			}
			return said
		}},
	{ID: "deliver-clock", Link: Deliver, Mild: true, Text: "its clock is wrong", Windows: "none with certificates; 105 with KRB_AP_ERR_SKEW beyond five minutes with Kerberos",
		Remedy: "w32tm /resync on the host; event times are wrong by so much",
		find: func(q *inquiry) string {
			const tolerated = time.Minute
			if q.host.Skew.Abs() <= tolerated {
				return ""
			}
			where := "ahead"
			if q.host.Skew < 0 {
				where = "behind"
			}
			return fmt.Sprintf("its clock is %s %s of ours", q.host.Skew.Abs().Round(time.Second), where)
		}},
	{ID: "deliver-gaps", Link: Deliver, Mild: true, Text: "record numbers jump: events are missing", Windows: "none",
		Remedy: "the host's log wrapped while it could not deliver (make it larger: wevtutil sl CHANNEL /ms:BYTES), or oversized events were dropped, or a bookmark was ignored",
		find:   troubled("gaps", func(h *Host) Trouble { return h.Gaps })},
	{ID: "deliver-cleared", Link: Deliver, Mild: true, Text: "a log was cleared on it, or began anew", Windows: "1102 in Security, 104 in System",
		Remedy: "look at who did it: the event names the account; a reinstalled machine does it too", find: troubled("times", func(h *Host) Trouble { return h.Cleared })},
	{ID: "deliver-certificate-expiring", Link: TLS, Mild: true, Text: "its certificate ends soon", Windows: "none yet",
		Remedy: "renew it: when it has ended the host is kept out",
		find: func(q *inquiry) string {
			const soon = 30 * 24 * time.Hour
			if t := q.host.CertificateNotAfter; !t.IsZero() && t.Sub(q.now) < soon {
				return "it is valid until " + t.UTC().Format(time.RFC3339)
			}
			return ""
		}},

	{ID: "kafka-topic", Link: Kafka, Text: "the topic does not exist, or this user may not see it", Windows: win503,
		Remedy: "create the topic; the collector creates none", find: notWritten("nknown Topic")},
	{ID: "kafka-denied", Link: Kafka, Text: "Kafka does not allow this user to write", Windows: win503,
		Remedy: "allow it DESCRIBE and WRITE on the topic, and on the dead-letter topic", find: notWritten("uthorization")},
	{ID: "kafka-login", Link: Kafka, Text: "Kafka does not take the collector's login", Windows: win503,
		Remedy: "check kafka.sasl and kafka.tls: mechanism, user, password, and that the port wants them", find: notWritten("SASL")},
	{ID: "kafka-replicas", Link: Kafka, Text: "fewer replicas are in sync than the topic demands", Windows: win503,
		Remedy: "a broker is down or behind: min.insync.replicas cannot be met", find: notWritten("eplicas")},
	{ID: "kafka-away", Link: Kafka, Text: "Kafka does not answer, so hosts are told to come again", Windows: win503,
		Remedy: "check kafka.brokers, the brokers themselves and the network between; hosts keep their events and send them when Kafka is back",
		find: func(q *inquiry) string {
			for _, part := range []string{"nknown Topic", "uthorization", "SASL", "eplicas"} {
				if notWritten(part)(q) != "" {
					return ""
				}
			}
			if e := refused("", "kafka", "later", "timeout")(q); e != "" {
				return e
			}
			if q.facts.Kafka != nil {
				return q.facts.Kafka.Error()
			}
			return ""
		}},

	{ID: "silent-late", Link: Silence, Text: "it has been silent for longer than its heartbeat interval", Windows: "105, if it cannot reach the collector",
		Remedy: "switched off, asleep, or off the network; if not: 105 in its Forwarding/Operational, Restart-Service WinRM", find: silent(Late)},
	{ID: "silent-dead", Link: Silence, Text: "it has been silent for more than two heartbeat intervals", Windows: "105, if it cannot reach the collector",
		Remedy: "gone for good: wefka hosts forget; if not: is it switched on, does it reach the collector, 105 in its Forwarding/Operational, Restart-Service WinRM", find: silent(Dead)},
}

const win503 = "105, 2150859026 (0x80338112, 503): it comes again and loses nothing"

// troubled finds what happened to a host within the last day.
func troubled(what string, of func(*Host) Trouble) func(*inquiry) string {
	return func(q *inquiry) string {
		t := of(&q.host)
		if t.Count == 0 || q.now.Sub(t.Last) > 24*time.Hour {
			return ""
		}
		return fmt.Sprintf("%d %s, the last %s", t.Count, what, q.ago(t.Last))
	}
}

// notWritten finds an error of Kafka, at this host's requests or at all.
func notWritten(part string) func(*inquiry) string {
	return func(q *inquiry) string {
		if e := refused(part, "later", "timeout")(q); e != "" {
			return e
		}
		if q.facts.Kafka != nil && strings.Contains(q.facts.Kafka.Error(), part) {
			return q.facts.Kafka.Error()
		}
		return ""
	}
}

// silent finds a host whose liveliest subscription is in a state.
func silent(state State) func(*inquiry) string {
	return func(q *inquiry) string {
		if q.state != state {
			return ""
		}
		return "last heard " + q.ago(latestHeard(q.host.Streams)) + from(q)
	}
}

func latestHeard(streams []Stream) time.Time {
	var t time.Time
	for i := range streams {
		t = latest(t, streams[i].LastHeard)
	}
	return t
}
