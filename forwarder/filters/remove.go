package filters

import (
	"context"

	"github.com/eventferry/eventferry/batch"
)

// Remove removes what the targets name, wherever it is: all of repeated members,
// in all repeated parents. An emptied parent stays, as an object.
//
// An identity goes with all that is known of it: from the list of identities the
// whole element. Events of type user_identity_change about such an identity are
// dropped, for [ReasonUserIdentityGone], and those of type user_attribute_change
// about such an attribute for [ReasonUserAttributeGone].
//
// Source: mParticle has no such filter for one output by paths; its data filter
// (https://docs.mparticle.com/guides/platform-guide/data-filter/) turns attributes
// off by name. What the events about a change become is our choice: nothing of the
// value must leave.
func Remove(targets ...Target) batch.Filter {
	var m mistakeList
	checkTargets(&m, "remove", targets)
	return m.build(&editFilter{targets: targets, by: targetEditor{edit: removeValue, removes: true}})
}

func removeValue(v batch.Value, _ []byte, _ bool) error { return v.Remove() }

// RemoveIdentities removes the user's identities of these types. It is [Remove] of
// [Identities].
func RemoveIdentities(types ...string) batch.Filter { return Remove(Identities(types...)) }

// An editFilter edits what targets name.
type editFilter struct {
	targets []Target
	by      targetEditor
}

func (f *editFilter) Filter(_ context.Context, b *batch.Batch) error {
	for _, t := range f.targets {
		if err := t.apply(b, f.by); err != nil {
			return err
		}
	}
	return nil
}
