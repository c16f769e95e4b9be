//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package connect

// ClosedByPeer reports whether the broker is known to have closed the connection.
// Here that is not known before something is written.
func (b *Broker) ClosedByPeer() bool { return false }
