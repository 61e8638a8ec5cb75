package main

import (
	"bufio"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (p *program) hostsCommand() *cobra.Command {
	c := &cobra.Command{Use: "hosts", Short: "Hosts as a running server knows them, and why nothing arrives from one"}
	c.AddCommand(p.hostsListCommand(), p.hostsShowCommand(), p.hostsExplainCommand(), p.hostsForgetCommand())
	return c
}

func (p *program) hostsListCommand() *cobra.Command {
	var state, subscription, search string
	c := &cobra.Command{
		Use: "list", Short: "List hosts with their state in each subscription", Args: cobra.NoArgs,
		Example: "  wefka hosts list --state dead\n  wefka hosts list --subscription sysmon --search corp -o csv",
	}
	format := outputFlag(c)
	c.Flags().StringVar(&state, "state", "", "only these: active, alive, late, dead, ended or not_delivering")
	c.Flags().StringVar(&subscription, "subscription", "", "only hosts of this subscription; with --state: in that state there")
	c.Flags().StringVar(&search, "search", "", "only hosts with this in identity, machine name or address")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		all := hostList{Hosts: []hostAnswer{}}
		query := url.Values{"limit": {fmt.Sprint(largestPage)}}
		for key, value := range map[string]string{"state": state, "subscription": subscription, "search": search} {
			if value != "" {
				query.Set(key, value)
			}
		}
		for a := p.admin(); ; {
			var page hostList
			if err := a.get(cmd.Context(), "/api/v1/hosts?"+query.Encode(), &page); err != nil {
				return err
			}
			all.Hosts = append(all.Hosts, page.Hosts...)
			if page.Next == "" {
				return listHosts(all).write(p.stdout, *format)
			}
			query.Set("after", page.Next)
		}
	}
	return c
}

func listHosts(all hostList) listing {
	l := listing{head: []string{"SOURCE", "STATE", "LAST HEARD", "SUBSCRIPTIONS", "ADDRESS", "AUTH", "LAST EVENT", "LAST ENUMERATE", "CERTIFICATE UNTIL", "MACHINE", "ISSUER"}, narrow: 5, value: all}
	for _, h := range all.Hosts {
		var heard, event *time.Time
		var subscriptions []string
		for _, s := range h.Subscriptions {
			heard, event = later(heard, s.LastHeard), later(event, s.LastEvent)
			subscriptions = append(subscriptions, fmt.Sprintf("%s=%s", s.Name, s.State))
		}
		l.rows = append(l.rows, []string{h.Source, string(h.State), timeText(heard), strings.Join(subscriptions, " "), h.Address, h.Auth, timeText(event), timeText(h.LastEnumerate),
			timeText(h.CertificateNotAfter), h.MachineID, h.Issuer})
	}
	return l
}

func later(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.After(*a) {
		return b
	}
	return a
}

func timeText(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func (p *program) hostsShowCommand() *cobra.Command {
	c := &cobra.Command{Use: "show NAME", Short: "Everything that is known of one host", Args: cobra.ExactArgs(1), Example: "  wefka hosts show 'PC-1$@CORP.EXAMPLE'"}
	format := c.Flags().StringP("output", "o", "yaml", "yaml or json")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if *format != "yaml" && *format != "json" {
			return usagef("-o %q: use yaml or json", *format)
		}
		var h hostAnswer
		if err := p.admin().get(cmd.Context(), hostPath(args[0]), &h); err != nil {
			return err
		}
		return listing{value: h}.write(p.stdout, *format)
	}
	return c
}

func hostPath(name string) string { return "/api/v1/hosts/" + url.PathEscape(name) }

func (p *program) hostsExplainCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "explain NAME", Short: "Say why nothing arrives from a host, and what cures it", Args: cobra.ExactArgs(1),
		Long: `Walks the chain that an event has to go: does the host reach us, does its certificate or ticket prove it, is there a subscription for
it, does it take that up, does it send, does Kafka take it. Prints what is broken first, what the host's own log shows for it, and the cure. NAME is an
identity, its first part, or an address: who proved nothing has no name.`,
		Example: "  wefka hosts explain pc-1.corp.example\n  wefka hosts explain 10.1.2.3",
	}
	format := c.Flags().StringP("output", "o", "text", "text, json or yaml")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		switch *format {
		case "text", "json", "yaml":
		default:
			return usagef("-o %q: use text, json or yaml", *format)
		}
		var e explainAnswer
		if err := p.admin().get(cmd.Context(), hostPath(args[0])+"/explain", &e); err != nil {
			return err
		}
		if *format != "text" {
			return listing{value: e}.write(p.stdout, *format)
		}
		fmt.Fprintf(p.stdout, "%s: %s\n", printable(e.Source), printable(e.Verdict))
		for _, c := range e.Causes {
			fmt.Fprintf(p.stdout, "\n%s\n  seen     %s\n", c.Reason, printable(c.Evidence))
			if c.WindowsEvent != "" {
				fmt.Fprintf(p.stdout, "  windows  %s\n", c.WindowsEvent)
			}
			fmt.Fprintf(p.stdout, "  cure     %s\n", c.Remedy)
		}
		return nil
	}
	return c
}

func (p *program) hostsForgetCommand() *cobra.Command {
	var yes bool
	c := &cobra.Command{Use: "forget NAME", Short: "Drop liveness and bookmarks of a host", Args: cobra.ExactArgs(1)}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		a := p.admin()
		var h hostAnswer
		if err := a.get(cmd.Context(), hostPath(args[0]), &h); err != nil {
			return err
		}
		what := fmt.Sprintf("%s is forgotten in %d subscriptions, with its bookmarks: when it comes back it starts as a new host", printable(h.Source), len(h.Subscriptions))
		if err := p.confirm(yes, what); err != nil {
			return err
		}
		return a.do(cmd.Context(), http.MethodDelete, hostPath(args[0]), nil, nil)
	}
	return c
}

// confirm says what is about to change, and wants --yes or a yes on the terminal.
func (p *program) confirm(yes bool, what string) error {
	fmt.Fprintln(p.stderr, what)
	if yes {
		return nil
	}
	if !terminal(p.stderr) {
		return usagef("nobody to ask; give --yes")
	}
	fmt.Fprint(p.stderr, "Go on? [y/N] ")
	said, _ := bufio.NewReader(p.stdin).ReadString('\n')
	if said = strings.ToLower(strings.TrimSpace(said)); said != "y" && said != "yes" {
		return fmt.Errorf("nothing was changed")
	}
	return nil
}
