package contender

import (
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
)

// partial names the members that the switches are about; all others stay text,
// those that no schema names among them.
type partial struct {
	Events     []partialEvent `json:"events"`
	MPID       int64          `json:"mpid"`
	IP         jsontext.Value `json:"ip,omitzero"`
	MPDeviceID jsontext.Value `json:"mp_deviceid,omitzero"`
	DeviceInfo *partialDevice `json:"device_info,omitzero"`
	Context    *located       `json:"context,omitzero"`
	UniqueID   string         `json:"unique_id,omitzero"`
	Others     jsontext.Value `json:",embed"`
}

type partialEvent struct {
	EventType string         `json:"event_type"`
	Data      *located       `json:"data,omitzero"`
	Others    jsontext.Value `json:",embed"`
}

type partialDevice struct {
	Device jsontext.Value `json:"device,omitzero"`
	Others jsontext.Value `json:",embed"`
}

type located struct {
	Location jsontext.Value `json:"location,omitzero"`
	Others   jsontext.Value `json:",embed"`
}

// withJSONv2 decodes what it needs with what is to become encoding/json/v2, and
// keeps 64-bit integers and unknown members.
func withJSONv2(input []byte) (key, value []byte, err error) {
	var b partial
	if err := json.Unmarshal(input, &b); err != nil {
		return nil, nil, err
	}
	b.Events = slices.DeleteFunc(b.Events, func(e partialEvent) bool { return work.Dropped(e.EventType) })
	for _, e := range b.Events {
		if e.Data != nil {
			e.Data.Location = nil
		}
	}
	if b.Context != nil {
		b.Context.Location = nil
	}
	if b.DeviceInfo != nil {
		b.DeviceInfo.Device = nil
	}
	b.IP, b.MPDeviceID, b.UniqueID = nil, nil, work.UniqueID
	value, err = json.Marshal(&b)
	return strconv.AppendInt(nil, b.MPID, 10), value, err
}
