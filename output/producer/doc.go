// Package producer brings records to Kafka and says when they are safe: one door, Append, and one answer, Delivery.Wait.
//
//	caller:  Append ──► admission (bytes in all, a quarter a partition, circuit) ──► partition: queue of batches, the last one open
//	         Wait  ◄── settled, refused or given up ◄───────────────┐                      │ at most one batch in flight
//	sender (one a broker): what its partitions have ready ──► one raw produce request, acks = all
//	refresher: who leads what         sweeper: retries that are due, batches out of time, the circuit
//
// It is an accumulator on kafka-go's Transport and protocol packages. kafka-go's Writer is not used: it keeps and sends what its
// caller has given up, has no bound, and asks the old leader on. There is no linger by default: a sender takes what is ready as
// soon as its broker has answered, so one caller gets the bare round trip and thousands get full batches.
//
// What it promises. Nothing is reported stored that all in-sync replicas have not acknowledged. Records of one key keep their order:
// a batch that fails is sent again, the same bytes, before anything behind it. Append copies: the caller's bytes are free when it
// returns. Memory is bounded by Config.Buffer, plus one piece of 64 KiB for each partition with records, plus the compressed form
// of what is in flight. A batch nobody waits for any more, or whose time is over, is not sent again.
//
// Batches are numbered (identity.go): a batch that is sent again after a lost answer is stored once. A batch that was sent and is given up ends
// the epoch, so that its number cannot be mistaken for its successor's. Where Kafka gives no producer id all else holds.
//
// What it does not do. It adds no retries beyond Config.DeliveryTimeout: then the host has to come again, and what the producer had sent by then
// may be stored twice. It knows no events, no XML, no names, only keys and bytes.
//
// All methods of Producer may be called from any goroutine at any time. A Delivery belongs to one goroutine.
//
// Formats: Kafka's record batch v2, murmur2 as the Java client partitions, Produce v3 to v8. A broker is trusted to speak the
// protocol: kafka-go decodes answers on its own goroutines, and this package only bounds their size.
package producer
