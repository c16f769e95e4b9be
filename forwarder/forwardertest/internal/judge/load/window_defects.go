package load

import (
	"sync/atomic"

	"github.com/eventferry/eventferry/batch"
)

// What is wrong with a process that has windows: what reaches the log is what windows
// would make that break one promise.
const (
	LosesEvent    Defect = "an event of a window lost"
	RepeatsBatch  Defect = "a batch of a window twice"
	SwapsInWindow Defect = "two of a device gathered the wrong way round"
	MixesDevices  Defect = "a batch in the window of another device"
)

// A windowDefect strikes once in the life of a process.
type windowDefect struct {
	defect Defect
	calls  atomic.Int64
	struck atomic.Bool
}

// strikes reports whether it is time for a defect, and can says that the batches of this
// call are of the kind that it needs.
func (w *windowDefect) strikes(d Defect, can bool) bool {
	const from = 20
	return w.defect == d && w.calls.Add(1) >= from && can && w.struck.CompareAndSwap(false, true)
}

// spoil returns what is stored instead of b.
func (w *windowDefect) spoil(b *batch.Batch) *batch.Batch {
	if w.strikes(LosesEvent, b.NumEvents() > 1) {
		b = b.Clone()
		b.DropEvents("lost", func(e batch.Event) bool { return e.Index() == 1 })
	}
	if device, named := b.At("mp_deviceid").Text(); w.strikes(MixesDevices, named) {
		b = b.Clone()
		other := map[byte]byte{'1': '2', '2': '1'}[device[len(device)-1]]
		if err := b.At("mp_deviceid").Set(device[:len(device)-1] + string(other)); err != nil {
			panic(err) // it is a text
		}
	}
	return b
}

// repeats reports whether b, which was stored, is to be stored again.
func (w *windowDefect) repeats(b *batch.Batch) bool {
	return w.strikes(RepeatsBatch, b.At("mp_deviceid").Exists())
}

// swap changes the places of two batches of a device.
func (w *windowDefect) swap(bs []*batch.Batch) {
	last := map[string]int{}
	for i, b := range bs {
		device, named := b.At("mp_deviceid").Text()
		j, again := last[device]
		if w.strikes(SwapsInWindow, named && again) {
			bs[i], bs[j] = bs[j], bs[i]
			return
		}
		last[device] = i
	}
}
