package main

import (
	"context"
	"sync/atomic"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/output"
)

// current is the output in force. A reload puts another in its place; a batch ends in the one that it began in.
type current struct{ kafka atomic.Pointer[output.Kafka] }

func newCurrent(k *output.Kafka) *current {
	c := &current{}
	c.kafka.Store(k)
	return c
}

// Deliver is output.Kafka's.
func (c *current) Deliver(ctx context.Context, b *events.Batch) error {
	return c.kafka.Load().Deliver(ctx, b)
}
