// Package fetch reads a topic of Kafka partition by partition, from an offset on, without consumer groups.
//
//	Partition.Fetch ──► one Fetch request to the leader ──► batches: CRC, decompression, records ──► each(Record), in order
//
// It goes through kafka-go's Transport for connections, TLS, SASL and routing, and by protocol.RawExchanger past its readers: those stop
// short or turn in circles where compaction took the end of a batch, or all of it. Here the position moves by each batch's whole range
// (base offset + last offset delta + 1), whatever records are left in it. Control batches and aborted transactions' markers are passed over;
// isolation is read_uncommitted.
//
// Formats: Fetch v10 (Kafka 2.1, the first that may carry zstd), record batch v2. The broker is trusted to speak the protocol; what does
// not fit is an error, never a panic, and one answer has a largest size.
package fetch
