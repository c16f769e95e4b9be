package receiver

import (
	"context"
	"fmt"

	"github.com/eventferry/eventferry/batch"
)

// identify looks for the user of a batch that has none.
func (r *Receiver) identify(ctx context.Context, x *exchange, p *posting) {
	if _, known := p.batch.UserID(); known || !p.own || r.options.identify == nil {
		return
	}
	ids := identitiesOf(p.batch)
	ids.Feed = x.feed.Name
	p.err = guarded("Identify", func() error {
		id, ok, err := r.options.identify(ctx, ids)
		if err == nil && ok && id != 0 {
			p.batch = p.batch.WithUserID(id)
		}
		return err
	})
	if p.err != nil {
		p.err = fmt.Errorf("receiver: looking for the user: %w", p.err)
		p.claim.settle(p.err, nil, r.options.now())
		p.own = false
	}
}

func identitiesOf(b *batch.Batch) (ids Identities) {
	for name, v := range b.Identities() {
		if text, ok := v.Text(); ok && text != "" {
			ids.User = append(ids.User, Identity{identityType(name), text})
		}
	}
	ids.DeviceID, _ = b.At("mp_deviceid").Text()
	for name, v := range b.At("device_info").All() {
		if text, ok := v.Text(); ok && text != "" && isDeviceID(name) {
			ids.Device = append(ids.Device, Identity{name, text})
		}
	}
	return ids
}

// isDeviceID reports whether a member of device_info is an id, by mParticle's schema.
func isDeviceID(name string) bool {
	switch name {
	case "ios_advertising_id", "ios_idfv", "android_advertising_id", "android_uuid", "roku_advertising_id", "roku_publisher_id",
		"fire_advertising_id", "microsoft_advertising_id", "microsoft_publisher_id", "amp_id":
		return true
	}
	return false
}
