package library_test

import (
	"regexp"
	"strconv"
)

var (
	single = regexp.MustCompile(`EventID=(\d+)`)
	ranged = regexp.MustCompile(`EventID &gt;= (\d+) and EventID &lt;= (\d+)`)
)

// selected are the event ids that a query names.
func selected(query string) []int {
	var ids []int
	for _, m := range single.FindAllStringSubmatch(query, -1) {
		n, _ := strconv.Atoi(m[1])
		ids = append(ids, n)
	}
	for _, m := range ranged.FindAllStringSubmatch(query, -1) {
		from, _ := strconv.Atoi(m[1])
		to, _ := strconv.Atoi(m[2])
		for n := from; n <= to; n++ {
			ids = append(ids, n)
		}
	}
	return ids
}
