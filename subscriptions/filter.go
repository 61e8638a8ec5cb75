package subscriptions

import (
	"slices"

	"github.com/wefka/wefka/wsman"
)

// Admits says whether from may have the subscription. Only what its transport proved is looked at.
func (t *Targets) Admits(from wsman.Source) bool { return t.unmet(from) == "" }

// unmet is the key of the first list that keeps from out; "" = none.
func (t *Targets) unmet(from wsman.Source) string {
	named := func(g Glob) bool { return g.Match(from.Name) }
	addr := from.Addr.Addr().Unmap().WithZone("")
	switch {
	case slices.ContainsFunc(t.Except, named):
		return "except"
	case !met(t.Names, named):
		return "names"
	case !met(t.Groups, func(g SID) bool { return g.among(from.Groups) }):
		return "groups"
	case !met(t.Networks, func(n Network) bool { return n.Contains(addr) }):
		return "networks"
	case !met(t.Certificates, func(a Attribute) bool { return from.Leaf != nil && a.Match(from.Leaf) }):
		return "certificates"
	}
	return ""
}

// AdmitsPath says whether the subscription is offered at the URL path of an Enumerate.
func (t *Targets) AdmitsPath(path string) bool {
	return met(t.Paths, func(p Path) bool { return string(p) == path })
}

// met is true for an empty list.
func met[T interface {
	Glob | SID | Network | Attribute | Path
}](list []T, fits func(T) bool) bool {
	return len(list) == 0 || slices.ContainsFunc(list, fits)
}
