package main

import "fmt"

// catalogue lists the checks of the doctor, in the order in which they are printed. docs/doctor.md is written from it.
var catalogue = []struct {
	id, group, asks string
	without         string // why it is passed over when there is nothing to look at
}{
	{"CFG-001", "config", "Can the main file be read, and does every value make sense?", ""},
	{"CFG-002", "config", "Can the subscriptions be read, is one enabled, will Windows take their queries?", "the subscriptions were not looked at"},
	{"TLS-001", "certificates", "Do certificate, key and client CAs load?", "no listener uses TLS"},
	{"TLS-002", "certificates", "Would Windows accept the server certificate: name, usage, key, signature, chain?", "no listener uses TLS"},
	{"TLS-003", "certificates", "How long are the server certificate and the client CAs valid?", "no listener uses TLS"},
	{"TLS-004", "certificates", "Which IssuerCA belongs into the policy?", "no listener uses TLS"},
	{"TLS-005", "certificates", "Can others read the private key?", "no listener uses TLS"},
	{"KRB-001", "kerberos", "Does the keytab load, and what is in it?", "no listener uses Kerberos"},
	{"KRB-002", "kerberos", "Has it HTTP and HOST services for the name that hosts use?", "no listener uses Kerberos"},
	{"KRB-003", "kerberos", "Has it AES keys?", "no listener uses Kerberos"},
	{"KRB-004", "kerberos", "Can others read the keytab?", "no listener uses Kerberos"},
	{"KRB-005", "kerberos", "Is this machine's clock disciplined? Tickets allow few minutes.", "the kernel does not say"},
	{"NET-001", "network", "Can the address be listened on, or does the server do so already?", "no listener"},
	{"NET-002", "network", "Does DNS know the name that hosts use?", "the name is not known: see certificates or kerberos"},
	{"NET-003", "network", "Does that name lead to this machine?", "there is no address to look at"},
	{"NET-004", "network", "Does the address lead back to the name?", "there is no address to look at"},
	{"KAF-001", "kafka", "Does each broker of the configuration take connections?", "Kafka was not asked"},
	{"KAF-002", "kafka", "Do TLS and SASL let us in?", "Kafka was not asked"},
	{"KAF-003", "kafka", "Is every topic there, each partition with a leader?", "the cluster did not answer"},
	{"KAF-004", "kafka", "May this user write to every topic?", "the cluster did not answer"},
	{"KAF-005", "kafka", "Does acknowledged mean stored: replication and min.insync.replicas?", "the cluster did not answer"},
	{"KAF-006", "kafka", "Does an event as large as an envelope fit into a message?", "the topics' settings may not be read"},
	{"KAF-007", "kafka", "Do the topics take our timestamps?", "the topics' settings may not be read"},
	{"KAF-008", "kafka", "Do the topics keep our compression?", "the topics' settings may not be read"},
	{"KAF-009", "kafka", "Does the cluster number our batches, so that a lost answer makes no copy?", "the cluster did not answer"},
	{"STA-001", "state", "Can the state be opened?", "not looked at"},
	{"STA-002", "state", "Is there room for it?", "the state is in Kafka"},
	{"STA-003", "state", "Would the state's topic keep bookmarks?", "the state is in a file"},
	{"LIM-001", "limits", "Are there descriptors for all hosts?", "not known"},
	{"LIM-002", "limits", "Is there memory for what limits.in_flight and kafka.buffer allow?", "not known"},
	{"LIM-003", "limits", "Is the queue of new connections long enough for a fleet that comes back at once?", "not known"},
	{"SRV-001", "server", "What does the running server say of itself?", "no server runs"},
	{"HST-001", "host", "Does DNS know the host? (--host)", ""},
	{"HST-002", "host", "What does the running server know of the host? (--host)", ""},
}

// position is where an id stands in the catalogue.
func position(id string) int {
	for i, c := range catalogue {
		if c.id == id {
			return i
		}
	}
	panic(fmt.Sprintf("no check is called %s", id))
}
