package subscriptions_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/wsman"
)

// A batch that the output refuses for its computers is answered 403, and its bookmark is not kept: nothing of it was written.
func TestRefusedForIdentity(t *testing.T) {
	b := newBench(t, example())
	b.events(mark1, ordinary)
	b.sink.deliver = func(context.Context, *events.Batch) error { return fmt.Errorf("1 of 1 events: %w", events.ErrIdentity) }
	err := b.Events(context.Background(), pc1, message(mark2, ordinary))
	var f *wsman.Fault
	if !errors.As(err, &f) || f.Status != 403 || f.Reason != "identity" {
		t.Error(err)
	}
	if got := b.store.states[key1].Bookmark; got != mark1 {
		t.Errorf("bookmark %s", got)
	}
	b.sink.deliver = nil
	b.events(mark2, ordinary)
}
