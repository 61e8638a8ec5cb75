package hosts

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Link is a link of the chain that an event has to go.
type Link string

// Links, in the order in which they are walked.
const (
	Reach   Link = "reach"   // do its packets come here
	TLS     Link = "tls"     // does its certificate prove it
	Ticket  Link = "ticket"  // does its Kerberos ticket
	Door    Link = "door"    // limits before that
	Request Link = "request" // is what it sends readable
	Offer   Link = "offer"   // is there a subscription for it
	Accept  Link = "accept"  // does the host take what it was offered
	Deliver Link = "deliver" // does it send events
	Kafka   Link = "kafka"   // are they written
	Silence Link = "silence" // is it still there
)

var links = []Link{Reach, TLS, Ticket, Door, Request, Offer, Accept, Deliver, Kafka, Silence}

// Cause is a reason why nothing arrives from a host, or why less arrives than should.
type Cause struct {
	ID      string // stable
	Link    Link
	Text    string // what is wrong
	Windows string // event id and error code in the host's Microsoft-Windows-Forwarding/Operational; "" = it shows none
	Remedy  string
	Mild    bool // events arrive all the same

	find func(q *inquiry) string // the evidence; "" = that is not it
}

// rank orders findings: broken links as in the chain, then what only deserves a look.
func (c *Cause) rank() int {
	n := slices.Index(links, c.Link)
	if c.Mild {
		n += len(links)
	}
	return n
}

// Causes are all that explain can name, in the order of the chain; read only.
func Causes() []Cause { return causes }

var causes = slices.Concat(doorCauses, requestCauses, deliveryCauses)

// unproven finds the newest refusal of somebody who proved nothing, with one of these reasons, whose message holds part.
func unproven(part string, reasons ...string) func(*inquiry) string {
	return func(q *inquiry) string { return q.evidence(q.unproven, part, reasons) }
}

// refused finds the newest refusal of a request of the proven host.
func refused(part string, reasons ...string) func(*inquiry) string {
	return func(q *inquiry) string { return q.evidence(q.requests, part, reasons) }
}

func (q *inquiry) evidence(rs []Refusal, part string, reasons []string) string {
	for i := range rs {
		if r := &rs[i]; slices.Contains(reasons, r.Reason) && strings.Contains(r.Message, part) {
			return q.describe(r)
		}
	}
	return ""
}

// describe is a refusal in a line.
func (q *inquiry) describe(r *Refusal) string {
	var b strings.Builder
	if r.Count > 1 {
		fmt.Fprintf(&b, "%d times, the last ", r.Count)
	}
	fmt.Fprintf(&b, "%s from %s on listener %s", q.ago(r.Time), r.Addr, r.Listener)
	if r.Claimed != "" && !strings.EqualFold(r.Claimed, q.name) {
		fmt.Fprintf(&b, ", as %s", r.Claimed)
	}
	if r.Action != "connect" && r.Action != "other" {
		fmt.Fprintf(&b, ", %s", r.Action)
	}
	if r.Status != 0 {
		fmt.Fprintf(&b, ", answered %d", r.Status)
	}
	fmt.Fprintf(&b, ", %s", r.Reason)
	if r.Message != "" {
		fmt.Fprintf(&b, ": %s", r.Message)
	}
	return b.String()
}

// WriteManual writes the table as docs/causes.md has it.
func WriteManual(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Why nothing arrives\n\n" +
		"What `wefka hosts explain NAME` can name, in the order of the chain that an event has to go. This page is generated from the program's own table\n" +
		"(`go generate ./hosts`), and each row has a test that provokes it. \"On the host\" is what Microsoft-Windows-Forwarding/Operational shows, event id and\n" +
		"error code, where it shows anything. Rows in *italics* are worth a look while events arrive.\n")
	titles := map[Link]string{Reach: "Does it reach us?", TLS: "Does its certificate prove it?", Ticket: "Does its ticket prove it?", Door: "Is it kept at the door?",
		Request: "Can its request be read?", Offer: "Is there a subscription for it?", Accept: "Does it take what it is offered?", Deliver: "Does it send events?",
		Kafka: "Are they written?", Silence: "Is it still there?"}
	for _, link := range links {
		fmt.Fprintf(&b, "\n## %s\n\n| id | means | on the host | do |\n|---|---|---|---|\n", titles[link])
		for i := range causes {
			if c := &causes[i]; c.Link == link {
				text := c.Text
				if c.Mild {
					text = "*" + text + "*"
				}
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c.ID, cell(text), cell(c.Windows), cell(c.Remedy))
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
