package output

import (
	"strings"
	"time"

	"github.com/wefka/wefka/events"
)

// ECSVersion is the version of the Elastic Common Schema that ecs documents follow.
const ECSVersion = "8.17.0"

// ECS writes the ecs document: the fields of the Elastic Common Schema, and under winlog what Windows calls its own. One goroutine
// at a time.
//
// What System says is there for every event. EventData of Sysmon, Security and PowerShell is mapped; winlog.event_data holds what
// was not, or all of it for a batch with KeepEventData. Its values are strings.
type ECS struct {
	Node       string // "" leaves out observer
	Severities Severities

	document
	received time.Time // as ingested
	ingested []byte

	// The event at hand, and what is known about its provider.
	record  *events.Record
	batch   *events.Batch
	table   *fieldTable
	source  mapping
	seen    [4]uint64 // fields of table that came
	names   names     // the other ones
	unnamed bool      // names are still those of an event before
	kept    []int32   // fields that stay in event_data

	scratch []byte // values that had to be written

	hashes, addresses, hosts, users texts // of related
	answers, resolved               texts // of a DNS event
	techniques, subtechniques       texts // of threat
	details                         texts // of powershell.command

	sysmon     sysmonFacts
	security   *securityEvent
	powershell *powershellEvent
}

// mapping is how a provider's event is mapped.
type mapping uint8

const (
	generic mapping = iota
	ofSysmon
	ofSecurity
	ofPowerShell
)

// Append implements Encoder. The document is one line without a line end.
func (e *ECS) Append(dst []byte, b *events.Batch, r *events.Record) ([]byte, error) {
	e.begin(b, r)
	e.system()
	e.delivery()
	e.eventData()
	e.userData()
	switch e.source {
	case ofSysmon:
		e.finishSysmon()
	case ofSecurity:
		e.finishSecurity()
	case ofPowerShell:
		e.finishPowerShell()
	}
	e.related()
	dst = e.document.append(append(dst, '{'), e)
	dst = appendEnd(dst, '}')
	e.batch, e.record = nil, nil
	return dst[:len(dst)-1], nil
}

// begin forgets the event before and finds out how to map this one.
func (e *ECS) begin(b *events.Batch, r *events.Record) {
	e.document.reset()
	e.record, e.batch, e.table, e.source = r, b, nil, generic
	e.kept, e.scratch = e.kept[:0], e.scratch[:0]
	clear(e.seen[:])
	e.unnamed = true
	for _, l := range [...]*texts{&e.hashes, &e.addresses, &e.hosts, &e.users, &e.answers, &e.resolved, &e.techniques, &e.subtechniques, &e.details} {
		*l = (*l)[:0]
	}
	switch string(r.Provider) {
	case sysmonProvider:
		e.beginSysmon()
	case "Microsoft-Windows-Security-Auditing", "Microsoft-Windows-Eventlog":
		e.beginSecurity()
	case "Microsoft-Windows-PowerShell", "PowerShell":
		e.beginPowerShell()
	}
}

// related sets the lists of what an event has to do with.
func (e *ECS) related() {
	e.set(relatedHash, e.hashes.value())
	e.set(relatedIP, e.addresses.value())
	e.set(relatedHosts, e.hosts.value())
	e.set(relatedUser, e.users.value())
}

// delivery sets what the collector adds.
func (e *ECS) delivery() {
	b, r := e.batch, e.record
	from := len(e.scratch)
	e.scratch = AppendID(e.scratch, b.Source, r)
	e.set(eventUID, e.scratch[from:])
	e.set(identityLabel, r.Identity)
	e.unsigned(eventSeverity, uint64(e.Severities.of(r))*20)
	if b.EventOriginal {
		e.original()
	}
	if (b.Source != "" || b.Subscription != "") && !b.Received.IsZero() {
		if e.received != b.Received || e.ingested == nil {
			e.received = b.Received
			e.ingested = b.Received.UTC().AppendFormat(e.ingested[:0], millis)
		}
		e.set(eventIngested, e.ingested)
	}
	if e.Node != "" {
		e.constant(observerName, strings.Map(printable, e.Node))
		e.constant(observerProduct, "wefka")
	}
}
