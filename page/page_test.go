package page

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var moment = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// node is a snapshot with hosts, of which the page shows at most 100.
func node(hosts int) *Snapshot {
	s := &Snapshot{Now: moment, Version: "v1.2.3", Node: "wec01", Started: moment.Add(-76 * time.Hour), Status: "ok", Step: 10 * time.Second,
		States:       []Count{{"active", 0}, {"alive", 0}, {"late", 0}, {"dead", 0}, {"ended", 0}, {"not_delivering", 0}},
		Listeners:    []Listener{{"tls", ":5986", "certificates", hosts / 2}, {"kerberos", ":5985", "Kerberos", hosts - hosts/2}},
		Certificates: []Certificate{{"server", "wec01.corp.example", moment.AddDate(1, 0, 0)}, {"ca", "Corp Issuing CA 2", moment.AddDate(0, 0, 12)}},
		Keys:         []Key{{"HTTP/wec01.corp.example@CORP.EXAMPLE", "aes256-cts-hmac-sha1-96", 4}},
		Kafka:        Kafka{Circuit: "closed", LastAck: moment.Add(-800 * time.Millisecond), Buffered: 3 << 20, Capacity: 128 << 20},
		Store:        Store{Backend: "bbolt", Ready: true}}
	if hosts == 0 {
		return s
	}
	s.States[0].Hosts, s.States[1].Hosts, s.States[2].Hosts, s.States[5].Hosts = hosts-hosts/5-2*(hosts/50), hosts/5, hosts/50, hosts/50
	s.Found, s.Published, s.Dead = hosts, 12_345_678, 3
	for i := range 360 {
		s.EventsPerSecond = append(s.EventsPerSecond, float64(hosts)*0.4*(1.2+math.Sin(float64(i)/30)+0.3*math.Sin(float64(i*i))))
		s.LatencySeconds = append(s.LatencySeconds, 0.012+0.004*math.Sin(float64(i)/11)*math.Sin(float64(i*i)))
	}
	for i := range min(hosts, 100) {
		state := s.States[[]int{0, 0, 0, 1, 2, 5}[i%6]].State
		s.Hosts = append(s.Hosts, Host{Name: fmt.Sprintf("pc-%05d.corp.example", i), State: state, Auth: "tls", Address: fmt.Sprintf("10.1.%d.%d", i/250, i%250),
			Subscriptions: "sysmon, windows-baseline", LastHeard: moment.Add(-time.Duration(i) * 13 * time.Second), LastEvent: moment.Add(-time.Duration(i) * time.Minute)})
	}
	if hosts > 100 {
		s.Next = s.Hosts[99].Name
	}
	s.Subscriptions = []Subscription{{"sysmon", "wef.sysmon", "ecs", true, hosts * 3 / 4, hosts, 11_000_000, 3, moment.Add(-time.Second)},
		{"windows-baseline", "wef.windows-baseline", "json", true, hosts / 2, hosts, 1_345_678, 0, moment.Add(-9 * time.Second)}, {Name: "forwarding-health", Topic: "wef.forwarding-health", Format: "json"}}
	s.Refusals = []Refusal{{moment.Add(-40 * time.Second), "", "10.9.9.9", "tls", 0, "unknown_ca", "the client's certificate comes from an authority that client_ca does not have", "add the issuing CA to client_ca, or correct IssuerCA in the policy"},
		{moment.Add(-400 * time.Second), "PC-00017$@CORP.EXAMPLE", "10.1.0.17", "kerberos", 401, "kvno", "the ticket was made with key version 5, the keytab has 4", "export the keytab again and keep the old keys"}}
	return s
}

// away is a node whose Kafka does not answer.
func away() *Snapshot {
	s := node(3)
	s.Status, s.Kafka = "degraded", Kafka{Circuit: "open", LastAck: moment.Add(-7 * time.Minute), Oldest: 6 * time.Minute, Buffered: 96 << 20, Capacity: 128 << 20}
	s.Troubles = []Trouble{{"kafka", "kafka [kafka1.corp.example:9093]: dial tcp 10.1.2.3:9093: connect: connection refused", "bring a broker back, or mend kafka.brokers; `wefka doctor` looks at each. Hosts keep their events and come again"}}
	for i := 330; i < 360; i++ {
		s.EventsPerSecond[i], s.LatencySeconds[i] = 0, 0
	}
	return s
}

func text(t *testing.T, s *Snapshot) string {
	t.Helper()
	var b bytes.Buffer
	if err := Render(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPageSays(t *testing.T) {
	for name, c := range map[string]struct {
		s    *Snapshot
		want []string
	}{
		"empty": {node(0), []string{"Ready, and no host has come yet", "wefka check", "Subscriptions"}},
		"three": {node(3), []string{"All is well", "pc-00002.corp.example", "12\u202f345\u202f678", "3 dead letters", "Corp Issuing CA 2", "unknown_ca", "export the keytab again"}},
		"many":  {node(100_000), []string{"100\u202f000 found", "after=pc-00099.corp.example"}},
		"away":  {away(), []string{"Kafka is away: hosts keep their events", "connection refused", "wefka doctor", "7 min ago"}},
	} {
		page := text(t, c.s)
		for _, want := range c.want {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %q", name, want)
			}
		}
	}
}

// What hosts and strangers say of themselves stays text, and the page needs nothing from outside.
func TestPageIsSafe(t *testing.T) {
	s := node(3)
	const hostile = `"><script>alert(1)</script><img src=x onerror=y>`
	s.Hosts[0].Name, s.Refusals[0].Message, s.Refusals[0].Source, s.Search, s.State = hostile, hostile, hostile, hostile, hostile
	page := text(t, s)
	for _, bad := range []string{"<script", "<img", "onerror=y>", "http://", "https://", "javascript:", " style="} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if !strings.Contains(Policy, "default-src 'none'") || strings.Contains(Policy, "unsafe") {
		t.Errorf("policy: %s", Policy)
	}
}

// Chromium draws the page, in both widths and both schemes, and nothing sticks out. PAGE_PICTURES keeps what it drew in that folder.
func TestPageInABrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" || slices.Contains(strings.Split(os.Getenv("WEFKA_REQUIRE"), ","), "chromium") {
			t.Fatal("chromium is not installed; .ci/peers installs it")
		}
		t.Skip("chromium is not installed; .ci/peers installs it")
	}
	dir := os.Getenv("PAGE_PICTURES")
	if dir == "" {
		dir = t.TempDir()
	}
	for name, s := range map[string]*Snapshot{"empty": node(0), "three": node(3), "many": node(100_000), "away": away()} {
		if err := os.WriteFile(filepath.Join(dir, name+".html"), []byte(text(t, s)), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, width := range []int{390, 1280} {
			// A frame, since headless windows are no narrower than 500; it writes down how far the page reaches.
			frame := filepath.Join(dir, fmt.Sprintf("%s-%d.html", name, width))
			content := fmt.Sprintf(`<!doctype html><style>body{margin:0}</style><iframe src="%s.html" width=%d height=1800 style="border:0" `+
				`onload="document.title='reach '+contentDocument.documentElement.scrollWidth+'.'"></iframe>`, name, width)
			if err := os.WriteFile(frame, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
			browse := func(args ...string) string {
				t.Helper()
				args = append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--allow-file-access-from-files",
					fmt.Sprintf("--window-size=%d,1800", max(width, 500)), "--user-data-dir=" + t.TempDir()}, args...)
				out, err := exec.Command(chromium, append(args, "file://"+frame)...).Output()
				if err != nil {
					t.Fatal(err)
				}
				return string(out)
			}
			if dom := browse("--dump-dom"); !strings.Contains(dom, fmt.Sprintf("<title>reach %d.</title>", width)) {
				t.Errorf("%s sticks out of a window of %d: %.200s", name, width, dom)
			}
			for scheme, setting := range map[string]string{"dark": "0", "light": "1"} {
				picture := filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
				browse("--blink-settings=preferredColorScheme="+setting, "--screenshot="+picture)
				if info, err := os.Stat(picture); err != nil || info.Size() < 5000 {
					t.Errorf("%s: nothing is drawn: %v", picture, err)
				}
			}
		}
	}
}

func BenchmarkRender(b *testing.B) {
	s := node(100_000)
	for b.Loop() {
		if err := Render(io.Discard, s); err != nil {
			b.Fatal(err)
		}
	}
}
