package wsman_test

import (
	"errors"
	"testing"

	"github.com/wefka/wefka/wsman"
)

// FuzzClientAnswer: a collector may say anything. What is accepted has all that a source needs.
func FuzzClientAnswer(f *testing.F) {
	f.Add(offeredItem)
	f.Add("")
	f.Add("<m:Subscription xmlns:m='http://schemas.microsoft.com/wbem/wsman/1/subscription'/>")
	f.Fuzz(func(t *testing.T, items string) {
		s := &scripted{t: t, answer: func(_ int, got heardRequest) string { return okAnswer(offerResponse(t, got, items)) }}
		list, err := s.client().Enumerate(t.Context(), "https://wec01.corp.example:5986/x")
		if err != nil {
			if !errors.Is(err, wsman.ErrAnswer) {
				t.Fatal(err)
			}
			return
		}
		for _, o := range list.Offers {
			if o.ID == "" || o.Version == "" || o.NotifyTo == "" || o.EndTo == "" || o.MaxTime < 0 || o.RetryCount < 0 {
				t.Fatalf("%+v", o)
			}
		}
	})
}
