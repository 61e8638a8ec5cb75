package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wefka/wefka/subscriptions"
	"github.com/wefka/wefka/subscriptions/library"
	"github.com/wefka/wefka/subscriptions/strict"
)

func (p *program) subscriptionsNew() *cobra.Command {
	var ready []string
	var out string
	c := &cobra.Command{
		Use:   "new --ready NAME",
		Short: "Write a ready-made subscription as a file",
		Long: `Writes a subscription that wefka brings along to DIR/NAME.yaml, with its comments and its fixed id: every node of a collector must serve
the same. A file that is there is left alone. wefka subscriptions list --ready shows what there is.`,
		Example: "  wefka subscriptions new --ready sysmon --out /etc/wefka/subscriptions.d",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if len(ready) == 0 {
				return usagef("name one with --ready; wefka subscriptions list --ready shows what there is")
			}
			var files []outFile
			for _, name := range ready {
				r, ok := library.Find(name)
				if !ok {
					return fmt.Errorf("there is no ready-made subscription %s; wefka subscriptions list --ready shows what there is", name)
				}
				files = append(files, outFile{r.Name + ".yaml", r.Text})
			}
			return p.writeNew(out, files)
		},
	}
	c.Flags().StringSliceVar(&ready, "ready", nil, "name of a ready-made subscription; repeatable")
	c.Flags().StringVar(&out, "out", ".", "folder to write to")
	return c
}

type outFile struct {
	name string
	text []byte
}

// writeNew writes all files or, if one of them is there already, none; it prints their names.
func (p *program) writeNew(dir string, files []outFile) error {
	for _, f := range files {
		if path := filepath.Join(dir, f.name); exists(path) {
			return fmt.Errorf("%s is there already, and is not overwritten; remove it, or write elsewhere with --out", path)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		w, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		_, err = w.Write(f.text)
		if err := errors.Join(err, w.Close()); err != nil {
			return err
		}
		fmt.Fprintln(p.stdout, path)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func (p *program) subscriptionsImport() *cobra.Command {
	var from, out string
	c := &cobra.Command{
		Use:   "import FILE...",
		Short: "Turn subscriptions of Windows or OpenWEC into ours",
		Long: `Reads what ` + "`wecutil gs NAME /f:xml`" + ` prints, or OpenWEC's TOML, and writes our YAML to stdout, or with --out to DIR/NAME.yaml. What cannot be
carried is a comment in the file and a line on stderr. An id that the source does not bring is computed from the name.`,
		Example: "  wefka subscriptions import lockout.xml\n  wefka subscriptions import --out subscriptions.d *.xml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if from != "" && from != subscriptions.Wecutil && from != subscriptions.OpenWEC {
				return usagef("--from %q: use wecutil or openwec", from)
			}
			if len(args) > 1 && out == "" {
				return usagef("several files: name a folder for them with --out")
			}
			var files []outFile
			for _, a := range args {
				f, err := p.importOne(a, from)
				if err != nil {
					return fmt.Errorf("%s: %w", a, err)
				}
				if slices.ContainsFunc(files, func(o outFile) bool { return strings.EqualFold(o.name, f.name) }) {
					return fmt.Errorf("%s: another file is called %s too", a, f.name)
				}
				files = append(files, f)
			}
			if out != "" {
				return p.writeNew(out, files)
			}
			_, err := p.stdout.Write(files[0].text)
			return err
		},
	}
	c.Flags().StringVar(&from, "from", "", "wecutil or openwec; default: by the content")
	c.Flags().StringVar(&out, "out", "", "folder to write to; default: stdout")
	return c
}

func (p *program) importOne(name, from string) (outFile, error) {
	in := p.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return outFile{}, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, 4<<20))
	if err != nil {
		return outFile{}, err
	}
	i, err := subscriptions.Import(data, from)
	if err != nil {
		return outFile{}, err
	}
	for _, n := range i.Notes {
		fmt.Fprintf(p.stderr, "%s: %s\n", name, n)
	}
	text, err := i.YAML()
	return outFile{i.Name + ".yaml", text}, err
}

func (p *program) subscriptionsExport() *cobra.Command {
	var format, out string
	c := &cobra.Command{
		Use:   "export [NAME]...",
		Short: "Write the configuration's subscriptions for a Windows collector, or as JSON or YAML",
		Long: `Writes subscriptions of the configuration's files, all without a NAME: as XML for ` + "`wecutil cs FILE`" + `, or with every key as JSON or YAML. What
Windows has no word for is a comment in the XML and a line on stderr.`,
		Example: "  wefka subscriptions export sysmon > sysmon.xml\n  wefka subscriptions export --format json --out backup",
		RunE: func(_ *cobra.Command, args []string) error {
			if !slices.Contains([]string{"wecutil", "json", "yaml"}, format) {
				return usagef("--format %q: use wecutil, json or yaml", format)
			}
			config, err := p.loadConfig()
			if err != nil {
				return err
			}
			subs, _, err := config.loadSubscriptions()
			if err != nil {
				return err
			}
			var files []outFile
			for _, s := range subs {
				if len(args) > 0 && !slices.Contains(args, s.Name) {
					continue
				}
				f, err := p.exportOne(s, format)
				if err != nil {
					return err
				}
				files = append(files, f)
			}
			switch {
			case len(files) < max(1, len(args)):
				return fmt.Errorf("not all of them are there; wefka subscriptions list shows what there is")
			case out != "":
				return p.writeNew(out, files)
			case len(files) > 1:
				return usagef("several subscriptions: name one, or a folder for them with --out")
			}
			_, err = p.stdout.Write(files[0].text)
			return err
		},
	}
	c.Flags().StringVar(&format, "format", "wecutil", "wecutil, json or yaml")
	c.Flags().StringVar(&out, "out", "", "folder to write to; default: stdout")
	return c
}

func (p *program) exportOne(s *subscriptions.Subscription, format string) (outFile, error) {
	switch format {
	case "json":
		text, err := strict.JSON(s)
		return outFile{s.Name + ".json", append(text, '\n')}, err
	case "yaml":
		text, err := strict.YAML(s)
		return outFile{s.Name + ".yaml", text}, err
	}
	text, notes, err := s.Wecutil()
	for _, n := range notes {
		fmt.Fprintf(p.stderr, "%s: not carried: %s\n", s.Name, n)
	}
	return outFile{s.Name + ".xml", text}, err
}
