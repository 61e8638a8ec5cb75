package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wefka/wefka/subscriptions"
)

func (p *program) subscriptionsDiff() *cobra.Command {
	return &cobra.Command{
		Use:   "diff",
		Short: "Compare the configuration's subscription files with the running server",
		Long: `Says what a reload would change: subscriptions that come (+), go (-) or change (~). A new version makes every host of the subscription
create it anew; a new channel in a query makes every host send that channel's whole history. Exit code 3 if there is a difference.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := p.loadConfig()
			if err != nil {
				return err
			}
			files, err := p.filed(config)
			if err != nil {
				return err
			}
			server, err := p.served(cmd.Context())
			if err != nil {
				return err
			}
			said := changed(server, files)
			for _, line := range said {
				fmt.Fprintln(p.stdout, line)
			}
			if len(said) > 0 {
				return errProblems
			}
			return nil
		},
	}
}

// changed are lines for what changes from the server's subscriptions to those of the files.
func changed(server, files []subscriptionAnswer) []string {
	var said []string
	find := func(all []subscriptionAnswer, name string) *subscriptionAnswer {
		if i := slices.IndexFunc(all, func(a subscriptionAnswer) bool { return a.Name == name }); i >= 0 {
			return &all[i]
		}
		return nil
	}
	for _, s := range server {
		if find(files, s.Name) == nil {
			said = append(said, "- "+s.Name+": no longer in the files; its hosts stop at their next refresh")
		}
	}
	for _, f := range files {
		s := find(server, f.Name)
		if s == nil {
			said = append(said, "+ "+f.Name+": not yet on the server")
			continue
		}
		said = append(said, changes(s, &f)...)
	}
	return said
}

func changes(s, f *subscriptionAnswer) []string {
	var said []string
	change := func(what, before, after string) {
		if before != after {
			said = append(said, fmt.Sprintf("~ %s: %s %s -> %s", f.Name, what, before, after))
		}
	}
	change("id", s.ID, f.ID)
	change("enabled", fmt.Sprint(s.Enabled), fmt.Sprint(f.Enabled))
	change("topic", s.Topic, f.Topic)
	change("format", s.Format, f.Format)
	if !bytes.Equal(compact(s.Targets), compact(f.Targets)) {
		change("targets", targetsText(s.Targets), targetsText(f.Targets))
	}
	if s.Version != f.Version {
		change("version", s.Version, f.Version+" (every host creates it anew)")
	}
	if s.Query != f.Query {
		said = append(said, "~ "+f.Name+": query")
		before, after := strings.Split(s.Query, "\n"), strings.Split(f.Query, "\n")
		said = append(said, prefixed("    - ", before, after)...)
		said = append(said, prefixed("    + ", after, before)...)
		old := (&subscriptions.Subscription{Query: s.Query}).Channels()
		for _, c := range (&subscriptions.Subscription{Query: f.Query}).Channels() {
			if !slices.ContainsFunc(old, func(o string) bool { return strings.EqualFold(o, c) }) {
				said = append(said, fmt.Sprintf("! %s: channel %s is new: every host sends all that it still holds of it; a subscription of its own avoids that", f.Name, c))
			}
		}
	}
	return said
}

// prefixed are the lines that others lack.
func prefixed(prefix string, lines, others []string) []string {
	var said []string
	for _, l := range lines {
		if !slices.Contains(others, l) {
			said = append(said, prefix+l)
		}
	}
	return said
}

func compact(text json.RawMessage) []byte {
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return text
	}
	return b.Bytes()
}
