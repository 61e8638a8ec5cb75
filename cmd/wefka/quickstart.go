package main

import (
	"context"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/wefka/wefka/certs"
	"github.com/wefka/wefka/output"
	"github.com/wefka/wefka/output/producer"
	"github.com/wefka/wefka/simulator"
	"github.com/wefka/wefka/wsman"
)

const (
	quickTopic = "wef.quickstart"
	quickDead  = "wef.quickstart.dead"
)

// quickstart is the whole line in one process on loopback: authority, collector, hosts, broker, reader.
type quickstart struct {
	p      *program
	events int64
	hosts  int
	rate   float64
	format string
	corpus []string
	kafka  string
	dir    string
}

func (p *program) quickstartCommand() *cobra.Command {
	q := &quickstart{p: p}
	c := &cobra.Command{
		Use:   "quickstart",
		Short: "See it work: simulated hosts, collector and a demo broker in one process",
		Long: `Makes a throw-away certificate authority, starts the collector on loopback and a few simulated Windows hosts that send recorded Sysmon
events over mutual TLS, exactly as Windows does, and prints each event as it is read back from Kafka: stdout has the events, one a
line, stderr has everything else. Needs no Windows and no Kafka: without --kafka the broker is a built-in demo, one process without
replication, not for production.`,
		Example: "  wefka quickstart\n  wefka quickstart --events 10 | jq .Sysmon.Event\n  wefka quickstart --kafka localhost:9092 --rate 500",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return q.run(cmd.Context()) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.Int64Var(&q.events, "events", 0, "stop after so many events; 0: until interrupted")
	flags.IntVar(&q.hosts, "hosts", 3, "how many simulated hosts")
	flags.Float64Var(&q.rate, "rate", 5, "events a second of all hosts together")
	flags.StringVar(&q.format, "format", "json", "json, ecs or xml")
	flags.StringArrayVar(&q.corpus, "corpus", nil, "recorded events, .xmll or .xmll.gz (repeatable); default: a built-in sample")
	flags.StringVar(&q.kafka, "kafka", "", "address of a real Kafka instead of the demo broker; makes "+quickTopic+" and "+quickDead+" if missing")
	flags.StringVar(&q.dir, "dir", "", "keep certificates, configuration and state there; default: a temporary folder, removed at the end")
	return c
}

func (q *quickstart) say(format string, args ...any) {
	fmt.Fprintf(q.p.stderr, format+"\n", args...)
}

func (q *quickstart) run(ctx context.Context) error {
	if _, err := output.NewEncoder(q.format, output.Settings{}); err != nil {
		return usageError{fmt.Errorf("--format: %w", err)}
	}
	if q.dir == "" {
		dir, err := os.MkdirTemp("", "wefka-quickstart-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		q.dir = dir
	} else if err := os.MkdirAll(q.dir, 0o755); err != nil {
		return err
	}
	q.say("folder      %s", q.dir)
	if err := q.broker(ctx); err != nil {
		return err
	}
	authority, err := q.authority()
	if err != nil {
		return err
	}
	config, err := q.config()
	if err != nil {
		return err
	}
	var level slog.LevelVar
	log, err := q.p.logger(LogConfig{Level: "warn", Format: "auto"}, &level)
	if err != nil {
		return err
	}
	return q.line(ctx, config, authority, log)
}

// line runs collector, reader and hosts, and counts what came back.
func (q *quickstart) line(ctx context.Context, config *Config, authority *certs.Authority, log *slog.Logger) error {
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	up := make(chan *house, 1)
	ended := make(chan error, 1)
	go func() { ended <- serve(serving, config, log, nil, func(h *house) { up <- h }) }()
	var h *house
	select {
	case h = <-up:
	case err := <-ended:
		return err
	}
	address := h.listeners[0].socket.Addr().(*net.TCPAddr)
	q.say("collector   https://localhost:%d%s (mutual TLS), metrics http://%s/metrics", address.Port, wsman.EnumeratePath, h.admin.tcp.Addr())
	q.say("hosts       %d simulated, %g events a second; format %s; Ctrl-C ends\n", q.hosts, q.rate, q.format)

	back := newReadBack(q.p, q.format)
	if err := back.start(serving, q.kafka); err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AddCert(authority.Certificate)
	fleet := &simulator.Fleet{URL: fmt.Sprintf("https://localhost:%d%s", address.Port, wsman.EnumeratePath), CA: pool, Issuer: authority,
		Hosts: q.hosts, Name: "ws-%02d.lab.example", Rate: q.rate, Events: q.events, Corpus: q.corpus, Seed: 1, Batch: max(1, int(q.rate)), Log: log, Acked: back.acked()}
	report, err := fleet.Run(ctx)
	if err != nil {
		return err
	}
	back.wait(5 * time.Second)
	stop()
	if err := <-ended; err != nil {
		return err
	}
	lost, twice := back.verdict()
	q.say("\n%d events sent, %d acked, %d read back from Kafka, %d lost, %d duplicated", report.Events.Sent, report.Events.Acked, back.count(), lost, twice)
	if lost > 0 {
		return fmt.Errorf("%d acknowledged events did not come back from Kafka", lost)
	}
	if q.events > 0 && int64(back.count()) < q.events && ctx.Err() == nil {
		return fmt.Errorf("%d of %d events were read back; %v", back.count(), q.events, report.Errors)
	}
	return nil
}

// broker starts the demo broker, or makes the topics on a real one.
func (q *quickstart) broker(ctx context.Context) error {
	if q.kafka == "" {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, quickTopic, quickDead))
		if err != nil {
			return fmt.Errorf("demo broker: %w", err)
		}
		q.kafka = cluster.ListenAddrs()[0]
		q.say("kafka       %s: built-in demo broker, one process, no replication, not for production", q.kafka)
		return nil
	}
	p, err := producer.New(producer.Config{Brokers: []string{q.kafka}, ClientID: "wefka", Topics: []string{quickTopic, quickDead}, Compression: "none",
		DeliveryTimeout: 10 * time.Second, Buffer: 8 << 20})
	if err != nil {
		return err
	}
	defer p.Close(ctx)
	within, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := p.CreateTopics(within, 3, -1, quickTopic, quickDead); err != nil {
		return fmt.Errorf("make topics on %s: %w", q.kafka, err)
	}
	q.say("kafka       %s: topics %s and %s", q.kafka, quickTopic, quickDead)
	return nil
}

// authority makes the certificates, or takes those of an earlier run with the same --dir.
func (q *quickstart) authority() (*certs.Authority, error) {
	authority, err := certs.Load(q.dir)
	if errors.Is(err, os.ErrNotExist) {
		if authority, err = certs.New("wefka quickstart", 30); err == nil {
			err = authority.Save(q.dir)
		}
	}
	if err != nil {
		return nil, err
	}
	pair, err := authority.IssueServer([]string{"localhost", "127.0.0.1"}, 30)
	if err != nil {
		return nil, err
	}
	return authority, pair.Save(filepath.Join(q.dir, "server.pem"), filepath.Join(q.dir, "server.key"))
}

const quickConfig = `# written by wefka quickstart
node: quickstart
subscriptions: subscriptions.d
listeners:
  - name: tls
    address: 127.0.0.1:0
    tls: {certificate: server.pem, key: server.key, client_ca: ca.pem}
kafka: {brokers: ["%s"], topic: %s, default_topic: %s, dead_letter_topic: %s}
state: {path: state.db}
admin: {address: "127.0.0.1:0", socket: ""}
`

const quickSubscription = `name: sysmon
id: 6f7b6d7e-5d0c-4c3b-9a51-0d8d3a7f2c10
query: |
  %s
read_existing_events: true
delivery: {max_time: 1s, retry: {count: 5, interval: 5s}}
output: {format: %s}
`

// query selects every channel of the recorded events.
func (q *quickstart) query() (string, error) {
	channels, err := (&simulator.Fleet{Corpus: q.corpus, Log: slog.New(slog.DiscardHandler)}).Channels()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(`<QueryList><Query Id="0">`)
	for _, c := range channels {
		b.WriteString(`<Select Path="`)
		if err := xml.EscapeText(&b, []byte(c)); err != nil {
			return "", err
		}
		b.WriteString(`">*</Select>`)
	}
	b.WriteString(`</Query></QueryList>`)
	return b.String(), nil
}

// config writes the files that an administrator would write, and loads them as serve does.
func (q *quickstart) config() (*Config, error) {
	query, err := q.query()
	if err != nil {
		return nil, err
	}
	files := map[string]string{
		"wefka.yaml":                  fmt.Sprintf(quickConfig, q.kafka, quickTopic, quickTopic, quickDead),
		"subscriptions.d/sysmon.yaml": fmt.Sprintf(quickSubscription, query, q.format),
	}
	if err := os.MkdirAll(filepath.Join(q.dir, "subscriptions.d"), 0o755); err != nil {
		return nil, err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(q.dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	q.p.config = filepath.Join(q.dir, "wefka.yaml")
	config, err := q.p.loadConfig()
	if err == nil {
		err = errors.Join(config.Validate()...)
	}
	return config, err
}
