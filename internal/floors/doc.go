// Package floors is a test and nothing else: it reads the source files of all rooms and holds who may import whom.
//
//	floor 3   cmd/wefka                              wires; the only room that knows everybody
//	floor 2   subscriptions         simulator        decide
//	floor 1   wsman/kerberos        output (+ producer)   adapt one outside library each
//	floor 0   wsman (+ sldc)        events   certs   know bytes and specs; no policy, no other room
//
// A new room or a new library needs a row in the table here, and a reason in docs/decisions.
package floors
