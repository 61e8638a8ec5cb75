package subscriptions

import (
	"errors"

	"github.com/wefka/wefka/subscriptions/strict"
)

// Finding is one thing about a subscription file that is wrong, or probably not meant. It is the error that Load gives, and unwraps to
// a *strict.Error, which knows the place.
type Finding struct {
	Rule    string // what was broken, as xpath-function; "file" for what no other rule names
	Fatal   bool   // wefka does not take the file
	Windows string // what a host would do with it; "" = it never sees it
	Cure    string // "" = the message says it

	at error
}

func (f *Finding) Error() string { return f.at.Error() }
func (f *Finding) Unwrap() error { return f.at }

// Place is where the finding stands, and what it says there; nil when it is about a whole file.
func (f *Finding) Place() *strict.Error {
	var at *strict.Error
	errors.As(f.at, &at)
	return at
}

// Level is error or warning.
func (f *Finding) Level() string {
	if f.Fatal {
		return "error"
	}
	return "warning"
}

// rule is what follows when a query breaks it.
type rule struct {
	fatal         bool
	windows, cure string
}

// What hosts do, by the events of Microsoft-Windows-Forwarding/Operational.
const (
	refused     = "the host refuses the subscription: Forwarding 102 with 15001, invalid query"
	malformed   = "the host refuses the subscription: Forwarding 102 with 15008, malformed query XML"
	noChannel   = "the host finds no such channel: Forwarding 101 or 102 with 15007"
	matchesNone = "the host takes the query, and it matches no event"
)

// rules are those of queries, by name.
var rules = map[string]rule{
	"query-xml":       {true, malformed, "a QueryList is plain XML: < is &lt;, & is &amp;"},
	"query-element":   {true, malformed, "QueryList holds Query, which holds Select and Suppress, which hold text"},
	"query-attribute": {true, malformed, "Query has Id and Path, Select and Suppress have Path"},
	"query-empty":     {true, refused, `add <Select Path="CHANNEL">*</Select>`},
	"query-id":        {true, "the host cannot tell the queries apart, or refuses them", "number the Query elements: 0, 1, 2"},
	"query-channels":  {true, refused, "split it into several subscriptions"},
	"path-missing":    {true, refused, "name a channel, as wevtutil el lists them"},
	"path-wildcard":   {true, noChannel, "name each channel in a Select of its own"},
	"path-space":      {true, noChannel, "remove the space"},
	"path-file":       {false, "forwarding reads channels only, so the host refuses the query or sends nothing for it", "name the channel"},
	"path-mixed":      {false, "one query reads channels or files, not both: the host refuses it", "remove the files"},
	"suppress-select": {true, refused, "add a Select of the same Path to the same Query, or move the Suppress to it"},
	"xpath-empty":     {true, refused, "write * for every event"},
	"xpath-syntax":    {true, refused, ""},
	"xpath-operator":  {true, refused, "there are = != < <= > >= and or"},
	"xpath-axis":      {true, refused, "write the path from the event down: *[System/EventID=1]"},
	"xpath-function":  {true, refused, "only whole values compare; filter parts of texts in the program that writes the event, or behind the collector"},
	"xpath-terms":     {false, "hosts refuse expressions from about 22 comparisons on: Forwarding 102 with 15001", "use ranges (EventID &gt;= 11 and EventID &lt;= 15), and several Select elements, which are joined by or"},
	"xpath-size":      {true, refused, "use ranges (EventID &gt;= 11 and EventID &lt;= 15), and several Select elements, which are joined by or"},
	"xpath-wildcard":  {false, matchesNone, "write the whole value"},
	"xpath-context":   {false, matchesNone, "begin with *[ and close it with ]"},
	"xpath-case":      {false, matchesNone, "names are case-sensitive"},
	"xpath-name":      {false, matchesNone, "look at an event's XML: wevtutil qe CHANNEL /c:1"},
}
