package apachekafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/machinelock"
)

// Ports are below those that Linux gives to outgoing connections, so that none of
// these takes one while a broker is down.
const (
	lowestPort, highestPort = 20000, 32000
	portsInBlock            = 100
)

// A portBlock is ports that no other cluster has, in whatever process, until the
// block is closed: a broker that is down finds its port free when it comes back.
// Where files cannot be locked, clusters may take each other's.
type portBlock struct {
	lowest int
	lock   *os.File
}

// claimPorts chooses a block that no cluster has.
func claimPorts() (*portBlock, error) {
	const blocks = (highestPort - lowestPort) / portsInBlock
	var last error
	for _, i := range rand.Perm(blocks) {
		b := &portBlock{lowest: lowestPort + i*portsInBlock}
		var err error
		b.lock, err = machinelock.Try(filepath.Join(os.TempDir(), fmt.Sprintf("eventferry-ports-%d.lock", b.lowest)))
		if err == nil {
			return b, nil
		}
		last = err
	}
	return nil, fmt.Errorf("apachekafka: no block of ports between %d and %d: %w", lowestPort, highestPort, last)
}

// free returns ports of the block that are free on 127.0.0.1.
func (b *portBlock) free(ctx context.Context, n int) ([]int, error) {
	var (
		lc    net.ListenConfig
		held  []net.Listener // until all are chosen
		ports []int
		last  = errors.New("the block has not as many")
	)
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for _, i := range rand.Perm(portsInBlock) {
		if len(ports) == n {
			break
		}
		port := b.lowest + i
		l, err := lc.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			last = err
			continue
		}
		held, ports = append(held, l), append(ports, port)
	}
	if len(ports) < n {
		return nil, fmt.Errorf("apachekafka: no %d free ports of %d from %d on: %w", n, portsInBlock, b.lowest, last)
	}
	return ports, nil
}

// close gives the ports back.
func (b *portBlock) close() {
	if b != nil {
		_ = b.lock.Close()
	}
}
