//go:build !linux

package main

import (
	"context"
	"net"
)

type peer struct {
	uid uint32
	pid int32
}

type peerKey struct{}

// withPeer knows nobody here, so nobody may change anything.
func withPeer(ctx context.Context, _ net.Conn) context.Context { return ctx }
