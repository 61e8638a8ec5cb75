//go:build !ackfirst

package main

import "github.com/wefka/wefka/subscriptions"

// promised is the sink as hosts are promised it: what it has taken is in Kafka. Built with the tag ackfirst it is a liar, which proves
// that the ordeal would notice.
func promised(sink subscriptions.Sink) subscriptions.Sink { return sink }
