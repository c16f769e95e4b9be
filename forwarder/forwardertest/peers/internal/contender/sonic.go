package contender

import (
	"errors"
	"slices"
	"strconv"

	"github.com/bytedance/sonic"
	"github.com/bytedance/sonic/ast"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
)

// withSonic edits sonic's tree, which decodes only what is looked at, and keeps
// 64-bit integers and unknown members.
func withSonic(input []byte) (key, value []byte, err error) {
	root, err := sonic.Get(input)
	if err != nil {
		return nil, nil, err
	}
	events, err := root.Get("events").ArrayUseNode()
	if err != nil {
		return nil, nil, err
	}
	var errs []error
	remove := func(parent *ast.Node, name string) {
		if parent.Exists() && parent.TypeSafe() == ast.V_OBJECT {
			_, err := parent.Unset(name)
			errs = append(errs, err)
		}
	}
	events = slices.DeleteFunc(events, func(e ast.Node) bool {
		kind, err := e.Get("event_type").StrictString()
		errs = append(errs, err)
		return work.Dropped(kind)
	})
	for i := range events {
		remove(events[i].Get("data"), "location")
	}
	remove(root.Get("context"), "location")
	remove(root.Get("device_info"), "device")
	remove(&root, "ip")
	remove(&root, "mp_deviceid")
	_, errEvents := root.Set("events", ast.NewArray(events))
	_, errID := root.Set("unique_id", ast.NewString(work.UniqueID))
	user, errUser := root.Get("mpid").StrictInt64()
	value, err = root.MarshalJSON()
	errs = append(errs, errEvents, errID, errUser, err)
	return strconv.AppendInt(nil, user, 10), value, errors.Join(errs...)
}
