package doctor

import (
	"context"
	"net"

	"github.com/eventferry/eventferry/forwarder"
)

// addresses looks whether each address is free beside the others, and gives them back.
func (s Service) addresses(ctx context.Context) (checks []forwarder.Check) {
	var held []net.Listener
	for _, l := range s.Listen {
		member, address := l[0], l[1]
		listener, err := listen(ctx, address)
		switch {
		case err == nil:
			held = append(held, listener)
			checks = append(checks, fine("address", member, address+" is free"))
		case inUse(err):
			checks = append(checks, taken(ctx, member, address, err, &held))
		default:
			checks = append(checks, wrong("address", member, oneLine(err), "give "+member+" another address, host:port"))
		}
	}
	release(&held)
	return checks
}

// taken is for an address that cannot be had beside those that are held, which it gives
// back. One of somebody else's may be the service's own.
func taken(ctx context.Context, member, address string, err error, held *[]net.Listener) forwarder.Check {
	if len(*held) > 0 {
		release(held)
		if l, alone := listen(ctx, address); alone == nil {
			_ = l.Close() // nothing was accepted
			return wrong("address", member, address+" is also that of another member", "give each an address of its own")
		}
	}
	c := wrong("address", member, oneLine(err), "give "+member+" another address, host:port, or end what listens there")
	c.Status, c.Do = forwarder.CheckWarning, "leave it if this service runs; else end what listens there, or give "+member+" another address"
	return c
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(ctx, "tcp", address)
}

func release(held *[]net.Listener) {
	for _, l := range *held {
		_ = l.Close() // nothing was accepted
	}
	*held = nil
}
