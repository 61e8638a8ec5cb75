package subscriptions_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/subscriptions"
)

// What Windows takes, from its own documents and the queries that are in use.
var taken = []string{
	"*",
	" * ",
	"*[System[EventID=4624]]",
	"*[System[(EventID=5 or EventID=7)]]",
	"*[System[(EventID >= 12 and EventID <= 14)]]",
	"*[System[Provider[@Name='Microsoft-Windows-Security-Auditing'] and (Level=4 or Level=0) and EventID=4740]]",
	"*[System[TimeCreated[timediff(@SystemTime) <= 86400000]]]",
	"*[System[TimeCreated[@SystemTime>='2026-01-01T00:00:00.000Z' and @SystemTime<'2026-01-02T00:00:00.000Z']]]",
	"*[System[band(Keywords,9007199254740992)]]",
	"*[System[(band(Keywords, 0x10000000000000)) and Task = 12544]]",
	"*[System[EventID=3]] and *[EventData[Data[@Name='DestinationIp']='127.0.0.1' or Data[@Name=\"DestinationIp\"]='0:0:0:0:0:0:0:1']]",
	"*[EventData[Data='<Anonymous Pipe>']]",
	"*[EventData[Data[1]='x' and Data[position()=2]!='y']]",
	"*[UserData/*/Param1='x'] or *[UserData[RuleAndFileData[PolicyName='EXE']]]",
	"Event[System/EventID='999']",
	"Event/System[EventID=1]",
	"(*[System[EventID=1]]) and (*[EventData/Data/text()='a'])",
	"*[child::System[attribute::x=1 or EventID=2]]",
	"*[System[Security[@UserID='S-1-5-18']]]",
	"*[EventData[Data[@Name='and']='or' and Data='']]",
}

func TestXPathThatWindowsTakes(t *testing.T) {
	for _, text := range taken {
		for _, p := range subscriptions.ParseXPath(text) {
			if !strings.Contains(text, "attribute::x") {
				t.Errorf("%s: %s", text, p)
			}
		}
	}
}

func TestXPathThatItDoesNot(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"*[System[EventID=1]", "19 xpath-syntax the expression ends too early: ] is missing here"},
		{"*[System[]]", "9 xpath-syntax ] is not understood: a value, a path or ( should stand here"},
		{"*[System[EventID=1]]]", "20 xpath-syntax ] is not understood: the expression should end here"},
		{"*[System[EventID=]]", "17 xpath-syntax ] is not understood: a value, a path or ( should stand here"},
		{"*[System[EventID=1=2]]", "18 xpath-syntax a comparison has two sides; join several by and"},
		{"*[System[EventID=4624x]]", "17 xpath-syntax 4624x is no number; put texts between quotes"},
		{"*[EventData[Data='x]]", "17 xpath-syntax the quote that opens here is not closed"},
		{"*[EventData[Data='", "17 xpath-syntax the quote that opens here is not closed"},
		{"*[EventData[Data=‘x’]]", "17 xpath-syntax ‘ is no quote; write '"},
		{"*[EventData[Data=#]]", `17 xpath-syntax "#" belongs to no XPath`},
		{"*[System[EventID=1 EventID=2]]", "19 xpath-syntax EventID is not understood: ] is missing here"},
		{"*[System[EventID==1]]", "16 xpath-operator == is no operator; write ="},
		{"*[System[EventID<>1]]", "16 xpath-operator <> is no operator; write !="},
		{"*[System[EventID=1 && EventID=2]]", "19 xpath-operator && is no operator; write and"},
		{"*[System[EventID=1 || EventID=2]]", "19 xpath-operator || is no operator; write or"},
		{"*[System[EventID=1 OR EventID=2]]", "19 xpath-operator OR is no operator; write or"},
		{"*[System[EventID * 2 = 4]]", "17 xpath-operator Windows lacks the operator *"},
		{"*[System[EventID mod 2 = 1]]", "17 xpath-operator Windows lacks the operator mod"},
		{"*[System[EventID=1]] | *[System[EventID=2]]", "21 xpath-operator Windows lacks the operator |"},
		{"*[System[EventID=-1]]", "17 xpath-operator Windows lacks the operator -"},
		{"//System", "0 xpath-axis //: a path goes from the event down, as in System/EventID"},
		{"/Event/System", "0 xpath-axis /: a path goes from the event down, as in System/EventID"},
		{"*[System//EventID=1]", "8 xpath-axis //: name every element on the way, or write * for one of any name"},
		{"*[System/../EventData]", "9 xpath-axis Windows lacks ..; a path names each element from the event down"},
		{"*[descendant::Data='x']", "2 xpath-axis descendant:: is an axis that Windows lacks; there are child and attribute"},
		{"*[EventData[contains(Data,'x')]]", "12 xpath-function Windows has no function contains; there are band, timediff and position"},
		{"*[EventData[starts-with(Data[@Name='Image'],'C:') and not(Data='y')]]", "12 xpath-function Windows has no function starts-with; there are band, timediff and position\n" +
			"54 xpath-function Windows has no function not; there are band, timediff and position"},
		{"*[EventData[Data[last()]='x']]", "17 xpath-function Windows has no function last; there are band, timediff and position"},
		{"*[System[TimeCreated[TimeDiff(@SystemTime)<1]]]", "21 xpath-function TimeDiff is written timediff"},
		{"*[System[band(Keywords)]]", "9 xpath-function band takes two arguments, not 1"},
		{"*[System[band(Keywords 1)]]", "23 xpath-syntax 1 is not understood: , is missing between the arguments of band"},
		{"*[EventData[Data='*powershell*']]", "17 xpath-wildcard '*powershell*' is compared as it is: * is a character like any other"},
		{"System[EventID=1]", "0 xpath-context System: an expression begins with *, as in *[System[EventID=1]]"},
		{"*[system[EventID=1]]", "2 xpath-case system is written System"},
		{"*[System[EventId=1]]", "9 xpath-case EventId is written EventID"},
		{"*[EventData[Data[@name='Image']='x']]", "18 xpath-case @name is written @Name"},
		{"*[EventData[Image='x']]", "12 xpath-name EventData has no Image; there are Data, Binary, ComplexData, @Name"},
		{"*[System[Provider=1 and Provider[@Guide='x']]]", "34 xpath-name Provider has no @Guide; there are @Name, @Guid, @EventSourceName"},
		{"*[System[", "9 xpath-syntax the expression ends too early"},
		{"*[", "2 xpath-syntax the expression ends too early"},
		{"*[System/]", "9 xpath-syntax ] is not understood: a name or * should stand here"},
		{"*[" + strings.Repeat("(", 100), "65 xpath-syntax more than 64 brackets are open"},
	} {
		got := strings.Join(subscriptions.ParseXPath(c.text), "\n")
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", c.text, diff)
		}
	}
}

// TestLint holds rules, levels and places of everything that may be wrong with a query.
func TestLint(t *testing.T) {
	many := func(n int) string { return "*[System[" + strings.Repeat("EventID=1 or ", n-1) + "EventID=1]]" }
	yaml := `name: x
id: 5f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a11
query: |
  <QueryList>
    <Query Path="Security">
      <Select>*[System[EventID &lt;= 3 and contains(Computer, 'x')]]</Select>
      <Select><![CDATA[*[System[EventID <= 3 and EventIT = 1]]]]></Select>
      <Select>` + many(20) + `</Select>
      <Select>` + many(21) + `</Select>
      <Select>` + many(33) + `</Select>
      <Suppress Path="system">*</Suppress>
      <Suppress Path="SECURITY">*[System[EventID=1]]</Suppress>
    </Query>
  </QueryList>
`
	dir := folder(t, "a.yaml", yaml, "b.yaml", "name: y\nid: 5f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a11\nqeury: x\n")
	found, err := subscriptions.Lint([]string{filepath.Join(dir, "b.yaml"), filepath.Join(dir, "a.yaml")}, nil)
	must(t, err)
	var got []string
	for _, f := range found {
		at := f.Place()
		got = append(got, fmt.Sprintf("%s:%d:%d %s %s", filepath.Base(at.File), at.Line, at.Column, f.Level(), f.Rule))
		if f.Rule != "file" && f.Windows == "" {
			t.Error(f.Rule, "does not say what Windows does")
		}
	}
	want := []string{
		"a.yaml:6:44 error xpath-function",
		"a.yaml:7:50 warning xpath-name",
		"a.yaml:9:7 warning xpath-terms",
		"a.yaml:10:7 error xpath-size",
		"a.yaml:11:7 error suppress-select",
		"b.yaml:3:1 error file",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, err := subscriptions.Lint([]string{filepath.Join(dir, "c.yaml")}, nil); err == nil {
		t.Error("a file that is not there")
	}
}

func FuzzXPath(f *testing.F) {
	for _, text := range taken {
		f.Add(text)
	}
	input, err := os.ReadFile("testdata/bad.txt")
	must(f, err)
	for _, line := range strings.Split(string(input), "\n") {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, text string) {
		said := subscriptions.ParseXPath(text)
		for _, s := range said {
			var at int
			if _, err := fmt.Sscan(s, &at); err != nil || at < 0 || at > len(text) {
				t.Errorf("%q: %s", text, s)
			}
		}
		if len(said) == 0 { // what is fine stays fine within brackets
			if again := subscriptions.ParseXPath("(" + text + ")"); len(again) > 0 && len(text) < 60 {
				t.Errorf("%q: %v", text, again)
			}
		}
	})
}
