//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package connect

import (
	"errors"
	"syscall"
)

// ClosedByPeer reports whether the broker is known to have closed the connection,
// on which nothing may be under way. It does not block. What a broker sends
// without being asked counts as well: the end of a TLS connection looks so.
func (b *Broker) ClosedByPeer() bool {
	socket, ok := b.socket.(syscall.Conn)
	if !ok {
		return false // a dialer's own connection
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	closed := false
	err = raw.Control(func(fd uintptr) {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT) //nolint:gosec // a descriptor
		closed = !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
	})
	return err != nil || closed
}
