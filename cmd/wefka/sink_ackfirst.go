//go:build ackfirst

package main

import (
	"bytes"
	"context"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/subscriptions"
)

func promised(sink subscriptions.Sink) subscriptions.Sink { return liar{sink} }

// liar says that a batch is stored, and then stores it.
type liar struct{ subscriptions.Sink }

func (l liar) Deliver(ctx context.Context, b *events.Batch) error {
	kept := *b
	kept.Raw = make([][]byte, len(b.Raw))
	for i, raw := range b.Raw {
		kept.Raw[i] = bytes.Clone(raw)
	}
	go l.Sink.Deliver(context.WithoutCancel(ctx), &kept)
	return nil
}
