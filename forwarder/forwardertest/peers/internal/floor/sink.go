package floor

import (
	"context"
	"net"
)

// Sink listens on a free port of 127.0.0.1, and reads and discards whatever
// comes, until ctx ends. It returns the address for [Measure], which must run
// in another process to not count the reading as its own.
func Sink(ctx context.Context) (addr string, err error) {
	return discard(ctx, func(int) {})
}

// discard is Sink. It calls read, maybe at the same time for several
// connections, with how much it has read.
func discard(ctx context.Context, read func(n int)) (addr string, err error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go drain(ctx, conn, read)
		}
	}()
	return listener.Addr().String(), nil
}

// drain reads from conn until it or ctx ends.
func drain(ctx context.Context, conn net.Conn, read func(n int)) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	// Large, so that reading costs little beside the writing.
	buf := make([]byte, 256<<10)
	for {
		n, err := conn.Read(buf)
		read(n)
		if err != nil {
			return
		}
	}
}
