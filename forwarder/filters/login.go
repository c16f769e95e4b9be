package filters

import (
	"context"
	"strings"

	"github.com/eventferry/eventferry/batch"
)

// LoggedIn forwards batches of users who have an identity of at least one of
// these types, such as "customer_id" or "email", and drops all others, for
// [ReasonNotLoggedIn]. Name the types that your identity strategy calls login
// ids. The case of letters in a type does not count.
//
// Only user_identities counts, in both forms that mParticle writes; an identity
// must be a string or a number that is not empty. A batch whose user_identities
// are repeated or of another shape is dropped.
//
// Source: https://docs.mparticle.com/guides/platform-guide/connections/ ("A logged
// in user is one with at least one Login ID, as defined by your Identity
// Strategy").
func LoggedIn(identityTypes ...string) batch.Filter {
	var m mistakeList
	checkNames(&m, "logged_in", "identity type", identityTypes)
	return m.build(&loginFilter{types: identityTypes})
}

// checkNames adds a mistake when there are no names, or when one is empty.
func checkNames(m *mistakeList, field, what string, names []string) {
	if len(names) == 0 {
		m.add(field, "needs at least one %s", what)
	}
	for _, name := range names {
		if name == "" {
			m.add(field, "has an empty %s", what)
		}
	}
}

type loginFilter struct{ types []string }

func (f *loginFilter) Filter(_ context.Context, b *batch.Batch) error {
	identities, ok := b.At(userIdentitiesPath...).Sole()
	if !ok || !f.finds(identities) {
		return batch.Drop(ReasonNotLoggedIn)
	}
	return nil
}

func (f *loginFilter) finds(identities []byte) bool {
	for element := range elementsOf(identities) {
		name, nameOK := soleMember(element, "identity_type")
		value, valueOK := soleMember(element, "identity")
		if text, ok := textOf(name); ok && nameOK && valueOK && f.has(string(text)) && isIdentity(value) {
			return true
		}
	}
	for s := scanMembers(identities); s.next(); {
		if !f.has(string(s.plainName())) {
			continue
		}
		if value, ok := soleMember(identities, string(s.plainName())); ok && isIdentity(value) {
			return true
		}
	}
	return false
}

func (f *loginFilter) has(identityType string) bool { return hasFold(f.types, identityType) }

// hasFold reports whether name is one of names, whatever the case of letters.
func hasFold(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// isIdentity reports whether a value can identify a user.
func isIdentity(value []byte) bool {
	text, ok := scalarText(value)
	return ok && len(text) > 0 && value[0] != 't' && value[0] != 'f'
}
