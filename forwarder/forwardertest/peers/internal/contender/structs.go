package contender

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
	"github.com/eventferry/eventferry/forwarder/internal/testbatch"
)

// withStructs decodes into structs with a field for each member of mParticle's
// schema and encodes them again. What the schema does not name is lost, and so
// are members that are null or empty.
func withStructs(input []byte) (key, value []byte, err error) {
	var b testbatch.Batch
	if err := json.Unmarshal(input, &b); err != nil {
		return nil, nil, err
	}
	b.Events = slices.DeleteFunc(b.Events, func(e testbatch.Event) bool { return work.Dropped(e.EventType) })
	for _, e := range b.Events {
		if e.Data != nil {
			e.Data.Location = nil
		}
	}
	if b.Context != nil {
		b.Context.Location = nil
	}
	if b.DeviceInfo != nil {
		b.DeviceInfo.Device = ""
	}
	b.IP, b.MPDeviceID, b.UniqueID = "", nil, work.UniqueID
	value, err = json.Marshal(b)
	return strconv.AppendInt(nil, b.MPID, 10), value, err
}
