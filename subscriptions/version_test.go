package subscriptions_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/subscriptions"
	"github.com/wefka/wefka/subscriptions/strict"
)

const everything = `<QueryList><Query Id="0"><Select Path="Security">*</Select></Query></QueryList>`

func example() *subscriptions.Subscription {
	s := subscriptions.New()
	s.Name, s.ID, s.Query = "security", "5f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a11", everything
	return s
}

// TestVersionIsPinned fails when the canonical form changes: then every source in the field would re-create its subscriptions.
func TestVersionIsPinned(t *testing.T) {
	if got, want := example().Version(), "66F4039E-9228-50A4-9CA8-8C192D73A9B7"; got != want {
		t.Errorf("version %s, want %s", got, want)
	}
}

// Requirement 57.
func TestVersionFollowsWhatASourceSees(t *testing.T) {
	before := example().Version()
	if !regexp.MustCompile(`^[0-9A-F]{8}-[0-9A-F]{4}-5[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$`).MatchString(before) {
		t.Errorf("%s is no upper-case UUIDv5", before)
	}
	seen := map[string]string{before: "nothing"}
	for name, change := range map[string]func(s *subscriptions.Subscription){
		"name":                 func(s *subscriptions.Subscription) { s.Name = "x" },
		"id":                   func(s *subscriptions.Subscription) { s.ID = "5f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a12" },
		"query":                func(s *subscriptions.Subscription) { s.Query = strings.Replace(s.Query, "Security", "System", 1) },
		"content_format":       func(s *subscriptions.Subscription) { s.ContentFormat = "rendered_text" },
		"locale":               func(s *subscriptions.Subscription) { s.Locale = "en-US" },
		"compression":          func(s *subscriptions.Subscription) { s.Compression = false },
		"ignore_channel_error": func(s *subscriptions.Subscription) { s.IgnoreChannelError = false },
		"read_existing_events": func(s *subscriptions.Subscription) { s.ReadExistingEvents = true },
		"heartbeat":            func(s *subscriptions.Subscription) { s.Delivery.Heartbeat = strict.Duration(time.Minute) },
		"max_time":             func(s *subscriptions.Subscription) { s.Delivery.MaxTime = strict.Duration(time.Minute) },
		"max_elements":         func(s *subscriptions.Subscription) { s.Delivery.MaxElements = 10 },
		"max_envelope_size":    func(s *subscriptions.Subscription) { s.Delivery.MaxEnvelopeSize = 1 << 20 },
		"oversize":             func(s *subscriptions.Subscription) { s.Delivery.Oversize = "skip" },
		"retry.count":          func(s *subscriptions.Subscription) { s.Delivery.Retry.Count = 6 },
		"retry.interval":       func(s *subscriptions.Subscription) { s.Delivery.Retry.Interval = strict.Duration(time.Hour) },
	} {
		s := example()
		change(s)
		if other, ok := seen[s.Version()]; ok {
			t.Errorf("%s changes nothing, as %s", name, other)
		}
		seen[s.Version()] = name
	}
	for name, change := range map[string]func(s *subscriptions.Subscription){
		"enabled": func(s *subscriptions.Subscription) { s.Enabled = false },
		"targets": func(s *subscriptions.Subscription) { s.Targets.Names = make([]subscriptions.Glob, 1) },
		"output": func(s *subscriptions.Subscription) {
			s.Output = subscriptions.Output{Topic: "x", Format: "xml", BookmarkEvent: true}
		},
		"case of id": func(s *subscriptions.Subscription) { s.ID = strings.ToUpper(s.ID) },
		"nothing":    func(*subscriptions.Subscription) {},
	} {
		s := example()
		change(s)
		if s.Version() != before {
			t.Errorf("%s is none of the source's business", name)
		}
	}
	rendered, told := example(), example()
	rendered.ContentFormat, told.ContentFormat, told.Locale = "rendered_text", "rendered_text", "en-US"
	if rendered.Version() != told.Version() {
		t.Error("the default locale, written out, is no change")
	}
}
