package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/spf13/cobra"
)

func (p *program) bookmarksCommand() *cobra.Command {
	c := &cobra.Command{Use: "bookmarks", Short: "Where hosts stopped: list, reset, export, import"}
	c.AddCommand(p.bookmarksListCommand(), p.bookmarksResetCommand(), p.bookmarksExportCommand(), p.bookmarksImportCommand())
	return c
}

// selection is which bookmarks a command is about.
type selection struct{ subscription, source string }

func (s *selection) flags(c *cobra.Command) {
	c.Flags().StringVar(&s.subscription, "subscription", "", "only those of this subscription, by name or id")
	c.Flags().StringVar(&s.source, "source", "", "only those of this host")
}

func (s *selection) path() string {
	query := url.Values{}
	if s.subscription != "" {
		query.Set("subscription", s.subscription)
	}
	if s.source != "" {
		query.Set("source", s.source)
	}
	return "/api/v1/bookmarks?" + query.Encode()
}

func (p *program) bookmarksListCommand() *cobra.Command {
	var s selection
	c := &cobra.Command{Use: "list", Short: "List bookmarks", Args: cobra.NoArgs}
	s.flags(c)
	format := outputFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		var list bookmarkList
		if err := p.admin().get(cmd.Context(), s.path(), &list); err != nil {
			return err
		}
		l := listing{head: []string{"SUBSCRIPTION", "SOURCE", "TIME", "BOOKMARK"}, narrow: 3, value: list}
		for _, b := range list.Bookmarks {
			l.rows = append(l.rows, []string{b.SubscriptionID, b.Source, timeText(b.Time), b.Bookmark})
		}
		return l.write(p.stdout, *format)
	}
	return c
}

func (p *program) bookmarksResetCommand() *cobra.Command {
	var s selection
	var yes bool
	c := &cobra.Command{
		Use: "reset", Short: "Remove bookmarks", Args: cobra.NoArgs,
		Long: `Removes the bookmarks that the flags select, all of them without any. A host that is at work goes on from its own position; when it next
sets up the subscription it starts as a new one: with its whole log where read_existing_events is true, else with what happens from then on.`,
	}
	s.flags(c)
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		a := p.admin()
		var list bookmarkList
		if err := a.get(cmd.Context(), s.path(), &list); err != nil {
			return err
		}
		if err := p.confirm(yes, fmt.Sprintf("%d bookmarks are removed", len(list.Bookmarks))); err != nil {
			return err
		}
		return a.do(cmd.Context(), http.MethodDelete, s.path(), nil, nil)
	}
	return c
}

func (p *program) bookmarksExportCommand() *cobra.Command {
	var s selection
	c := &cobra.Command{Use: "export", Short: "Print bookmarks as JSON, for import", Args: cobra.NoArgs, Example: "  wefka bookmarks export > bookmarks.json"}
	s.flags(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		var list bookmarkList
		if err := p.admin().get(cmd.Context(), s.path(), &list); err != nil {
			return err
		}
		return listing{value: list}.write(p.stdout, "json")
	}
	return c
}

func (p *program) bookmarksImportCommand() *cobra.Command {
	var s selection
	var yes bool
	c := &cobra.Command{
		Use: "import [FILE|-]", Short: "Store bookmarks that export printed", Args: cobra.MaximumNArgs(1),
		Long: "Stores what export printed over what is there, of all or of those that the flags select. All of it is checked first.",
	}
	c.Flags().StringVar(&s.subscription, "subscription", "", "only those of this subscription, by id")
	c.Flags().StringVar(&s.source, "source", "", "only those of this host")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		in := p.stdin
		if len(args) == 1 && args[0] != "-" {
			file, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer file.Close()
			in = file
		}
		list, err := s.read(in)
		if err != nil {
			return err
		}
		if err := p.confirm(yes, fmt.Sprintf("%d bookmarks are stored over what is there", len(list.Bookmarks))); err != nil {
			return err
		}
		return p.admin().do(cmd.Context(), http.MethodPut, "/api/v1/bookmarks", list, nil)
	}
	return c
}

func (s *selection) read(in io.Reader) (list bookmarkList, err error) {
	d := json.NewDecoder(in)
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil {
		return list, fmt.Errorf("read bookmarks: %w; want what wefka bookmarks export prints", err)
	}
	kept := []bookmarkAnswer{}
	for _, b := range list.Bookmarks {
		if (s.subscription == "" || b.SubscriptionID == s.subscription) && (s.source == "" || b.Source == s.source) {
			kept = append(kept, b)
		}
	}
	list.Bookmarks = kept
	return list, nil
}
