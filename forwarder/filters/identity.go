package filters

import "github.com/eventferry/eventferry/batch"

// editIdentities edits the identities of the user that the target names.
func (t Target) editIdentities(b *batch.Batch, by targetEditor) error {
	identities := b.At(userIdentitiesPath...)
	raw, err := soleRaw(identities)
	switch {
	case err != nil:
		return err
	case isArrayText(raw):
		for _, element := range identities.All() {
			if err := t.editIdentity(element, by); err != nil {
				return err
			}
		}
	case isObjectText(raw):
		for identityType, v := range identities.All() {
			if err := t.editIdentityMember(identityType, v, by); err != nil {
				return err
			}
		}
	case !isNothing(raw):
		if err := identities.Remove(); err != nil {
			return err
		}
	}
	return t.editIdentityChanges(b, by)
}

// editIdentityMember edits an identity whose type is the name of the member.
func (t Target) editIdentityMember(identityType string, v batch.Value, by targetEditor) error {
	if hasFold(t.names, identityType) {
		return editExisting(v, by)
	}
	if raw := v.Raw(); isObjectText(raw) || isArrayText(raw) { // no identity: it may hold any
		return v.Remove()
	}
	return nil
}

// editIdentity edits an object that has the type of an identity beside it.
func (t Target) editIdentity(v batch.Value, by targetEditor) error {
	raw, err := soleRaw(v)
	switch {
	case err != nil || isNothing(raw):
		return err
	case !isObjectText(raw):
		return v.Remove()
	}
	switch named, identity, sole := t.identityIn(raw); {
	case !named || !by.removes && sole && identity == nil:
		return nil
	case by.removes:
		return v.Remove()
	default:
		return by.edit(v.At(identityPath...), identity, sole)
	}
}

func (t Target) namesIdentity(object []byte) bool {
	named, _, _ := t.identityIn(object)
	return named
}

// identityIn reports whether the target names the identity in an object. One whose
// type cannot be read may be of any type. It also returns what Sole does of the
// identity.
func (t Target) identityIn(object []byte) (named bool, identity []byte, sole bool) {
	var identityType []byte
	readable := true
	sole = true
	for s := scanMembers(object); s.next(); {
		switch string(s.plainName()) {
		case "identity_type":
			readable = readable && identityType == nil
			identityType = s.value
		case "identity":
			sole = sole && identity == nil
			identity = s.value
		}
	}
	name, ok := textOf(identityType)
	named = !readable || !ok || hasFold(t.names, string(name))
	if !sole {
		identity = nil
	}
	return named, identity, sole
}

// editIdentityChanges edits the events that tell the user's old and new identity.
// When identities are removed, so are the events about them.
func (t Target) editIdentityChanges(b *batch.Batch, by targetEditor) error {
	if !hasType(b, batch.UserIdentityChange) { // so it is mostly
		return nil
	}
	b.DropEvents(ReasonMalformedUserChange, func(e batch.Event) bool {
		return isType(e, batch.UserIdentityChange) && !hasReadableData(e.At())
	})
	var err error
	b.DropEvents(ReasonUserIdentityGone, func(e batch.Event) bool {
		if err != nil || !isType(e, batch.UserIdentityChange) {
			return false
		}
		for _, side := range []string{"new", "old"} {
			v := e.At("data", side)
			if by.removes {
				if raw, ok := v.Sole(); !ok || !isNothing(raw) && t.namesIdentity(raw) {
					return true
				}
			}
			if err = t.editIdentity(v, by); err != nil {
				return false
			}
		}
		return false
	})
	return err
}
