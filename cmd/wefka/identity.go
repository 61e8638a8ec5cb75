package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wefka/wefka/output"
	"github.com/wefka/wefka/subscriptions"
)

// IdentityConfig compares an event's own Computer with its proven sender.
type IdentityConfig struct {
	Computer string               `yaml:"computer"` // off | tag | quarantine (dead letter, Ack) | reject (403, nothing written)
	Aliases  []AliasConfig        `yaml:"aliases"`
	Relays   []subscriptions.Glob `yaml:"relays"` // identities that may send other machines' events
}

// AliasConfig is other names that a machine's events may have.
type AliasConfig struct {
	Source    *subscriptions.Glob `yaml:"source"` // proven
	Computers []computerGlob      `yaml:"computers"`
}

// computerGlob is a pattern for Computer. {host} stands for the source's own name without domain, so that one alias serves a whole
// domain and still lets nobody speak for another. A pattern without a dot is for the name alone, whatever the event's domain.
type computerGlob string

// UnmarshalText refuses what would silently match nothing.
func (c *computerGlob) UnmarshalText(text []byte) error {
	*c = computerGlob(text)
	if _, err := c.of("host"); err != nil {
		return err
	}
	if s := string(text); strings.Trim(s, "*?.") == "" {
		return errors.New("a pattern for every computer lets its source speak for all; that is what identity.relays is for")
	}
	return nil
}

func (c computerGlob) of(host string) (g subscriptions.Glob, err error) {
	return g, g.UnmarshalText([]byte(strings.ReplaceAll(string(c), "{host}", host)))
}

// match says whether computer is a name of the source.
func (a *AliasConfig) match(source, computer string) bool {
	if !a.Source.Match(source) {
		return false
	}
	host, _, _ := strings.Cut(source, "@")
	host, _, _ = strings.Cut(strings.TrimSuffix(host, "$"), ".")
	computer = strings.TrimSuffix(computer, ".")
	short, _, _ := strings.Cut(computer, ".")
	return slices.ContainsFunc(a.Computers, func(c computerGlob) bool {
		g, err := c.of(host)
		if err != nil {
			return false // a host with a name that no pattern has
		}
		return g.Match(computer) || !strings.Contains(string(c), ".") && g.Match(short)
	})
}

// rules are what the output needs of it.
func (i *IdentityConfig) rules() output.Identity {
	r := output.Identity{Mode: i.Computer}
	if len(i.Aliases) > 0 {
		r.Alias = func(source, computer string) bool {
			return slices.ContainsFunc(i.Aliases, func(a AliasConfig) bool { return a.match(source, computer) })
		}
	}
	if len(i.Relays) > 0 {
		r.Relay = func(source string) bool {
			return slices.ContainsFunc(i.Relays, func(g subscriptions.Glob) bool { return g.Match(source) })
		}
	}
	return r
}

func (v *validator) identity(i *IdentityConfig) {
	v.oneOf("identity.computer", i.Computer, "off", "tag", "quarantine", "reject")
	for n, a := range i.Aliases {
		key := fmt.Sprintf("identity.aliases[%d]", n)
		if a.Source == nil {
			v.add(key+".source", "missing; write the name that the host proves, such as new-name.corp.example or NEW-NAME$@CORP.EXAMPLE")
		}
		if len(a.Computers) == 0 {
			v.add(key+".computers", "missing; write the names in its events, such as [OLD-NAME]")
		}
	}
}
