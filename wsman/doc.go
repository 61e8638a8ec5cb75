// Package wsman is the protocol of Windows Event Forwarding: SOAP over HTTP, both ends. It knows envelopes, actions, faults, charsets
// and limits; who gets which subscription and where events go is the business of a [Handler].
//
// One exchange of a source with the collector, over TLS:
//
//	source                                            Server
//	  POST <any path>            Enumerate     ──▶  Handler.Enumerate
//	                     EnumerateResponse     ◀──  every Subscribe, with addresses, policy and bookmark
//	  (End of that operation)                  ──▶  204
//	  POST /wsman/subscriptions/GUID/VERSION        on a connection for each subscription
//	                     Heartbeat             ──▶  Handler.Heartbeat
//	                                   Ack     ◀──
//	                     Events (SLDC)         ──▶  inflate, UTF-8, scan; Handler.Events
//	                                   Ack     ◀──  only when that returned nil
//	                     SubscriptionEnd       ──▶  Handler.End, Ack
//
// A request is one goroutine and one stack: doors (method, length, identity, type, size, admission), then the body, then the handler,
// then the answer. Nobody unproven is given memory, and no number that a peer names is allocated.
//
// Server, Budget and Certificates are safe for concurrent use once their fields are set. A Session serves one connection, one request
// after another.
//
// Specifications: MS-WSMV (2.2.9, 3.1.4.1.30, 3.1.4.6), DMTF DSP0226 (8, 10), WS-Eventing and WS-Addressing 2004/08, SOAP 1.2.
package wsman
