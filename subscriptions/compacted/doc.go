// Package compacted is the subscriptions.Store of several nodes: a compacted topic of Kafka that each node reads whole at its start and
// follows from then on.
//
//	Put ──► mine: not in the log yet ──► writer (one a partition): a key at most once a round ══► topic ══► reader ──► held: what the log says
//	Get ◄── mine, else held
//
// A record's key is b/SUBSCRIPTION/SOURCE, its value the packed State (State.MarshalBinary), null for a State that was deleted. Keys
// that begin with x/ are barriers, and mean nothing to anybody but the node that wrote them. Of one key the record with the highest offset is true; all nodes
// agree on it, now and after every start.
//
// What it promises. Until a partition is read up to a barrier that this process wrote, everything about its keys is answered ErrLoading. Put
// returns when the State is in Kafka if the key has no bookmark there yet, or if its last write is overdue; else at once, and the
// State is in Kafka at most Round and a delivery later. Delete waits. A node that is killed loses no more than that of its own writes;
// Flush leaves nothing. Memory: about 250 bytes a State with 18 channels.
package compacted
