// Package library is subscriptions that are ready to use: one YAML file each, as an operator would keep it, with comments that say what it
// is for and what it costs. The files here are the only source; `wefka subscriptions new` writes them out as they are.
//
// Their ids are fixed, so that every node of a collector that starts from the same file serves the same subscription.
package library

import (
	"embed"
	"path"
	"slices"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// Ready is one subscription, ready to use.
type Ready struct {
	Name    string // of the subscription, and of its file without .yaml
	Purpose string // one sentence or two: the file's first line
	Text    []byte // the file; the caller's to keep
}

// All are in the order of their names.
func All() []Ready {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // they are in the binary
	}
	var all []Ready
	for _, e := range entries {
		text, err := files.ReadFile(e.Name())
		if err != nil {
			panic(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		all = append(all, Ready{strings.TrimSuffix(e.Name(), path.Ext(e.Name())), strings.TrimSpace(strings.TrimPrefix(first, "#")), text})
	}
	slices.SortFunc(all, func(a, b Ready) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Find gives the one called name.
func Find(name string) (r Ready, ok bool) {
	for _, r := range All() {
		if r.Name == name {
			return r, true
		}
	}
	return Ready{}, false
}
