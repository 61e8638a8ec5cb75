package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/wefka/wefka/certs"
	"github.com/wefka/wefka/simulator"
)

// simulateFlags are the command line of simulate that is not the fleet's own.
type simulateFlags struct {
	ca, issueCA, issueKey, cert, key string
	acked, report                    string
	sldc                             string
	verify                           verifyFlags
}

func (p *program) simulateCommand() *cobra.Command {
	var f simulateFlags
	fleet := &simulator.Fleet{}
	c := &cobra.Command{
		Use:   "simulate --url URL",
		Short: "Be N Windows hosts that forward recorded events",
		Long: `Behaves as Windows hosts do: enumerates subscriptions, opens a connection for each, sends a heartbeat, then batches of events, one
request in flight, retried until acknowledged. Of each recorded event only Computer, EventRecordID and TimeCreated are replaced.
Ends with a JSON report; exit 0 only if something was sent and everything was acknowledged. With --verify it reads back from Kafka what
the hosts were promised: exit 3 if an acknowledged event is not there.`,
		Example: `  wefka simulate --url https://localhost:5986/wsman/SubscriptionManager/WEC --ca ca.pem --issue-ca ca.pem --issue-key ca.key \
      --hosts 50 --events 20000 --acked acked.txt --report report.json
  wefka simulate --url http://localhost:5985/wsman/SubscriptionManager/WEC --keytab hosts.keytab --spn HTTP/wec01.corp.example --events 1000 \
      --verify --kafka kafka1.corp.example:9092 --topics wef.sysmon,wef.dead`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.simulate(cmd, fleet, &f) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&fleet.URL, "url", "", "collector, as in the policy string (required)")
	flags.StringVar(&fleet.Connect, "connect", "", "ADDR[:PORT]: dial there whatever the URLs say")
	flags.BoolVar(&fleet.AllowRemote, "allow-remote", false, "allow a collector that is not on loopback")
	flags.StringVar(&f.ca, "ca", "", "CA of the server's certificate, PEM")
	flags.StringVar(&f.issueCA, "issue-ca", "", "CA that issues a client certificate for each host, PEM")
	flags.StringVar(&f.issueKey, "issue-key", "", "its key, PEM")
	flags.StringVar(&f.cert, "cert", "", "one client certificate for all hosts, PEM")
	flags.StringVar(&f.key, "key", "", "its key, PEM")
	flags.StringVar(&fleet.Keytab, "keytab", "", "Kerberos instead of certificates: its principals ending in $ are the hosts")
	flags.StringVar(&fleet.Krb5Conf, "krb5-conf", "/etc/krb5.conf", "names their KDCs")
	flags.StringVar(&fleet.SPN, "spn", "", "service to ask tickets for; default: HTTP/ and the host of the URL")
	flags.BoolVar(&fleet.Negotiate, "negotiate", false, "Negotiate (SPNEGO) instead of Kerberos, as with TrustedHosts")
	flags.IntVar(&fleet.Hosts, "hosts", 1, "how many hosts; with --keytab all that are in it")
	flags.StringVar(&fleet.Name, "name", "sim-%05d.lab.example", "pattern of their names; with --keytab they are named after their principals")
	flags.Float64Var(&fleet.Rate, "rate", 0, "events a second of the whole fleet; 0: as fast as Acks come")
	flags.Int64Var(&fleet.Events, "events", 0, "stop after so many events in all; 0: no end")
	flags.DurationVar(&fleet.Duration, "duration", 0, "stop after so long; 0: no end")
	flags.IntVar(&fleet.Batch, "batch", 50, "events a request, never above what the subscription allows")
	flags.StringVar(&f.sldc, "sldc", "auto", "compress: auto (as offered), on or off")
	flags.Lookup("sldc").NoOptDefVal = "on"
	flags.BoolVar(&fleet.UTF8, "utf8", false, "send UTF-8 instead of UTF-16")
	flags.StringArrayVar(&fleet.Corpus, "corpus", nil, "recorded events, .xmll or .xmll.gz (repeatable); default: a built-in sample")
	flags.Uint64Var(&fleet.Seed, "seed", 1, "choice and order of the events repeat")
	flags.StringVar(&f.acked, "acked", "", "file for the wef.id of each acknowledged event, one a line")
	flags.StringVar(&f.report, "report", "", "file for the report; default: stdout")
	f.verify.register(c)
	return c
}

func (p *program) simulate(cmd *cobra.Command, fleet *simulator.Fleet, f *simulateFlags) (err error) {
	if fleet.URL == "" {
		return usagef("--url is missing")
	}
	if fleet.Events < 0 || fleet.Hosts < 1 || fleet.Batch < 1 || fleet.Rate < 0 || fleet.Duration < 0 {
		return usagef("--events, --rate and --duration are not negative; --hosts and --batch at least 1")
	}
	if fleet.SLDC, err = simulator.ParseSLDC(f.sldc); err != nil {
		return usageError{err}
	}
	if err := f.identities(cmd, fleet); err != nil {
		return err
	}
	var level slog.LevelVar
	if fleet.Log, err = p.logger(LogConfig{Level: "warn", Format: "auto"}, &level); err != nil {
		return err
	}
	if f.acked != "" {
		file, err := os.Create(f.acked)
		if err != nil {
			return fmt.Errorf("--acked: %w", err)
		}
		w := bufio.NewWriterSize(file, 1<<16)
		fleet.Acked = w
		defer func() { err = errors.Join(err, w.Flush(), file.Close()) }()
	}
	fleet.Progress = p.progress()
	verifier, err := p.verifier(cmd.Context(), &f.verify, fleet.Log)
	if err != nil {
		return err
	}
	if verifier != nil {
		defer verifier.close()
		fleet.Testify = verifier.Hear
	}
	result := simulation{}
	if result.Report, err = fleet.Run(cmd.Context()); err != nil {
		return err
	}
	if verifier != nil {
		if result.Verify, err = p.verdict(cmd.Context(), verifier); err != nil {
			return err
		}
	}
	return p.conclude(f.report, result)
}

// conclude writes the report and decides on the exit code.
func (p *program) conclude(report string, result simulation) error {
	out := p.stdout
	if report != "" && report != "-" {
		file, err := os.Create(report)
		if err != nil {
			return fmt.Errorf("--report: %w", err)
		}
		defer file.Close()
		out = file
	}
	if err := json.NewEncoder(out).Encode(result); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if result.Verify != nil && !result.Verify.OK() {
		return errProblems
	}
	if !result.OK() {
		return fmt.Errorf("%d events sent, %d of them not acknowledged", result.Events.Sent, result.Events.Unacked)
	}
	return nil
}

// identities gives the hosts their certificates and the CA that they trust, or leaves them to their keytab.
func (f *simulateFlags) identities(cmd *cobra.Command, fleet *simulator.Fleet) error {
	if fleet.Keytab != "" {
		for _, name := range []string{"ca", "issue-ca", "issue-key", "cert", "key", "name"} {
			if cmd.Flags().Changed(name) {
				return usagef("--keytab and --%s exclude each other", name)
			}
		}
		if !cmd.Flags().Changed("hosts") {
			fleet.Hosts = 0
		}
		return nil
	}
	for _, name := range []string{"krb5-conf", "spn", "negotiate"} {
		if cmd.Flags().Changed(name) {
			return usagef("--%s needs --keytab", name)
		}
	}
	if f.ca != "" {
		pem, err := os.ReadFile(f.ca)
		if err != nil {
			return fmt.Errorf("--ca: %w", err)
		}
		fleet.CA = x509.NewCertPool()
		if !fleet.CA.AppendCertsFromPEM(pem) {
			return fmt.Errorf("--ca: %s holds no certificate", f.ca)
		}
	}
	switch {
	case f.issueCA != "" && f.issueKey != "" && f.cert == "" && f.key == "":
		authority, err := certs.LoadAuthority(f.issueCA, f.issueKey)
		if err != nil {
			return fmt.Errorf("--issue-ca: %w", err)
		}
		fleet.Issuer = authority
	case f.cert != "" && f.key != "" && f.issueCA == "" && f.issueKey == "":
		pair, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return fmt.Errorf("--cert: %w", err)
		}
		fleet.Certificate = &pair
	default:
		return usagef("hosts need certificates or a keytab: give --issue-ca and --issue-key, or --cert and --key, or --keytab")
	}
	return nil
}

// progress prints a line every few seconds; on a terminal it stays one line.
func (p *program) progress() func(simulator.Snapshot) {
	tty := terminal(p.stderr)
	every := 10 * time.Second
	if tty {
		every = time.Second
	}
	var last time.Time
	return func(s simulator.Snapshot) {
		now := time.Now()
		if now.Sub(last) < every && !s.Done {
			return
		}
		last = now
		start, end := "", "\n"
		if tty {
			start, end = "\r", "   "
			if s.Done {
				end = "\n"
			}
		}
		hosts := fmt.Sprintf("%d hosts at work", s.Hosts)
		if s.Done {
			hosts = "done"
		}
		fmt.Fprintf(p.stderr, "%s%s, %d events sent, %d acked, %d retries%s", start, hosts, s.Sent, s.Acked, s.Retried, end)
	}
}
