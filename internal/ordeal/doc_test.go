// Package ordeal is the proof of "acknowledged means stored": three nodes of real Kafka, two collectors behind a balancer, hosts that
// come with certificates and with tickets, and a scheduler that breaks all of it.
//
//	hosts (TLS)      ══► balancer ══► line ══► collector 1 ══► a line to each node ══► Kafka 1 ─┐
//	hosts (Kerberos) ══► balancer ══► line ══► collector 2 ══► a line to each node ══► Kafka 2 ─┤ lines between them
//	   │                                                                               Kafka 3 ─┘
//	   └── simulate --verify: what was Acked is read back
//
// The faults are a pure function of the seed. WEFKA_ORDEAL_SEED and WEFKA_ORDEAL_FOR say which and how long; `make ordeal` sets them.
package ordeal
