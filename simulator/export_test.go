package simulator

import (
	"bytes"
	"io"
	"time"
)

// Sample is the built-in corpus.
var Sample = sample

// Cut reads recordings and stamps each of them, with what the sizes are said to be.
func Cut(in io.Reader, computer string, record uint64, created time.Time) (entries []string, sizes [][2]int, skipped int, err error) {
	list, skipped, err := readRecordings(in)
	for _, r := range list {
		s := stamp{recording: r, record: record, created: created}
		entries = append(entries, string(s.append(nil, computer)))
		bytes, units := s.size(computer)
		sizes = append(sizes, [2]int{bytes, units})
	}
	return entries, sizes, skipped, err
}

// Wants says whether a query gets an event, and which of its conditions are not understood.
func Wants(query, channel string, id, level int) (wanted bool, unknown []string, err error) {
	q, err := parseQuery(query)
	if err != nil {
		return false, nil, err
	}
	return q.wants(&recording{channel: channel, id: id, level: level}), q.unknown, nil
}

// Channels are those that a query reads.
func Channels(query string) ([]string, error) {
	q, err := parseQuery(query)
	if err != nil {
		return nil, err
	}
	return q.channels(), nil
}

// Rewrite reads a bookmark and writes it again.
func Rewrite(fragment, current string, backward bool) (string, error) {
	b, err := parseBookmark([]byte(fragment))
	return string(b.append(nil, current, backward)), err
}

// Quantiles observes and asks.
func Quantiles(observed []time.Duration, q ...float64) (ms []float64) {
	var l latency
	for _, d := range observed {
		l.observe(d)
	}
	for _, x := range q {
		ms = append(ms, l.quantile(x))
	}
	return ms
}

// Entries renders a batch of the sample's events, as a host does for one request.
func Entries(events int) func(dst []byte) []byte {
	list, _, err := readRecordings(bytes.NewReader(sample))
	if err != nil {
		panic(err)
	}
	b := batch{computer: "sim-00001.lab.example"}
	for i := range events {
		b.events = append(b.events, stamp{recording: list[i%len(list)], record: uint64(100000 + i), created: time.Date(2026, 3, 5, 9, 14, 20, 100*i, time.UTC)})
	}
	return b.append
}
