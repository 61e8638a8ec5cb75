package bench_test

import (
	"encoding/json"
	"os"
	"strconv"

	"github.com/wefka/wefka/simulator"
)

// report waits for hosts to end and gives their report. All they sent must be acknowledged, at the first try.
func (l *lab) report(f *process) (r simulator.Report) {
	l.b.Helper()
	<-f.ended
	if f.err != nil {
		l.b.Fatalf("simulate: %v\n%s", f.err, f.stderr.Bytes())
	}
	data, err := os.ReadFile(l.path("report.json"))
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		l.b.Fatal(err)
	}
	if r.Batches.Retried > 0 {
		l.b.Errorf("%d batches had to be sent again: %v %v", r.Batches.Retried, r.Status, r.Errors)
	}
	return r
}

// fleet starts hosts.
func (l *lab) fleet(args ...string) *process {
	l.b.Helper()
	args = append(append([]string{"simulate", "--url", l.url, "--report", l.path("report.json")}, l.host...), args...)
	return start(l.b, wefka(l.b), nil, args...)
}

func number(n int) string { return strconv.Itoa(n) }
