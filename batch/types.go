package batch

import "math/bits"

// The types of events that are forwarded, as mParticle writes them in event_type.
// Its documentation calls CustomEvent an "App Event". Some of its SDKs write them
// in upper case: case does not matter anywhere in this package.
const (
	ApplicationStateTransition = "application_state_transition"
	Breadcrumb                 = "breadcrumb"
	CommerceEvent              = "commerce_event"
	CrashReport                = "crash_report"
	CustomEvent                = "custom_event"
	FirstRun                   = "first_run"
	NetworkPerformance         = "network_performance"
	OptOut                     = "opt_out"
	Profile                    = "profile"
	PushMessage                = "push_message"
	PushRegistration           = "push_registration"
	ScreenView                 = "screen_view"
	SessionEnd                 = "session_end"
	SessionStart               = "session_start"
	Uninstall                  = "uninstall"
	UserAttributeChange        = "user_attribute_change"
	UserIdentityChange         = "user_identity_change"
)

// IsForwarded reports whether the forwarder forwards events of this type: whether
// it is one of the constants above, whatever the case of its letters. Other types
// exist, and more may come.
func IsForwarded(eventType string) bool { return codeOf(eventType) != otherType }

// A typeCode stands for an event type in the index of a batch, where a string
// would need three times the space.
type typeCode uint8

const (
	otherType typeCode = iota
	applicationStateTransition
	breadcrumb
	commerceEvent
	crashReport
	customEvent
	firstRun
	networkPerformance
	optOut
	profile
	pushMessage
	pushRegistration
	screenView
	sessionEnd
	sessionStart
	uninstall
	userAttributeChange
	userIdentityChange
)

// A typeSet is a set of typeCodes: bit c stands for code c.
type typeSet uint32

func (s *typeSet) add(c typeCode) { *s |= 1 << c }

func (s typeSet) has(c typeCode) bool { return s>>c&1 == 1 }

// matching returns the types for which match returns true. otherType is always one of
// them: match can only be asked about an event then.
func (s typeSet) matching(match func(eventType string) bool) (some typeSet) {
	for ; s != 0; s &= s - 1 {
		c := typeCode(bits.TrailingZeros32(uint32(s)))
		if c == otherType || match(typeNames[c]) {
			some.add(c)
		}
	}
	return some
}

// typeNames has the constants at their codes.
var typeNames = [...]string{ //nolint:gochecknoglobals // a constant in all but name: it is never written to
	applicationStateTransition: ApplicationStateTransition,
	breadcrumb:                 Breadcrumb,
	commerceEvent:              CommerceEvent,
	crashReport:                CrashReport,
	customEvent:                CustomEvent,
	firstRun:                   FirstRun,
	networkPerformance:         NetworkPerformance,
	optOut:                     OptOut,
	profile:                    Profile,
	pushMessage:                PushMessage,
	pushRegistration:           PushRegistration,
	screenView:                 ScreenView,
	sessionEnd:                 SessionEnd,
	sessionStart:               SessionStart,
	uninstall:                  Uninstall,
	userAttributeChange:        UserAttributeChange,
	userIdentityChange:         UserIdentityChange,
}

// codeOf returns the code of a type, whatever the case of its letters, or otherType.
func codeOf[T string | []byte](eventType T) typeCode {
	code := exactCode(eventType)
	if code != otherType || len(eventType) > len(ApplicationStateTransition) { // no other one is as long
		return code
	}
	var lower [len(ApplicationStateTransition)]byte
	for i := range len(eventType) {
		c := eventType[i]
		if 'A' <= c && c <= 'Z' { // only ASCII: constants have no other letters
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return exactCode(lower[:len(eventType)])
}

func exactCode[T string | []byte](eventType T) typeCode {
	switch string(eventType) {
	case ApplicationStateTransition:
		return applicationStateTransition
	case Breadcrumb:
		return breadcrumb
	case CommerceEvent:
		return commerceEvent
	case CrashReport:
		return crashReport
	case CustomEvent:
		return customEvent
	case FirstRun:
		return firstRun
	case NetworkPerformance:
		return networkPerformance
	case OptOut:
		return optOut
	case Profile:
		return profile
	case PushMessage:
		return pushMessage
	case PushRegistration:
		return pushRegistration
	case ScreenView:
		return screenView
	case SessionEnd:
		return sessionEnd
	case SessionStart:
		return sessionStart
	case Uninstall:
		return uninstall
	case UserAttributeChange:
		return userAttributeChange
	case UserIdentityChange:
		return userIdentityChange
	}
	return otherType
}
