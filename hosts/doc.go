// Package hosts remembers each host that reached the collector and says why nothing arrives from one.
//
// A Book hears of every request and every refusal from wsman, of offers and endings from subscriptions, and of acknowledged batches from
// output. What hosts have proven is kept by identity; those who proved nothing are strangers, kept by address and few in number. It
// decides nothing, touches no network and no file, and loses everything when the process ends, but for what subscriptions remembers.
//
// Explain walks the chain that an event has to go (reached us, TLS or ticket, request, offer, subscribe, deliver, Kafka) and names what is
// broken, from the table of causes; docs/causes.md is that table.
//
// How a host stands in a subscription (active, late, dead, …) is what subscriptions says; this room only asks. All is safe for concurrent
// use. Memory: some 600 bytes a host, 1.5 KB with refusals and a dozen channels.
package hosts
