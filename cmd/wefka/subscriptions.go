package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wefka/wefka/subscriptions"
	"github.com/wefka/wefka/subscriptions/library"
)

func (p *program) subscriptionsCommand() *cobra.Command {
	c := &cobra.Command{Use: "subscriptions", Short: "List, check, compare, convert and write subscriptions"}
	c.AddCommand(p.subscriptionsList(), p.subscriptionsShow(), p.subscriptionsLint(), p.subscriptionsDiff(), p.subscriptionsImport(), p.subscriptionsExport(),
		p.subscriptionsNew())
	return c
}

func (p *program) subscriptionsList() *cobra.Command {
	var ready bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List subscriptions: of the running server, else of the files, else the ready-made ones",
		Long: `Lists what the running server has in force. Where no server answers, what the configuration's files say; where there is no
configuration either, the subscriptions that wefka brings along, as --ready does always. stderr says which it was.`,
		Example: "  wefka subscriptions list\n  wefka subscriptions list --ready\n  wefka subscriptions list -o json | jq '.subscriptions[].hosts'",
		Args:    cobra.NoArgs,
	}
	c.Flags().BoolVar(&ready, "ready", false, "those that wefka brings along, for subscriptions new")
	format := outputFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if ready {
			return readyListing().write(p.stdout, *format)
		}
		all, err := p.subscriptions(cmd.Context())
		if errors.Is(err, errNeither) {
			fmt.Fprintln(p.stderr, "no server answers and there is no configuration; these are ready to use: wefka subscriptions new --ready NAME")
			return readyListing().write(p.stdout, *format)
		}
		if err != nil {
			return err
		}
		l := listing{head: []string{"NAME", "ENABLED", "TOPIC", "FORMAT", "HOSTS", "EVENTS", "DEAD", "LAST EVENT", "ID", "VERSION"}, narrow: 8}
		list := subscriptionList{[]subscriptionAnswer{}}
		for _, a := range all {
			list.Subscriptions = append(list.Subscriptions, a.brief())
			l.rows = append(l.rows, []string{a.Name, strconv.FormatBool(a.Enabled), a.Topic, a.Format, a.states(), number(a.Events), number(a.DeadLetters), a.last(), a.ID, a.Version})
		}
		l.value = list
		return l.write(p.stdout, *format)
	}
	return c
}

// errNeither says that there is no server and no configuration.
var errNeither = errors.New("no server answers, and there is no configuration")

// subscriptions asks the server, else the files; errNeither if there is neither.
func (p *program) subscriptions(ctx context.Context) ([]subscriptionAnswer, error) {
	all, err := p.served(ctx)
	if err == nil || p.adminAddress != "" {
		return all, err
	}
	config, broken := p.loadConfig()
	switch {
	case errors.Is(broken, os.ErrNotExist):
		return nil, errNeither
	case broken != nil:
		return nil, broken
	}
	fmt.Fprintf(p.stderr, "no server answers; these are the files in %s\n", config.path(config.Subscriptions))
	return p.filed(config)
}

// served are the subscriptions of the running server, with query and targets.
func (p *program) served(ctx context.Context) ([]subscriptionAnswer, error) {
	admin := p.admin()
	var list subscriptionList
	if err := admin.get(ctx, "/api/v1/subscriptions", &list); err != nil {
		return nil, err
	}
	for i := range list.Subscriptions {
		a := &list.Subscriptions[i]
		if err := admin.get(ctx, "/api/v1/subscriptions/"+url.PathEscape(a.Name), a); err != nil {
			return nil, err
		}
	}
	return list.Subscriptions, nil
}

// filed are those that a server would take from the files.
func (p *program) filed(config *Config) ([]subscriptionAnswer, error) {
	subs, _, err := config.loadSubscriptions()
	if err != nil {
		return nil, err
	}
	var all []subscriptionAnswer
	for _, s := range subs {
		a, err := config.described(s)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// readyListing is the library.
func readyListing() listing {
	type ready struct {
		Name    string `json:"name"`
		Purpose string `json:"purpose"`
	}
	l := listing{head: []string{"NAME", "PURPOSE"}, narrow: 2}
	all := []ready{}
	for _, r := range library.All() {
		l.rows = append(l.rows, []string{r.Name, r.Purpose})
		all = append(all, ready{r.Name, r.Purpose})
	}
	l.value = struct {
		Ready []ready `json:"ready"`
	}{all}
	return l
}

func (p *program) subscriptionsShow() *cobra.Command {
	c := &cobra.Command{
		Use:     "show NAME",
		Short:   "Show one subscription: query, targets, version, hosts and counts",
		Long:    "Shows a subscription of the running server, else of the files, else a ready-made one.",
		Example: "  wefka subscriptions show sysmon\n  wefka subscriptions show sysmon -o json | jq -r .query",
		Args:    cobra.ExactArgs(1),
	}
	format := outputFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		all, err := p.subscriptions(cmd.Context())
		if err != nil && !errors.Is(err, errNeither) {
			return err
		}
		if i := slices.IndexFunc(all, func(a subscriptionAnswer) bool { return a.Name == args[0] }); i >= 0 {
			return p.showSubscription(all[i], *format)
		}
		if r, ok := library.Find(args[0]); ok && err != nil {
			_, err := p.stdout.Write(r.Text)
			return err
		}
		return fmt.Errorf("there is no subscription %s; wefka subscriptions list shows what there is", args[0])
	}
	return c
}

func (p *program) showSubscription(a subscriptionAnswer, format string) error {
	rows := [][]string{{"name", a.Name}, {"id", a.ID}, {"version", a.Version}, {"enabled", strconv.FormatBool(a.Enabled)}, {"topic", a.Topic}, {"format", a.Format},
		{"targets", targetsText(a.Targets)}, {"hosts", a.states()}, {"events", number(a.Events)}, {"dead letters", number(a.DeadLetters)}, {"last event", a.last()}}
	if format != "table" && format != "wide" {
		return listing{head: []string{"KEY", "VALUE"}, narrow: 2, rows: append(rows, []string{"query", a.Query}), value: a}.write(p.stdout, format)
	}
	for _, r := range rows {
		fmt.Fprintf(p.stdout, "%-12s  %s\n", r[0], printable(cmp.Or(r[1], "-")))
	}
	fmt.Fprintf(p.stdout, "\n%s\n", a.Query)
	return nil
}

// targetsText is the lists that say something.
func targetsText(targets json.RawMessage) string {
	var lists map[string][]string
	if json.Unmarshal(targets, &lists) != nil {
		return string(targets)
	}
	var said []string
	for _, key := range []string{"names", "except", "groups", "networks", "certificates", "paths"} {
		if len(lists[key]) > 0 {
			said = append(said, key+" "+strings.Join(lists[key], ", "))
		}
	}
	return cmp.Or(strings.Join(said, "; "), "all")
}

// states is as "12 active, 1 dead".
func (a subscriptionAnswer) states() string {
	var said []string
	for _, l := range []subscriptions.Liveness{subscriptions.Active, subscriptions.Alive, subscriptions.Late, subscriptions.Dead, subscriptions.Ended, subscriptions.NotDelivering} {
		if n := a.Hosts[l]; n > 0 {
			said = append(said, fmt.Sprintf("%d %s", n, l))
		}
	}
	return strings.Join(said, ", ")
}

func (a subscriptionAnswer) last() string {
	if a.LastEvent == nil {
		return ""
	}
	return a.LastEvent.Format(time.RFC3339)
}

func number(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}
