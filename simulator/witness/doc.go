// Package witness compares what hosts were promised with what Kafka holds.
//
//	Begin   notes where each partition ends
//	Hear    remembers the wef.id of every event that a host has an Ack for, and why it sent others again
//	Judge   reads the partitions from there to their end, and gives a Verdict
//
// It needs no consumer group, and of each event it keeps about 50 bytes, whatever the event's size. It is told nothing by the collector: what hosts
// heard and what Kafka gives back is all it knows.
package witness
