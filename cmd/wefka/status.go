package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/wefka/wefka/hosts"
	"github.com/wefka/wefka/subscriptions/strict"
)

func (p *program) statusCommand() *cobra.Command {
	c := &cobra.Command{Use: "status", Aliases: []string{"stats"}, Short: "Summary of a running server", Args: cobra.NoArgs}
	format := c.Flags().StringP("output", "o", "text", "text, json or yaml")
	ready := c.Flags().Bool("ready", false, "print nothing, and fail while the node can serve nobody; for probes")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		switch *format {
		case "text", "json", "yaml":
		default:
			return usagef("-o %q: use text, json or yaml", *format)
		}
		var s statusAnswer
		if err := p.admin().get(cmd.Context(), "/api/v1/status", &s); err != nil {
			return err
		}
		if *ready {
			if s.Status == "unready" {
				return errors.New("the node serves nobody now")
			}
			return nil
		}
		if *format != "text" {
			return listing{value: s}.write(p.stdout, *format)
		}
		return s.text(p.stdout, time.Now())
	}
	return c
}

// text is the summary for people.
func (s *statusAnswer) text(w io.Writer, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\n", name, printable(fmt.Sprintf(format, args...)))
	}
	row("status", "%s", s.Status)
	row("node", "%s, wefka %s, up %s", s.Node, s.Version, now.Sub(s.Started).Round(time.Second))
	for _, l := range s.Listeners {
		row("listener", "%s %s (%s), %d connections", l.Name, l.Address, l.Auth, l.Connections)
	}
	ack := "never"
	if s.Kafka.LastAck != nil {
		ack = now.Sub(*s.Kafka.LastAck).Round(time.Second).String() + " ago"
	}
	row("kafka", "circuit %s, last acknowledgement %s, %d bytes waiting, the oldest for %.1f s", s.Kafka.Circuit, ack, s.Kafka.Buffered, s.Kafka.OldestUnacked)
	ready := "ready"
	if !s.State.Ready {
		ready = "not ready"
	}
	row("state", "%s, %s, %.1f s behind", s.State.Backend, ready, s.State.Lag)
	row("config", "loaded %s", s.Config.Loaded.Format(time.RFC3339))
	if s.Config.Error != "" {
		row("", "reload failed: %s", s.Config.Error)
	}
	all := 0
	for _, n := range s.Hosts {
		all += n
	}
	row("hosts", "%d", all)
	for _, state := range hosts.States {
		if n := s.Hosts[state]; n > 0 {
			row("", "%d %s", n, state)
		}
	}
	row("events", "%d published, %d dead letters since the start", s.Events.Published, s.Events.Dead)
	for _, c := range s.Certificates {
		row("certificate", "%s %s until %s", c.Role, c.Name, c.NotAfter.Format("2006-01-02"))
	}
	return t.Flush()
}

func (p *program) reloadCommand() *cobra.Command {
	return &cobra.Command{
		Use: "reload", Short: "Make a running server read its files again", Args: cobra.NoArgs,
		Long: "Does what SIGHUP does, and waits for the outcome: when anything is wrong the old state stays in use and the error says what.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.admin().do(cmd.Context(), http.MethodPost, "/api/v1/reload", nil, nil)
		},
	}
}

func (p *program) configCommand() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "The configuration as it takes effect"}
	var effective bool
	dump := &cobra.Command{
		Use: "dump --effective", Short: "Print the file over the defaults, secrets as ***", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if !effective {
				return usagef("give --effective: the file itself is %s", p.config)
			}
			config, err := p.loadConfig()
			if err != nil {
				return err
			}
			if config.Kafka.SASL.Password != "" {
				config.Kafka.SASL.Password = "***"
			}
			text, err := strict.YAML(config)
			if err != nil {
				return err
			}
			_, err = p.stdout.Write(text)
			return err
		},
	}
	dump.Flags().BoolVar(&effective, "effective", false, "defaults and references filled in")
	c.AddCommand(dump)
	return c
}
