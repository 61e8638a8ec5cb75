package subscriptions_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/wefka/wefka/internal/storetest"
	"github.com/wefka/wefka/subscriptions"
)

// settled is a Bolt: what it has taken is durable.
type settled struct{ *subscriptions.Bolt }

func (s settled) Settle(ctx context.Context) error { return s.Flush(ctx) }

func TestBoltKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Open {
		path := filepath.Join(t.TempDir(), "state.db")
		return func(t testing.TB, fault func(func() error) error) storetest.Subject {
			b := open(t, path)
			if fault != nil {
				b.Intercept(fault)
			}
			return settled{b}
		}
	})
}
