package forwarder

import (
	"context"
	"errors"
	"time"
	"weak"

	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

// openSpool returns the use of the spool that s or o name, for these topics; nil if
// there is none.
func openSpool(ctx context.Context, s settings.Settings, o options, topics []string) (*spoolUse, error) {
	u := &spoolUse{
		spool: o.spool, claim: spoolstore.Claim{Topics: topics}, log: o.logger,
		started: make(chan struct{}), stop: make(chan struct{}), ended: make(chan struct{}),
		waiting: map[uint64]*storedBatch{}, gathered: map[uint64]*gathering{}, left: map[uint64]weak.Pointer[storedBatch]{},
	}
	if s.Spool.Dir != "" {
		opened, err := spool.Open(ctx, s.Spool.Dir, spool.Options{MaxBytes: s.Spool.MaxBytes, Logger: o.logger})
		if err != nil {
			return nil, err
		}
		u.spool, u.owned = opened, true
	}
	if u.spool == nil {
		return nil, nil
	}
	claimed, err := u.spool.Attach(u.claim)
	if err != nil {
		if u.owned {
			err = errors.Join(err, u.spool.Close())
		}
		return nil, err
	}
	u.store, u.hold, u.producerIDExpiration = claimed.Store, claimed.Hold, claimed.ProducerIDExpiration
	length := o.windowLength(s)
	u.gathers = length != 0
	if u.gathers {
		if u.store.Segments() < windowSegments {
			u.detach()
			return nil, errWindowSegments
		}
	}
	if u.gathers || u.store.HasWindows() {
		gathered := min(int64(s.Delivery.MaxMessageBytes), u.store.EntryBytes()/2) // half is for the numbers of the parts
		u.windows = newWindows(u.store, max(length, time.Second), int(gathered), s.Delivery.MaxBufferedBytes/windowShare, o.logger)
		u.windows.moved = u.moved
	}
	return u, nil
}

// windowSegments is how many segments a spool with windows needs: with fewer, all of
// them would be kept free for what waits.
const windowSegments = 4

var errWindowSegments = errors.New("windows need a spool of four segments at least: raise spool.max_bytes, or lower Options.SegmentBytes")

// windowShare divides delivery.max_buffered_bytes: so much memory may be taken by what
// is known of open windows, as much again by closed ones until they are stored, and half
// as much by texts. All of it is beside the buffer.
const windowShare = 4
