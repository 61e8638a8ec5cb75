package output

import "strconv"

// recordTypes are the names of DNS record types by number (IANA), as far as Windows asks for them.
var recordTypes = [...]string{
	1: "A", 2: "NS", 3: "MD", 4: "MF", 5: "CNAME", 6: "SOA", 7: "MB", 8: "MG", 9: "MR", 10: "NULL", 11: "WKS", 12: "PTR", 13: "HINFO",
	14: "MINFO", 15: "MX", 16: "TXT", 17: "RP", 18: "AFSDB", 19: "X25", 20: "ISDN", 21: "RT", 24: "SIG", 25: "KEY", 26: "PX", 27: "GPOS",
	28: "AAAA", 29: "LOC", 30: "NXT", 31: "EID", 32: "NIMLOC", 33: "SRV", 34: "ATMA", 35: "NAPTR", 36: "KX", 37: "CERT", 38: "A6",
	39: "DNAME", 40: "SINK", 41: "OPT", 42: "APL", 43: "DS", 44: "SSHFP", 45: "IPSECKEY", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY",
	49: "DHCID", 50: "NSEC3", 51: "NSEC3PARAM", 52: "TLSA", 53: "SMIMEA", 55: "HIP", 59: "CDS", 60: "CDNSKEY", 61: "OPENPGPKEY",
	62: "CSYNC", 63: "ZONEMD", 64: "SVCB", 65: "HTTPS", 255: "ANY",
}

// results sets the answers: records first, then addresses, whatever their order was.
func (e *ECS) results(value []byte) {
	for a, rest, ok := nextAnswer(value); ok; a, rest, ok = nextAnswer(rest) {
		if a.addr.IsValid() {
			continue
		}
		e.answer()
		if a.kind < uint64(len(recordTypes)) && recordTypes[a.kind] != "" {
			e.answers = append(e.answers, recordTypes[a.kind]...)
		} else {
			e.answers = strconv.AppendUint(e.answers, a.kind, 10)
		}
		e.answers = append(e.answers, '"')
		if len(a.data) > 0 {
			e.answers = appendString(append(e.answers, `,"data":`...), a.data)
			e.hosts.addNew(a.data)
		}
		e.answers = append(e.answers, `},`...)
	}
	for a, rest, ok := nextAnswer(value); ok; a, rest, ok = nextAnswer(rest) {
		if !a.addr.IsValid() {
			continue
		}
		kind := "AAAA"
		if a.addr.Is4() {
			kind = "A"
		}
		from := len(e.scratch)
		e.scratch = a.addr.AppendTo(e.scratch)
		addr := e.scratch[from:]
		e.answer()
		e.answers = append(append(append(append(append(e.answers, kind...), `","data":"`...), addr...), '"'), `},`...)
		e.resolved.add(addr)
		e.addresses.addNew(addr)
	}
	e.set(dnsAnswers, e.answers.value())
	e.set(dnsResolvedIP, e.resolved.value())
}

// answer begins an item of dns.answers.
func (e *ECS) answer() {
	if len(e.answers) == 0 {
		e.answers = append(e.answers, '[')
	}
	e.answers = append(e.answers, `{"type":"`...)
}

func (e *ECS) finishQuery() {
	e.constant(networkProtocol, "dns")
	if question := e.get(dnsQuestion); question != nil {
		e.hosts.addNew(question)
	}
}
