package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wefka/wefka/subscriptions"
)

func (p *program) subscriptionsLint() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "lint [FILE|FOLDER]...",
		Short: "Say what Windows would refuse, or silently not match, in subscription files",
		Long: `Reads subscription files, by default those of the configuration, and their queries as Windows does: its subset of XPath, its limits.
Each finding has a rule, what a host would do, and the cure. Exit code 3 if there is any.`,
		Example: "  wefka subscriptions lint\n  wefka subscriptions lint --format github subscriptions.d",
		RunE: func(_ *cobra.Command, args []string) error {
			switch format {
			case "text", "json", "github":
			default:
				return usagef("--format %q: use text, json or github", format)
			}
			files, err := p.subscriptionFiles(args)
			if err != nil {
				return err
			}
			found, err := subscriptions.Lint(files, p.env)
			if err != nil {
				return err
			}
			if err := p.printFindings(found, len(files), format); err != nil {
				return err
			}
			if len(found) > 0 {
				return errProblems
			}
			return nil
		},
	}
	c.Flags().StringVar(&format, "format", "text", "text, json or github")
	return c
}

// subscriptionFiles are the files that args name, folders taken apart; without args those of the configuration.
func (p *program) subscriptionFiles(args []string) ([]string, error) {
	if len(args) == 0 {
		config, err := p.loadConfig()
		if err != nil {
			return nil, err
		}
		args = []string{config.path(config.Subscriptions)}
	}
	var files []string
	for _, a := range args {
		info, err := os.Stat(a)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, a)
			continue
		}
		entries, err := os.ReadDir(a)
		if err != nil {
			return nil, err
		}
		entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
			return strings.HasPrefix(e.Name(), ".") || !strings.HasSuffix(e.Name(), ".yaml")
		})
		for _, e := range entries {
			files = append(files, filepath.Join(a, e.Name()))
		}
	}
	return files, nil
}

// lintFinding is a finding as JSON.
type lintFinding struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Rule    string `json:"rule"`
	Level   string `json:"level"` // error | warning
	Message string `json:"message"`
	Windows string `json:"windows,omitempty"`
	Cure    string `json:"cure,omitempty"`
}

func (p *program) printFindings(found []*subscriptions.Finding, files int, format string) error {
	all := []lintFinding{}
	for _, f := range found {
		l := lintFinding{Rule: f.Rule, Level: f.Level(), Message: f.Error(), Windows: f.Windows, Cure: f.Cure}
		if at := f.Place(); at != nil {
			l.File, l.Line, l.Column, l.Message = at.File, at.Line, at.Column, at.Message
		}
		all = append(all, l)
		switch format {
		case "github":
			said := l.Message
			for _, more := range []string{l.Windows, l.Cure} {
				if more != "" {
					said += "; " + more
				}
			}
			fmt.Fprintf(p.stdout, "::%s file=%s,line=%d,col=%d,title=%s::%s\n", l.Level, l.File, l.Line, l.Column, l.Rule, githubEscape.Replace(said))
		case "text":
			place, source, _ := strings.Cut(f.Error(), "\n")
			fmt.Fprintf(p.stdout, "%s [%s %s]\n", place, l.Level, l.Rule)
			if source != "" {
				fmt.Fprintln(p.stdout, source)
			}
			if l.Windows != "" {
				fmt.Fprintf(p.stdout, "        Windows: %s\n", l.Windows)
			}
			if l.Cure != "" {
				fmt.Fprintf(p.stdout, "        cure: %s\n", l.Cure)
			}
		}
	}
	switch {
	case format == "json":
		e := json.NewEncoder(p.stdout)
		e.SetEscapeHTML(false)
		return e.Encode(struct {
			Findings []lintFinding `json:"findings"`
		}{all})
	case len(all) == 0 && format == "text":
		fmt.Fprintf(p.stdout, "%d files, nothing to say\n", files)
	}
	return nil
}
