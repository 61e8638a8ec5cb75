// Package ordeal is the proof of the promise: nothing that a host has an Ack for is ever missing in Kafka. It has only tests.
//
// Hosts with certificates and hosts with Kerberos deliver through a balancer to two collectors, the built program, and those to three real
// Kafka nodes, while faults are dealt to every part and to the lines between them. Which, to whom and when is decided by a seed and nothing
// else. Then all is healed, and the witness of `wefka simulate --verify` judges, and an independent consumer beside it.
//
//	make ordeal DURATION=30m            every fault is printed, and the verdict
//	make ordeal DURATION=30m SEED=7     the same faults again
package ordeal
