package compacted

import (
	"context"
	"time"

	"github.com/wefka/wefka/subscriptions"
)

// For the tests, which stand outside.

// Intercept puts a function in place of each write into the topic; it gets the real one to call or not.
func (s *Store) Intercept(f func(write func() error) error) {
	write := s.write
	s.write = func(ctx context.Context, records []entry) (refused map[int]error, err error) {
		err = f(func() error { refused, err = write(ctx, records); return err })
		return refused, err
	}
}

// Every makes rounds shorter or longer, before Start.
func (s *Store) Every(round time.Duration) { s.round = round }

// Shelved packs and unpacks.
func Shelved(s subscriptions.State) (subscriptions.State, int) {
	var f shelf
	packed := f.pack(s)
	return f.unpack(packed), len(packed)
}
