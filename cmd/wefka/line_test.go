package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/internal/corpus"
	"github.com/wefka/wefka/internal/infoset"
	"github.com/wefka/wefka/internal/kafkatest"
)

// recorded gives the events beside the checkout, or skips.
func recorded(t testing.TB) (files, lines []string) {
	t.Helper()
	for _, name := range corpus.Files(t) {
		if strings.HasSuffix(name, ".gz") { // the others are few, and not of one kind
			files = append(files, name)
			lines = append(lines, corpus.Lines(t, name)...)
		}
	}
	return files, lines
}

var channelText = regexp.MustCompile(`<Channel>([^<]*)</Channel>`)

// queryOf selects every channel of the recorded events.
func queryOf(lines []string) string {
	var q strings.Builder
	q.WriteString(`<QueryList><Query Id="0">`)
	seen := map[string]bool{}
	for _, line := range lines {
		if m := channelText.FindStringSubmatch(line); m != nil && m[1] != "" && !seen[m[1]] {
			seen[m[1]] = true
			fmt.Fprintf(&q, `<Select Path="%s">*</Select>`, strings.ReplaceAll(m[1], `"`, "&quot;"))
		}
	}
	q.WriteString(`</Query></QueryList>`)
	return q.String()
}

var stamped = regexp.MustCompile(`<Computer>[^<]*</Computer>|<EventRecordID>[^<]*</EventRecordID>|SystemTime=('[^']*'|"[^"]*")`)

// header is a record's, "" when it has none.
func header(r kafkatest.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// unstamp takes out what the simulator replaces; all else of an event is as recorded.
func unstamp(event string) string {
	return stamped.ReplaceAllStringFunc(event, func(s string) string {
		if strings.HasPrefix(s, "SystemTime") {
			return "SystemTime='-'"
		}
		return s[:strings.IndexByte(s, '>')+1] + "-" + s[strings.LastIndexByte(s, '<'):]
	})
}

// tree is what an event means, whatever its spelling.
func tree(t *testing.T, event string) string {
	t.Helper()
	s, err := infoset.Of(infoset.Legalise(event))
	if err != nil {
		t.Fatalf("%v: %s", err, event)
	}
	return s
}

// rebuilt is what a json document means: the event is made again from nothing but the document.
func rebuilt(t *testing.T, document []byte) string {
	t.Helper()
	o, err := infoset.Parse(document)
	if err != nil {
		t.Fatalf("%v: %s", err, document)
	}
	return tree(t, unstamp(infoset.Rebuild(o)))
}

// consumed checks the topic against what was acknowledged, and the order of each host's events.
func consumed(t *testing.T, broker, topic string, acked map[string]bool) (records []kafkatest.Record, duplicated int) {
	t.Helper()
	records = kafkatest.ReadAll(t, broker, topic)
	slices.SortFunc(records, func(a, b kafkatest.Record) int {
		if a.Partition != b.Partition {
			return int(a.Partition - b.Partition)
		}
		return int(a.Offset - b.Offset)
	})
	seen := map[string]bool{}
	last := map[string]uint64{}
	for _, r := range records {
		id := header(r, "wef.id")
		if seen[id] {
			duplicated++
			continue
		}
		seen[id] = true
		var n uint64
		fmt.Sscan(header(r, "wef.record_id"), &n)
		stream := string(r.Key) + "\x00" + header(r, "wef.channel")
		if n != 0 && n <= last[stream] {
			t.Errorf("order broken: host %s, channel %s: record %d after %d", r.Key, header(r, "wef.channel"), n, last[stream])
		}
		last[stream] = n
		if string(r.Key) != header(r, "wef.client") || header(r, "wef.identity") != "verified" {
			t.Errorf("key %s, client %s, identity %s", r.Key, header(r, "wef.client"), header(r, "wef.identity"))
		}
	}
	missing := 0
	for id := range acked {
		if !seen[id] {
			missing++
		}
	}
	if missing > 0 {
		t.Errorf("%d of %d acknowledged events are not in Kafka", missing, len(acked))
	}
	t.Logf("topic %s: %d records, %d acknowledged, %d missing, %d duplicated", topic, len(records), len(acked), missing, duplicated)
	return records, duplicated
}

// TestStraightLine runs the built program: serve, real Kafka, 50 hosts, 20,000 recorded events; what was acknowledged is what
// is consumed, every value as it was sent, the order of each host kept.
func TestStraightLine(t *testing.T) {
	files, lines := recorded(t)
	kafka := kafkatest.Start(t)
	kafka.CreateTopic("wef.dead", 1, nil)
	sent := map[string]bool{}
	trees := map[string]bool{}
	for _, line := range lines {
		sent[unstamp(line)] = true
		trees[tree(t, unstamp(line))] = true
	}
	for _, format := range []string{"xml", "json"} {
		for _, sldc := range []string{"on", "off"} {
			t.Run(format+" sldc "+sldc, func(t *testing.T) {
				name := format + "-sldc-" + sldc
				topic := "wef." + name
				kafka.CreateTopic(topic, 6, nil)
				l := newLab(t, kafka.Addr(), name, queryOf(lines), format)
				s := l.serve()
				args := []string{"--hosts", "50", "--events", "20000", "--sldc=" + sldc}
				for _, f := range files {
					args = append(args, "--corpus", f)
				}
				report, acked := l.simulate(args...).wait()
				s.stop(t)
				if report.Events.Acked != 20000 || len(acked) != 20000 {
					t.Errorf("acked %d events, %d ids; want 20000", report.Events.Acked, len(acked))
				}
				records, duplicated := consumed(t, kafka.Addr(), topic, acked)
				if len(records) != len(acked) || duplicated != 0 {
					t.Errorf("consumed %d records, %d of them duplicates; acknowledged %d", len(records), duplicated, len(acked))
				}
				for _, r := range records {
					if format == "xml" && !sent[unstamp(string(r.Value))] {
						t.Fatalf("not as it was sent: %s", r.Value)
					}
					if format == "json" && !trees[rebuilt(t, r.Value)] {
						t.Fatalf("not rebuilt to what was sent: %s", r.Value)
					}
				}
				if dead := kafkatest.ReadAll(t, kafka.Addr(), "wef.dead"); len(dead) > 0 {
					t.Errorf("%d dead letters; the first: %s: %s", len(dead), header(dead[0], "wef.error"), dead[0].Value)
				}
			})
		}
	}
}

// TestKill9 ends the collector with kill -9 in the middle of a run and starts it again: hosts notice and go on, and nothing that
// was acknowledged is missing.
func TestKill9(t *testing.T) {
	kafka := kafkatest.Start(t)
	kafka.CreateTopic("wef.lab", 6, nil)
	kafka.CreateTopic("wef.dead", 1, nil)
	l := newLab(t, kafka.Addr(), "lab", sysmonQuery, "json")
	s := l.serve()
	f := l.simulate("--hosts", "50", "--events", "60000", "--batch", "20")
	for i := range 3 {
		waitAcked(t, f, (i+1)*12000)
		s.kill()
		s = l.serve()
	}
	report, acked := f.wait()
	s.stop(t)
	if report.Batches.Retried == 0 {
		t.Error("no host had to retry: the kill came when nothing was going on")
	}
	consumed(t, kafka.Addr(), "wef.lab", acked)
}

// TestKafkaAway stops Kafka for 20 s in the middle of a run: hosts are told 503, memory stays flat, and afterwards everything
// arrives.
func TestKafkaAway(t *testing.T) {
	kafka := kafkatest.Start(t)
	kafka.CreateTopic("wef.lab", 6, nil)
	kafka.CreateTopic("wef.dead", 1, nil)
	l := newLab(t, kafka.Addr(), "lab", sysmonQuery, "json")
	s := l.serve()
	f := l.simulate("--hosts", "50", "--events", "40000", "--rate", "4000", "--batch", "50")
	waitAcked(t, f, 8000)
	before := s.resident(t)
	kafka.Stop()
	away := time.NewTimer(20 * time.Second)
	<-away.C // the outage itself, not a wait for something to happen
	after := s.resident(t)
	kafka.Start()
	report, acked := f.wait()
	t.Logf("peak memory %d MiB before, %d MiB after 20 s without Kafka; answers %v", before, after, report.Status)
	if report.Status["503"] == 0 {
		t.Error("no host was told 503")
	}
	if after > before+64 {
		t.Errorf("memory grew from %d to %d MiB while Kafka was away", before, after)
	}
	s.stop(t)
	consumed(t, kafka.Addr(), "wef.lab", acked)
}

const sysmonQuery = `<QueryList><Query Id="0"><Select Path="Microsoft-Windows-Sysmon/Operational">*</Select></Query></QueryList>`

// waitAcked returns when the fleet's list of acknowledged events holds n lines, or the fleet has ended.
func waitAcked(t *testing.T, f *fleet, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if info, err := os.Stat(f.ackedFile()); err == nil && info.Size() >= int64(n)*33 {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("fewer than %d events acknowledged after 90 s\n%s", n, f.stderr.String())
		}
	}
}
