package simulator_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRetry: a refused batch is sent again after ConnectionRetry, the same events under a new message, Total times at most.
func TestRetry(t *testing.T) {
	for _, c := range []struct {
		name    string
		refused int
		acked   int64
	}{{"in time", 3, 30}, {"too often", 4, 10}} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, start func(...offered) *collector) {
				collector := start(offered{bookmark: "earliest", retries: 3, retryPause: time.Minute})
				left := c.refused
				collector.refuse = func(_ int, s step) int {
					if s.action != "Events" || len(collector.steps) < 4 || left == 0 {
						return 0
					}
					left--
					return 503
				}
				f := collector.fleet()
				f.Events, f.Batch = 30, 10
				report := run(t, f)
				sent := collector.seen("Events")[1 : 1+min(c.refused+1, 4)]
				ids := map[string]bool{}
				for i, s := range sent {
					if d := cmp.Diff(sent[0].events, s.events); d != "" || s.bookmark != sent[0].bookmark {
						t.Errorf("attempt %d sends something else: %s", i, d)
					}
					if got := s.at.Sub(sent[0].at); got != time.Duration(i)*time.Minute {
						t.Errorf("attempt %d after %v", i, got)
					}
					for _, id := range regexp.MustCompile(`<(?:a:MessageID|p:OperationID s:mustUnderstand="false")>([^<]*)<`).FindAllStringSubmatch(s.text, -1) {
						ids[id[1]] = true
					}
				}
				if len(ids) != 2*len(sent) {
					t.Errorf("%d ids in %d requests", len(ids), len(sent))
				}
				if report.Events.Acked != c.acked || report.Batches.Retried != 3 || int(report.Batches.Refused) != c.refused || report.OK() != (c.acked == 30) {
					t.Errorf("%+v", report)
				}
				if gaveUp := report.Errors["gave_up"] == 1; gaveUp == report.OK() {
					t.Errorf("%+v", report.Errors)
				}
			})
		})
	}
}

// TestRetryInterval: tests need not wait as long as the subscription says.
func TestRetryInterval(t *testing.T) {
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		c := start(offered{bookmark: "earliest"})
		c.refuse = func(n int, s step) int { return map[bool]int{true: 503}[n == 2] }
		f := c.fleet()
		f.Events, f.RetryInterval = 1, time.Second
		run(t, f)
		if sent := c.seen("Events"); len(sent) != 2 || sent[1].at.Sub(sent[0].at) != time.Second {
			t.Error(c.story())
		}
	})
}

// TestGivingUp lasts until the next refresh, when the same events are sent first.
func TestGivingUp(t *testing.T) {
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		c := start(offered{bookmark: "earliest", retries: 1, retryPause: time.Second, maxTime: 10 * time.Second})
		begun := time.Now()
		c.refuse = func(_ int, s step) int {
			if s.action == "Events" && time.Since(begun) < time.Minute {
				return 503
			}
			return 0
		}
		f := c.fleet()
		f.Rate, f.Batch, f.Duration, f.Refresh = 1, 5, 20*time.Minute, 10*time.Minute
		report := run(t, f)
		sent := c.seen("Events")
		if len(sent) < 4 || sent[2].at.Sub(begun) != 10*time.Minute || !cmp.Equal(sent[2].events, sent[0].events) {
			t.Error(c.story())
		}
		numbers(t, sent[2:], 1)
		if report.Errors["gave_up"] != 1 || !report.OK() || len(c.seen("Heartbeat")) != 2 {
			t.Errorf("%+v", report)
		}
	})
}

// numbers wants record ids without gaps.
func numbers(t *testing.T, steps []step, next int) {
	t.Helper()
	for _, s := range steps {
		for _, e := range s.events {
			if got := find(reRecord, e); got != fmt.Sprint(next) {
				t.Fatalf("record %s, want %d", got, next)
			}
			next++
		}
	}
}

// TestDeliveryRefused makes a source give up at once.
func TestDeliveryRefused(t *testing.T) {
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		c := start(offered{bookmark: "earliest"})
		f := c.fleet()
		f.Events = 10
		c.fault = `<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:DeliveryRefused</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="en-US">No.</s:Text></s:Reason></s:Fault>`
		if report := run(t, f); len(c.seen("Events")) != 1 || report.Events.Unacked != 10 || report.Errors["gave_up"] != 1 {
			t.Errorf("%+v\n%s", report, c.story())
		}
	})
}

// TestLostConnection: a host connects again at once and sends the same events.
func TestLostConnection(t *testing.T) {
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		c := start(offered{bookmark: "earliest"})
		c.refuse = func(n int, s step) int { return map[bool]int{true: -1}[n == 3] }
		f := c.fleet()
		f.Events, f.Batch = 20, 10
		report := run(t, f)
		sent := c.seen("Events")
		if len(sent) != 3 || sent[1].conn == sent[2].conn || !sent[1].at.Equal(sent[2].at) || !cmp.Equal(sent[1].events, sent[2].events) {
			t.Error(c.story())
		}
		if !report.OK() || report.Batches.Retried != 1 || report.Errors["lost"] != 1 {
			t.Errorf("%+v", report)
		}
	})
}

// TestTimeout: no answer within 60 s is a failure.
func TestTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		c := start(offered{bookmark: "earliest", retryPause: time.Second, retries: 1})
		c.mute = 2
		f := c.fleet()
		f.Events = 10
		report := run(t, f)
		if sent := c.seen("Events"); len(sent) != 2 || sent[1].at.Sub(sent[0].at) != 61*time.Second {
			t.Error(c.story())
		}
		if !report.OK() || report.Errors["timeout"] != 1 || report.Latency.Max < 61000 {
			t.Errorf("%+v", report)
		}
	})
}

// TestHeartbeats come when nothing else does.
func TestHeartbeats(t *testing.T) {
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		c := start(offered{bookmark: "earliest", heartbeats: time.Minute, maxTime: time.Second})
		f := c.fleet()
		f.Rate, f.Duration, f.Refresh = 1.0/150, 10*time.Minute, time.Hour // an event every 150 s
		report := run(t, f)
		beats := c.seen("Heartbeat")
		if report.Heartbeats != int64(len(beats)) || len(beats) < 9 || report.Events.Acked < 4 {
			t.Errorf("%+v", report)
		}
		var last time.Time
		for _, s := range c.seen("")[1:] {
			if !last.IsZero() && s.at.Sub(last) > time.Minute {
				t.Errorf("silence of %v", s.at.Sub(last))
			}
			last = s.at
		}
	})
}

// TestRefresh: same version, nothing happens; another one, a new subscription; none, an end.
func TestRefresh(t *testing.T) {
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		first := offered{bookmark: "earliest", maxTime: time.Second}
		c := start(first)
		f := c.fleet()
		f.Rate, f.Duration, f.Refresh = 1, 4*time.Minute+30*time.Second, time.Minute
		time.AfterFunc(90*time.Second, func() {
			changed := first
			changed.version, changed.bookmark = version2, `<BookmarkList><Bookmark Channel="Microsoft-Windows-Sysmon/Operational" RecordId="100" IsCurrent="true"/></BookmarkList>`
			c.offer(changed)
		})
		time.AfterFunc(200*time.Second, func() { c.offer() })
		report := run(t, f)
		if report.Enumerations != 5 {
			t.Errorf("%+v", report)
		}
		var shapes []string // of the connections
		for i := 1; i <= c.conns; i++ {
			shape := ""
			for _, s := range c.seen("") {
				if s.conn == i && !strings.HasSuffix(shape, s.action+" ") {
					shape += s.action + " "
				}
			}
			shapes = append(shapes, strings.TrimSpace(shape))
		}
		delivery := "Heartbeat Events SubscriptionEnd"
		if d := cmp.Diff([]string{"Enumerate", delivery, "Enumerate", "Enumerate", delivery, "Enumerate", "Enumerate"}, shapes); d != "" {
			t.Error(d, c.story())
		}
		ends := c.seen("SubscriptionEnd")
		for _, s := range ends {
			if !strings.Contains(s.text, "/SourceCancelling<") {
				t.Error(s.text)
			}
		}
		numbers(t, c.seen("Events"), 1)
		if !report.OK() {
			t.Errorf("%+v", report)
		}
	})
}

// TestTwoSubscriptions each have their connection; together they send what there is to send.
func TestTwoSubscriptions(t *testing.T) {
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		low := `<QueryList><Query Id="0"><Select Path="Microsoft-Windows-Sysmon/Operational">*[System[(EventID &lt;= 10)]]</Select></Query></QueryList>`
		high := `<QueryList><Query Id="0"><Select Path="Microsoft-Windows-Sysmon/Operational">*</Select><Suppress Path="Microsoft-Windows-Sysmon/Operational">*[System[EventID&lt;=10]]</Suppress></Query></QueryList>`
		c := start(offered{bookmark: "earliest", query: low}, offered{id: guidB, bookmark: "earliest", query: high})
		f := c.fleet()
		f.Events, f.Rate, f.Batch = 100, 100, 10
		report := run(t, f)
		if !report.OK() || report.Events.Acked != 100 || c.conns != 3 {
			t.Errorf("%+v\n%s", report, c.story())
		}
		id := regexp.MustCompile(`<EventID>(\d+)<`)
		for _, s := range c.seen("Events") {
			for _, e := range s.events {
				if n := find(id, e); (len(n) == 1 || n == "10") != strings.HasSuffix(s.path, guidA) {
					t.Errorf("event %s on %s", n, s.path)
				}
			}
		}
	})
}

// TestWarnings about a subscription come once, not once a host.
func TestWarnings(t *testing.T) {
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		c := start(offered{bookmark: "earliest", envelope: 7500, query: `<QueryList><Query Id="0"><Select Path="Microsoft-Windows-Sysmon/Operational">*[EventData[Data='x']]</Select></Query></QueryList>`})
		f := c.fleet()
		var log bytes.Buffer
		f.Hosts, f.Events, f.Log = 5, 10, slog.New(slog.NewTextHandler(&log, nil))
		if report := run(t, f); !report.OK() || strings.Count(log.String(), "taken as *") != 1 || strings.Count(log.String(), "left out") != 1 {
			t.Errorf("%+v\n%s", report, log.String())
		}
	})
}

// TestRefusedOffers: what Windows would not accept is not delivered to, and the report says why.
func TestRefusedOffers(t *testing.T) {
	for reason, o := range map[string]offered{
		"issuer":    {issuer: "9F1C0B6E5A47D3208E14C6B97A52F0D18834EE67"},
		"policy":    {profile: "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/http/spnego-kerberos"},
		"address":   {notify: "wec01/wsman"},
		"query":     {query: "<Other/>"},
		"bookmark":  {bookmark: "<Other/>"},
		"no_events": {query: `<QueryList><Query Id="0"><Select Path="Security">*</Select></Query></QueryList>`, bookmark: "earliest"},
	} {
		t.Run(reason, func(t *testing.T) {
			bubble(t, func(t *testing.T, start func(...offered) *collector) {
				c := start(o)
				f := c.fleet()
				f.Events = 10
				if report := run(t, f); report.OK() || report.Errors[reason] != 1 || len(c.seen("Events")) != 0 || report.Enumerations != 1 {
					t.Errorf("%+v\n%s", report, c.story())
				}
			})
		})
	}
	t.Run("remote", func(t *testing.T) {
		bubble(t, func(t *testing.T, start func(...offered) *collector) {
			c := start(offered{notify: "https://192.0.2.7:5986/wsman/subscriptions/x"})
			f := c.fleet()
			f.Events, f.Connect, f.URL = 1, "", "https://localhost:5986/wsman"
			if report := run(t, f); report.Errors["remote"] != 1 || c.conns != 1 {
				t.Errorf("%+v", report)
			}
		})
	})
	t.Run("heartbeat", func(t *testing.T) {
		bubble(t, func(t *testing.T, start func(...offered) *collector) {
			c := start(offered{retries: 2, retryPause: time.Second})
			c.refuse = func(n int, _ step) int { return map[bool]int{true: 404}[n > 0] }
			f := c.fleet()
			f.Events = 1
			if report := run(t, f); report.Errors["heartbeat"] != 1 || report.Errors["refused"] != 3 || report.Status["404"] != 3 || len(c.seen("Events")) > 0 {
				t.Errorf("%+v", report)
			}
		})
	})
}

// TestLateCollector: a first enumeration is tried again soon, and not for ever.
func TestLateCollector(t *testing.T) {
	for _, late := range []time.Duration{20 * time.Second, time.Hour} {
		bubble(t, func(t *testing.T, start func(...offered) *collector) {
			c := start(offered{bookmark: "earliest"})
			f := c.fleet()
			begun := time.Now()
			f.Events = 1
			f.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if time.Since(begun) < late {
					return nil, errors.New("connection refused")
				}
				return c.dial(ctx, network, address)
			}
			report := run(t, f)
			if report.OK() != (late < time.Minute) || report.Errors["connect"] < 4 || time.Since(begun) > 2*time.Minute {
				t.Errorf("after %v: %+v", time.Since(begun), report)
			}
		})
	}
}

// TestFewDoors: not all hosts connect at once.
func TestFewDoors(t *testing.T) {
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		c := start(offered{bookmark: "earliest"})
		f := c.fleet()
		f.Hosts, f.Events = 60, 60
		var now, most int
		f.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			c.mu.Lock()
			now++
			most = max(most, now)
			c.mu.Unlock()
			time.Sleep(time.Second) // virtual
			c.mu.Lock()
			now--
			c.mu.Unlock()
			return c.dial(ctx, network, address)
		}
		if report := run(t, f); !report.OK() || most > 16 {
			t.Errorf("%d at once: %+v", most, report)
		}
	})
}
