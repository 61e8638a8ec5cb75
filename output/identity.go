package output

import (
	"bytes"
	"strings"
)

var verified, mismatch, unknown = []byte("verified"), []byte("mismatch"), []byte("unknown")

// identity says how an event's own Computer stands to the proven sender: verified, mismatch, or unknown when the event names
// no computer. Windows writes the same machine with and without its domain, so a name without one matches its short form.
func identity(source string, computer []byte) []byte {
	if len(computer) == 0 {
		return unknown
	}
	name, _, _ := strings.Cut(source, "@") // PC-1$@REALM
	name, account := strings.CutSuffix(name, "$")
	if strings.EqualFold(name, string(computer)) {
		return verified
	}
	short, domain, _ := strings.Cut(name, ".")
	own, ownDomain, _ := bytes.Cut(computer, []byte("."))
	if strings.EqualFold(short, string(own)) && (account || domain == "" || len(ownDomain) == 0) {
		return verified
	}
	return mismatch
}
