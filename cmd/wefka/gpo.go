package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wefka/wefka/policy"
	"github.com/wefka/wefka/wsman"
)

func (p *program) gpoCommand() *cobra.Command {
	c := &cobra.Command{Use: "gpo", Short: "Write what the Windows side needs"}
	var g gpo
	generate := &cobra.Command{
		Use:   "generate",
		Short: "Write the Group Policy, in every form, from the configuration",
		Long: `Writes into a folder: registry.pol, lgpo.txt, gpo-backup (for "Import Settings…" of the Group Policy console), intune.json, wefka.ps1 with
-WhatIf and -Undo, and README.md, which says which to take and what no registry value can do. Give the folder to whoever runs
Active Directory.

A host uses all strings of the policy at once, so one listener is written: with several, name it.`,
		Example: "  wefka gpo generate --out policy\n  wefka gpo generate --listener kerberos --url http://wef.corp.example:5985",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return g.run(p) },
	}
	flags := generate.Flags()
	flags.StringVar(&g.out, "out", "wefka-gpo", "folder to write to")
	flags.StringVar(&g.listener, "listener", "", "listener that the hosts shall use; needed if there are several")
	flags.StringVar(&g.url, "url", "", "what the hosts shall connect to, as https://HOST:PORT; default from the configuration")
	flags.IntVar(&g.refresh, "refresh", refresh, "seconds between two looks for subscriptions")
	c.AddCommand(generate)
	return c
}

type gpo struct {
	out, listener, url string
	refresh            int
}

func (g *gpo) run(p *program) error {
	if g.refresh < 1 {
		return usagef("--refresh %d: use seconds, at least 1", g.refresh)
	}
	config, err := p.loadConfig()
	if err != nil {
		return err
	}
	if problems := config.Validate(); len(problems) > 0 {
		return errors.Join(append(problems, errInvalid)...)
	}
	wanted, err := g.policy(config)
	if err != nil {
		return err
	}
	files, err := policyFiles(wanted)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		path := filepath.Join(g.out, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, files[name], 0o644); err != nil {
			return err
		}
		fmt.Fprintln(p.stdout, path)
	}
	for _, m := range wanted.Managers {
		fmt.Fprintln(p.stderr, m)
	}
	return nil
}

// policy is what the configuration asks of hosts.
func (g *gpo) policy(config *Config) (*policy.Policy, error) {
	l, err := g.chosen(config)
	if err != nil {
		return nil, err
	}
	wanted := &policy.Policy{TLS: l.TLS != nil, Kerberos: l.Kerberos != nil}
	var managers []manager
	if l.TLS != nil {
		keeper := l.TLS.keeper(config)
		if err := keeper.Load(); err != nil {
			return nil, fmt.Errorf("listener %s: %w", l.Name, err)
		}
		managers = l.managers(keeper)
	} else {
		acceptor := l.Kerberos.acceptor(config, l.Name)
		if err := acceptor.Load(); err != nil {
			return nil, fmt.Errorf("listener %s: %w", l.Name, err)
		}
		managers = []manager{l.manager(acceptor, config.Node)}
	}
	for _, m := range managers {
		if g.url != "" {
			if m.url, err = publicURL(g.url, wanted.TLS); err != nil {
				return nil, err
			}
		}
		wanted.Managers = append(wanted.Managers, m.string(g.refresh))
	}
	subs, _, err := config.loadSubscriptions()
	if err != nil {
		return nil, err
	}
	for _, s := range subs {
		if s.Enabled {
			wanted.Channels = append(wanted.Channels, s.Channels()...)
		}
	}
	return wanted, nil
}

// chosen is the listener that the hosts shall use.
func (g *gpo) chosen(config *Config) (*ListenerConfig, error) {
	var names []string
	for i := range config.Listeners {
		l := &config.Listeners[i]
		if l.Name == g.listener || g.listener == "" && len(config.Listeners) == 1 {
			return l, nil
		}
		names = append(names, l.Name)
	}
	if g.listener == "" {
		return nil, usagef("a host uses every string of its policy at once: choose one of the listeners with --listener %s", strings.Join(names, "|"))
	}
	return nil, usagef("--listener %s: there is only %s", g.listener, strings.Join(names, ", "))
}

// publicURL completes what hosts shall connect to.
func publicURL(text string, tls bool) (string, error) {
	scheme := "http"
	if tls {
		scheme = "https"
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != scheme || u.Hostname() == "" || u.Port() == "" || strings.ContainsAny(text, ", ") {
		return "", usagef("--url %s: use %s://HOST:PORT, as this listener speaks", text, scheme)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = wsman.EnumeratePath
	}
	return u.String(), nil
}

// policyFiles are the files of the folder, by their paths.
func policyFiles(wanted *policy.Policy) (map[string][]byte, error) {
	settings := wanted.Settings()
	files := map[string][]byte{"registry.pol": policy.EncodeRegistryPol(settings), "lgpo.txt": []byte(policy.LGPO(settings))}
	var err error
	for name, write := range map[string]func() ([]byte, error){"intune.json": wanted.Intune, "wefka.ps1": wanted.Script, "README.md": wanted.Readme} {
		if files[name], err = write(); err != nil {
			return nil, err
		}
	}
	backup, err := wanted.Backup(time.Now())
	for name, content := range backup {
		files["gpo-backup/"+name] = content
	}
	return files, err
}
