package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wefka/wefka/certs"
	"github.com/wefka/wefka/output"
	"github.com/wefka/wefka/output/fetch"
	"github.com/wefka/wefka/output/producer"
	"github.com/wefka/wefka/subscriptions/compacted"
	"github.com/wefka/wefka/subscriptions/strict"
)

func (p *program) checkCommand() *cobra.Command {
	var online bool
	var format string
	c := &cobra.Command{
		Use:   "check",
		Short: "Validate configuration, subscriptions and certificates",
		Long: `Validates everything that serve would read, and opens no socket without --online. Prints the strings that go into the Windows
policy "Configure target Subscription Manager", one for each CA that may have issued the hosts' certificates.`,
		Example: "  wefka check --config wefka.yaml\n  wefka check --online --format json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := &report{p: p, format: format}
			switch format {
			case "text", "json", "github":
			default:
				return usagef("--format %q: use text, json or github", format)
			}
			config, err := p.loadConfig()
			if err != nil {
				if errors.As(err, new(*os.PathError)) {
					return err
				}
				r.problem("config", err)
				return r.end()
			}
			r.config(cmd.Context(), config, online)
			return r.end()
		},
	}
	c.Flags().BoolVar(&online, "online", false, "also ask Kafka and DNS")
	c.Flags().StringVar(&format, "format", "text", "text, json or github")
	return c
}

// githubEscape keeps a message on one line of a workflow command.
var githubEscape = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")

// finding is one thing that check has to say.
type finding struct {
	Status  string `json:"status"` // OK | WARN | FAIL
	Subject string `json:"subject"`
	Message string `json:"message"`

	at *strict.Error // where it stands, if that is known
}

type report struct {
	p        *program
	format   string
	findings []finding
	policies []string
	failed   bool
}

func (r *report) ok(subject, message string) {
	r.findings = append(r.findings, finding{Status: "OK", Subject: subject, Message: message})
}

func (r *report) warn(subject string, err error) { r.add("WARN", subject, err) }

func (r *report) problem(subject string, err error) {
	r.failed = true
	r.add("FAIL", subject, err)
}

// add takes joined errors one by one.
func (r *report) add(status, subject string, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			r.add(status, subject, e)
		}
		return
	}
	f := finding{Status: status, Subject: subject, Message: err.Error()}
	errors.As(err, &f.at)
	r.findings = append(r.findings, f)
}

func (r *report) config(ctx context.Context, c *Config, online bool) {
	problems := c.Validate()
	for _, err := range problems {
		r.problem("config", err)
	}
	if len(problems) == 0 {
		r.ok("config", r.p.config)
	}
	subs, warnings, err := c.loadSubscriptions()
	for _, w := range warnings {
		r.warn("subscriptions", w)
	}
	topics := []string{}
	if err == nil && len(problems) == 0 {
		topics, err = c.topics(subs)
	}
	for _, s := range subs {
		if int64(s.Delivery.MaxEnvelopeSize) > int64(c.Limits.Inflated) {
			r.warn("subscriptions", fmt.Errorf("%s: delivery.max_envelope_size is above limits.inflated: full envelopes would be refused", s.Name))
		}
		if topic, e := output.ParseTopic(cmp.Or(s.Output.Topic, c.Kafka.Topic)); e == nil && !topic.Static() && len(c.Kafka.Topics) == 0 {
			r.warn("subscriptions", fmt.Errorf("%s: topic %s names none of kafka.topics, which is empty: all of it goes to %s", s.Name, topic, c.Kafka.DefaultTopic))
		}
	}
	if err != nil {
		r.problem("subscriptions", err)
	} else {
		for _, s := range subs {
			r.ok("subscriptions", fmt.Sprintf("%s: version %s", s.Name, s.Version()))
		}
	}
	settings := c.settings()
	for i := range c.Routes {
		if len(problems) > 0 {
			break // it may be one of them that is wrong
		}
		r.ok("route", c.Routes[i].summary())
		if missing, _ := settings.Unlisted(&settings.Routes[i]); len(missing) > 0 {
			r.warn("route", fmt.Errorf("%s: not in kafka.topics, and so written to %s: %s", c.Routes[i].Name, settings.DefaultTopic, strings.Join(missing, ", ")))
		}
	}
	for i := range c.Listeners {
		if len(problems) > 0 {
			break // some would only be said again
		}
		switch l := &c.Listeners[i]; {
		case l.TLS != nil:
			r.tls(ctx, c, l, online)
		case l.Kerberos != nil:
			r.kerberos(ctx, c, l, online)
		}
	}
	if online && len(problems) == 0 && err == nil {
		r.kafka(ctx, c, topics)
	}
}

// refresh is the interval, in seconds, that the printed policy strings ask for.
const refresh = 900

func (r *report) tls(ctx context.Context, c *Config, l *ListenerConfig, online bool) {
	subject := "listener " + l.Name
	keeper := l.TLS.keeper(c)
	if err := keeper.Load(); err != nil {
		r.problem(subject, err)
		return
	}
	for _, warning := range keeper.Warnings() {
		r.warn(subject, fmt.Errorf("%s; %s", warning.Text, warning.Remedy))
	}
	chain := keeper.Chain()
	host, _ := l.reachedAs(certifiedName(chain[0]))
	for _, problem := range certs.Explain(chain, host, time.Now()) {
		if problem.Fatal {
			r.problem(subject, fmt.Errorf("%s; %s", problem.Text, problem.Remedy))
		}
	}
	for _, fact := range keeper.Facts() {
		r.ok(subject, fmt.Sprintf("%s certificate %s, valid until %s", fact.Role, fact.Name, fact.NotAfter.UTC().Format("2006-01-02")))
	}
	for _, m := range l.managers(keeper) {
		r.policy(l, m)
	}
	r.found(ctx, subject, host, online)
}

func (r *report) kerberos(ctx context.Context, c *Config, l *ListenerConfig, online bool) {
	subject := "listener " + l.Name
	acceptor := l.Kerberos.acceptor(c, l.Name)
	if err := acceptor.Load(); err != nil {
		r.problem(subject, err)
		return
	}
	for _, warning := range acceptor.Warnings() {
		r.warn(subject, warning)
	}
	for _, fact := range acceptor.Facts() {
		r.ok(subject, fmt.Sprintf("keytab has %s, kvno %d, %s", fact.Principal, fact.KVNO, fact.Etype))
	}
	r.policy(l, l.manager(acceptor, c.Node))
	host, _ := l.reachedAs(servedName(acceptor, c.Node))
	r.found(ctx, subject, host, online)
}

// policy notes the string for the Windows policy.
func (r *report) policy(l *ListenerConfig, m manager) {
	r.policies = append(r.policies, l.Name+": "+m.string(refresh))
}

// found asks DNS for the name that hosts will use.
func (r *report) found(ctx context.Context, subject, host string, online bool) {
	if !online {
		return
	}
	if _, err := net.DefaultResolver.LookupHost(ctx, host); err != nil {
		r.problem(subject, fmt.Errorf("hosts would not find %s: %w; add it to DNS, or set advertise", host, err))
	}
}

func (r *report) kafka(ctx context.Context, c *Config, topics []string) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	p, err := c.producer(topics, nil)
	if err == nil {
		defer p.Close(ctx)
		err = p.Check(ctx)
	}
	if err != nil {
		r.problem("kafka", err)
		return
	}
	if c.shares() {
		r.state(ctx, c.State.Topic, p)
	}
	r.ok("kafka", fmt.Sprintf("reached; all %d topics are there", len(topics)))
	if err := p.CheckIdempotence(ctx); err != nil {
		r.warn("kafka", fmt.Errorf("a lost answer would make copies: %w", err))
	}
}

// state looks at the settings of the topic that state is kept in.
func (r *report) state(ctx context.Context, topic string, p *producer.Producer) {
	warnings, err := compacted.Check(ctx, &fetch.Topic{Transport: p.Transport(topic), Brokers: p.Brokers(), Name: topic})
	for _, w := range warnings {
		r.warn("state", w)
	}
	if err != nil {
		r.problem("state", err)
		return
	}
	r.ok("state", fmt.Sprintf("topic %s is compacted", topic))
}

// end prints everything and gives the error that becomes the exit code.
func (r *report) end() error {
	switch r.format {
	case "json":
		e := json.NewEncoder(r.p.stdout)
		e.SetEscapeHTML(false)
		if err := e.Encode(struct {
			Checks   []finding `json:"checks"`
			Policies []string  `json:"policies"`
		}{r.findings, r.policies}); err != nil {
			return err
		}
	case "github":
		for _, f := range r.findings {
			level, place := map[string]string{"OK": "notice", "WARN": "warning", "FAIL": "error"}[f.Status], ""
			if f.at != nil {
				place = fmt.Sprintf("file=%s,line=%d,col=%d,", f.at.File, f.at.Line, f.at.Column)
			}
			fmt.Fprintf(r.p.stdout, "::%s %stitle=%s::%s\n", level, place, f.Subject, githubEscape.Replace(f.Message))
		}
	default:
		for _, f := range r.findings {
			fmt.Fprintf(r.p.stdout, "%-4s %s: %s\n", f.Status, f.Subject, f.Message)
		}
	}
	if r.format != "json" {
		for _, policy := range r.policies {
			fmt.Fprintln(r.p.stdout, policy)
		}
	}
	if r.failed {
		return errProblems
	}
	return nil
}
