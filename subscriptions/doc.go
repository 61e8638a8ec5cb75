// Package subscriptions is the domain: who gets which subscription, where each source stopped, and who fell silent.
//
// A [Subscription] is one YAML file (docs/subscriptions.d has examples; [Load] reads a folder of them). Its version is computed from what
// a source can see of it, never kept by hand: a source tears its subscription down and reads again whenever the version changes.
//
// [Manager] answers what sources ask. It hands their batches to a [Sink], and saves a batch's bookmark in a [Store] after the Sink has
// made the events durable and before the source gets its Ack: a crash between any two steps costs duplicates, never an event.
// [Bolt] is the Store of a single node.
//
// This room knows no socket, no envelope and no Kafka. What a source is called was proven by its transport ([wsman.Source]); what its
// messages merely claim is never used to decide.
//
// Specs: MS-WSMV (event subscriptions) and DSP0226 (eventing, bookmarks, acknowledgement), through the wire they describe; RFC 9562 5.5
// (the version GUID).
//
// Manager and Bolt are safe for concurrent use. A Subscription is read-only once a Manager has it.
package subscriptions
