package batch

import "iter"

// Identities iterates over the identities of the user with their types
// ("email", "customer_id"), wherever mParticle writes them: in user_identities,
// which is an object of types in batches on their way in and a list of objects
// in batches on their way out, and as data.new and data.old of events of type
// [UserIdentityChange]. A value is the identity itself; it may be edited.
func (b *Batch) Identities() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for name, v := range b.At("user_identities").All() {
			if !v.element {
				if !yield(name, v) {
					return
				}
			} else if !yieldIdentity(v, yield) {
				return
			}
		}
		for _, e := range b.Events() {
			if e.Type() != UserIdentityChange {
				continue
			}
			for name, v := range e.At("data").All() {
				if (name == "new" || name == "old") && !yieldIdentity(v, yield) {
					return
				}
			}
		}
	}
}

// yieldIdentity yields the identity of an object that also has its type.
func yieldIdentity(v Value, yield func(string, Value) bool) bool {
	name, ok := v.At("identity_type").Text()
	return !ok || yield(name, v.At("identity"))
}
