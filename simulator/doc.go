// Package simulator is a fleet of pretend Windows hosts: the load generator, the sizing tool, the quickstart's hosts and the test bench.
//
// A [Fleet] is settings; Run makes its hosts and gives a [Report]. Each host does what the forwarder of Windows does:
//
//	policy      connect ─ Enumerate ─ (End) ─ close; again every Refresh
//	delivery    connect ─ Heartbeat ─ event 111 or the bookmark's place ─ Events, Events, … ─ SubscriptionEnd
//	            one connection for each subscription, one request in flight, retried until it is Acked or ConnectionRetry is used up
//
// Hosts prove themselves with certificates over HTTPS, or they are the computer accounts of a keytab and speak Kerberos over plain HTTP: a
// ticket is asked for when the first connection needs it, a few hosts at a time, and kept until it ends.
//
// Events come from recordings. Of each recorded event Computer, EventRecordID and TimeCreated are replaced, nothing else, so that what
// comes out of Kafka can be compared with what went in. A host keeps no log: what it can send again is what has not been Acked.
//
// The package shares the client half of wsman, and of wsman/kerberos, with the tests there, and knows neither the decoder nor its tables: a wrong field
// table cannot agree with itself. What it says about the collector is what an honest witness saw: an event is Acked when an Ack
// naming its request was read, and not before.
//
// A Fleet may be run by one goroutine at a time. Its functions (Dial, Gate) are called by many at once; Progress by one.
//
// Specifications: MS-WSMV 3.1.4.1.30, DMTF DSP0226 10 (deliveries, bookmarks, Acks), WS-Eventing 2004/08, MS-NLMP (the message that collectors refuse).
package simulator
