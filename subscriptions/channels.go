package subscriptions

import (
	"slices"
	"strings"

	"github.com/beevik/etree"
)

// Channels are the event logs that the query selects from, in the query's spelling and order, each once.
func (s *Subscription) Channels() []string {
	doc := etree.NewDocument()
	if doc.ReadFromString(s.Query) != nil {
		return nil // Load would not have let it through
	}
	var channels []string
	for _, selected := range doc.FindElements("/QueryList/Query/Select") {
		path := selected.SelectAttrValue("Path", selected.Parent().SelectAttrValue("Path", ""))
		path = strings.TrimSpace(path)
		if path != "" && !slices.ContainsFunc(channels, func(c string) bool { return strings.EqualFold(c, path) }) {
			channels = append(channels, path)
		}
	}
	return channels
}
