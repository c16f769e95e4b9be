package filters

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/eventferry/eventferry/batch"
)

// A SampleOption changes how [Sample] treats batches.
type SampleOption struct{ byDevice bool }

// ByDevice samples batches without a user id by their mp_deviceid. Without it
// they are dropped.
func ByDevice() SampleOption { return SampleOption{byDevice: true} }

// Sample forwards the batches of a fraction of the users, from 0 to 1, and drops
// all others, for [ReasonNotInSample]. The same user is always in or always out,
// in every process, and who is in a sample is in each larger one with the same
// salt. Samples with other salts choose independently.
//
// The choice is a SHA-256 hash of salt and user id, so it does not follow the
// hash that picks partitions: a sample of a tenth keeps about a tenth of each
// partition.
//
// A batch without a user id, and with ByDevice without a device id that can be
// read, is dropped for [ReasonNoUser].
//
// Source: https://docs.mparticle.com/guides/platform-guide/connections/ ("Data is
// sampled on a user level, not an event level"). It does not say what happens to
// data without a user.
func Sample(fraction float64, salt string, options ...SampleOption) batch.Filter {
	var m mistakeList
	f := &sampleFilter{salt: salt}
	if !(fraction >= 0 && fraction <= 1) { // a NaN is neither
		m.add("sample.fraction", "must be from 0 to 1, not %v", fraction)
	} else {
		f.below = uint64(fraction * math.Exp2(53))
	}
	for _, o := range options {
		f.byDevice = f.byDevice || o.byDevice
	}
	return m.build(f)
}

type sampleFilter struct {
	salt     string
	below    uint64 // of 2^53, which a float64 counts exactly
	byDevice bool
}

func (f *sampleFilter) Filter(_ context.Context, b *batch.Batch) error {
	var room [64]byte
	var who []byte
	if id, ok := b.UserID(); ok {
		who = strconv.AppendInt(append(room[:0], "user "...), id, 10)
	} else if f.byDevice {
		raw, ok := b.At(deviceIDPath...).Sole()
		if device, isText := textOf(raw); ok && isText && len(device) > 0 {
			who = append(append(room[:0], "device "...), device...)
		}
	}
	switch {
	case who == nil:
		return batch.Drop(ReasonNoUser)
	case !f.holds(who):
		return batch.Drop(ReasonNotInSample)
	}
	return nil
}

// holds reports whether who is in the sample.
func (f *sampleFilter) holds(who []byte) bool {
	var room [192]byte
	text := append(room[:0], f.salt...)
	text = append(text, 0) // so that no salt runs into an id
	sum := sha256.Sum256(append(text, who...))
	return binary.BigEndian.Uint64(sum[:])>>11 < f.below
}
