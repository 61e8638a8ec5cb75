package output

import (
	"cmp"
	"slices"
	"testing"
)

// Tables that are searched by halves are in order, without repeats.
func TestTablesAreSorted(t *testing.T) {
	ascending := func(name string, sorted bool) {
		if !sorted {
			t.Errorf("%s is out of order", name)
		}
	}
	for name, list := range map[string]statuses{"dnsStatuses": dnsStatuses, "logonErrors": logonErrors} {
		ascending(name, slices.IsSortedFunc(list, func(a, b status) int { return cmp.Or(cmp.Compare(a.code, b.code), -1) }))
	}
	ascending("securityEvents", slices.IsSortedFunc(securityEvents[:], func(a, b securityEvent) int { return cmp.Or(cmp.Compare(a.id, b.id), -1) }))
}
