package main

import (
	"context"
	"net"
	"syscall"
)

// peer is the process at the other end of the admin socket, as the kernel knows it.
type peer struct {
	uid uint32
	pid int32
}

type peerKey struct{}

// withPeer is http.Server.ConnContext of the admin socket: it asks once a connection (unix(7), SO_PEERCRED).
func withPeer(ctx context.Context, c net.Conn) context.Context {
	socket, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return ctx
	}
	_ = raw.Control(func(fd uintptr) {
		if credentials, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
			ctx = context.WithValue(ctx, peerKey{}, peer{credentials.Uid, credentials.Pid})
		}
	})
	return ctx
}
