package forwarder

import (
	"context"
	"encoding/json"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/settings"
)

// The reasons of the settings' own filters, as they appear in [Dropped].
const (
	reasonNotForwarded = "event type is not forwarded"
	reasonSwitchedOff  = "switched off"
	reasonNoEvents     = "no events left"
)

// eventSwitches drop events by their type.
func eventSwitches(s settings.Settings) []namedFilter {
	list := []namedFilter{setting("event_type", dropUnknownTypes)}
	if s.SendNetworkPerformanceEvents == settings.Off {
		list = append(list, setting("send_network_performance_events", dropType(batch.NetworkPerformance)))
	}
	if s.IncludeUserAttributeChangeEvents == settings.Off {
		list = append(list, setting("include_user_attribute_change_events", dropType(batch.UserAttributeChange)))
	}
	if s.IncludeUserIdentityChangeEvents == settings.Off {
		list = append(list, setting("include_user_identity_change_events", dropType(batch.UserIdentityChange)))
	}
	return list
}

// memberSwitches remove members that must not leave, then set unique_id.
func memberSwitches(s settings.Settings) []namedFilter {
	var list []namedFilter
	if s.IncludeLocationInformation == settings.Off {
		list = append(list, setting("include_location_information", removeLocations))
	}
	if s.IncludeEventBatchLocation == settings.Off {
		list = append(list, setting("include_event_batch_location", remove("context", "location")))
	}
	if s.IncludeMetadata == settings.Off {
		list = append(list,
			setting("include_metadata", remove("application_info")),
			setting("include_metadata", remove("device_info")),
			setting("include_metadata", remove("source_info")))
	}
	for _, field := range s.MetadataFieldExclusion {
		switch field {
		case settings.DeviceName:
			list = append(list, setting("metadata_field_exclusion", remove("device_info", "device")))
		case settings.IPAddress:
			list = append(list, setting("metadata_field_exclusion", remove("ip")))
		}
	}
	if s.IncludeMPDeviceID == settings.Off {
		list = append(list, setting("include_mp_device_id", remove("mp_deviceid")))
	}
	if s.UniqueID != "" {
		list = append(list, setting("unique_id", set(s.UniqueID, "unique_id")))
	}
	return list
}

// eventlessSwitch comes last: it judges what all the others have left.
func eventlessSwitch(s settings.Settings) []namedFilter {
	if s.SendBatchesWithoutEvents != settings.Off {
		return nil
	}
	return []namedFilter{setting("send_batches_without_events", dropEventless)}
}

// setting names a filter after the setting's key.
func setting(key string, f batch.FilterFunc) namedFilter { return namedFilter{name: key, filter: f} }

func dropUnknownTypes(_ context.Context, b *batch.Batch) error {
	b.DropTypes(reasonNotForwarded, notForwarded)
	return nil
}

func notForwarded(eventType string) bool { return !batch.IsForwarded(eventType) }

func dropType(name string) batch.FilterFunc {
	is := func(eventType string) bool { return eventType == name }
	return func(_ context.Context, b *batch.Batch) error {
		b.DropTypes(reasonSwitchedOff, is)
		return nil
	}
}

func dropEventless(_ context.Context, b *batch.Batch) error {
	if b.NumEvents() == 0 {
		return batch.Drop(reasonNoEvents)
	}
	return nil
}

func remove(path ...string) batch.FilterFunc {
	return func(_ context.Context, b *batch.Batch) error { return b.At(path...).Remove() }
}

func set(text string, path ...string) batch.FilterFunc {
	value := quoted(text) // once, not for each batch
	return func(_ context.Context, b *batch.Batch) error { return b.At(path...).Set(value) }
}

// quoted returns the JSON string that Set makes of text, for Set. What it refuses is
// returned as it is.
func quoted(text string) any {
	b, err := batch.Parse([]byte("{}"))
	if err != nil {
		return text
	}
	v := b.At("text")
	if v.Set(text) != nil {
		return text
	}
	return json.RawMessage(v.Raw())
}

// removeLocations removes the events' own locations and those of the
// breadcrumbs that a crash report carries, which are events themselves. An event
// that was a crash report carries them still when a filter has retyped it.
func removeLocations(_ context.Context, b *batch.Batch) error {
	for _, e := range b.Events() {
		if err := e.At(locationPath...).Remove(); err != nil {
			return err
		}
		if e.Type() == batch.CrashReport || e.ParsedType() == batch.CrashReport {
			if err := removeBreadcrumbLocations(e.At(dataPath...)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Paths are made once, not for each event. No code writes to them.
//
//nolint:gochecknoglobals // constants in all but name
var (
	dataPath     = []string{"data"}
	locationPath = []string{"data", "location"}
)

// maxBreadcrumbDepth is how many objects and lists inside one another are searched
// for breadcrumbs, which are two: each level costs one more look at all below it.
const maxBreadcrumbDepth = 8

// removeBreadcrumbLocations removes the locations of the breadcrumbs in the data of
// a crash report.
func removeBreadcrumbLocations(data batch.Value) error {
	for name, breadcrumbs := range data.All() {
		if name != "breadcrumbs" {
			continue
		}
		if err := removeLocationsWithin(breadcrumbs, maxBreadcrumbDepth, false); err != nil {
			return err
		}
	}
	return nil
}

// removeLocationsWithin removes data.location from a breadcrumb, and from those
// that v holds where it is no list of breadcrumbs as documented: lists may hold
// lists, and an object that is in none may be a breadcrumb or hold some. Objects and
// lists more than depth levels down are removed.
func removeLocationsWithin(v batch.Value, depth int, inList bool) error {
	isObject, isList := startsWith(v, '{'), startsWith(v, '[')
	switch {
	case !isObject && !isList:
		return nil
	case depth == 0:
		return v.Remove()
	case isObject:
		if err := v.At(locationPath...).Remove(); err != nil || inList {
			return err // the other members of a breadcrumb are its own
		}
	}
	for name, entry := range v.All() {
		if isObject && name == dataPath[0] && startsWith(entry, '{') {
			continue
		}
		if err := removeLocationsWithin(entry, depth-1, isList); err != nil {
			return err
		}
	}
	return nil
}

func startsWith(v batch.Value, first byte) bool {
	raw := v.Raw()
	return len(raw) > 0 && raw[0] == first
}
