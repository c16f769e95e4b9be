package filters

import (
	"context"
	"slices"

	"github.com/eventferry/eventferry/batch"
)

// A ConsentRule is one thing that [Consent] asks for: [GDPR] or [CCPA].
type ConsentRule struct {
	purposes []string
	ccpa     bool
}

// GDPR asks for the user's consent to all these purposes, as consent_state.gdpr
// has them: exactly by their names, which mParticle's SDKs write in lower case.
// A purpose without a consent blocks, and so does one whose consented is not
// true.
//
// Source: https://docs.mparticle.com/guides/data-privacy-controls/ ("Only forward
// user data if GDPR Consent for 'marketing' is true"). A rule of mParticle names
// one purpose; for several, all are needed here, so that adding one to the list
// never lets more pass.
func GDPR(purposes ...string) ConsentRule {
	if purposes == nil {
		purposes = []string{}
	}
	return ConsentRule{purposes: purposes}
}

// CCPA blocks users who have opted out of the sale of their data, whose
// consent_state.ccpa.data_sale_opt_out.consented is true. A user who never
// decided passes.
//
// Source: https://docs.mparticle.com/guides/data-privacy-controls/ ("users' who
// have a consent state of true for the CCPA purpose of data_sale_opt_out will NOT
// have their data forwarded (if the consent state is missing or false for that
// purpose, data will flow)").
func CCPA() ConsentRule { return ConsentRule{ccpa: true} }

// Consent forwards batches of users who pass all the rules, and drops the others
// for [ReasonNoConsent] or [ReasonOptedOut].
//
// A consent that is malformed blocks, under CCPA too, for
// [ReasonMalformedConsent]: a member that is repeated, an object that is none, a
// consented that is neither true nor false or that is missing from a decision.
// mParticle's page requires consented and says nothing about other shapes. null
// is the same as missing, since the outgoing format writes it for absent members.
func Consent(rules ...ConsentRule) batch.Filter {
	var m mistakeList
	f := &consentFilter{}
	if len(rules) == 0 {
		m.add("consent", "needs a rule, GDPR or CCPA")
	}
	for _, r := range rules {
		switch {
		case r.ccpa:
			f.ccpa = true
		case len(r.purposes) == 0:
			m.add("consent.gdpr", "needs at least one purpose")
		}
		for _, purpose := range r.purposes {
			if purpose == "" {
				m.add("consent.gdpr", "has an empty purpose")
			}
			if !slices.Contains(f.purposes, purpose) {
				f.purposes = append(f.purposes, purpose)
			}
		}
	}
	return m.build(f)
}

type consentFilter struct {
	purposes []string
	ccpa     bool
}

func (f *consentFilter) Filter(_ context.Context, b *batch.Batch) error {
	if reason := f.blocks(b); reason != "" {
		return batch.Drop(reason)
	}
	return nil
}

// blocks returns why the batch must not be forwarded, or "".
func (f *consentFilter) blocks(b *batch.Batch) string {
	state, ok := b.At(consentPath...).Sole()
	if !ok || !isObjectText(state) && !isNothing(state) {
		return ReasonMalformedConsent
	}
	var room [usualPurposes]decision
	decisions := room[:]
	if len(f.purposes) > usualPurposes {
		decisions = make([]decision, len(f.purposes))
	}
	optOut, ok := f.read(state, decisions)
	if !ok {
		return ReasonMalformedConsent
	}
	if f.ccpa {
		switch optOut {
		case malformedDecision:
			return ReasonMalformedConsent
		case agreedConsent:
			return ReasonOptedOut
		}
	}
	for i := range f.purposes {
		switch decisions[i] {
		case malformedDecision:
			return ReasonMalformedConsent
		case agreedConsent:
		default:
			return ReasonNoConsent
		}
	}
	return ""
}

// A decision is what a consent_state says of one purpose.
type decision int8

const (
	noDecision decision = iota
	nullDecision
	refusedConsent
	agreedConsent
	malformedDecision
)

// usualPurposes are so many that a filter seldom asks for more.
const usualPurposes = 8

// read reads the decisions about the purposes of the filter, and that about the
// sale of data, in one pass. It is not ok when a regulation is repeated.
func (f *consentFilter) read(state []byte, gdpr []decision) (optOut decision, ok bool) {
	var ccpa [1]decision
	var hasGDPR, hasCCPA bool
	for s := scanMembers(state); s.nextName(); {
		switch string(s.plainName()) {
		case "gdpr":
			if hasGDPR {
				return 0, false
			}
			hasGDPR = true
			readDecisions(&s, f.purposes, gdpr)
		case "ccpa":
			if hasCCPA {
				return 0, false
			}
			hasCCPA = true
			readDecisions(&s, ccpaPurposes, ccpa[:])
		default:
			s.skip()
		}
	}
	return ccpa[0], true
}

// readDecisions reads the decisions about these purposes of the regulation that is
// the value of s.
func readDecisions(s *memberScanner, purposes []string, decisions []decision) {
	if !s.atObject() {
		if s.skip(); !isNothing(s.value) {
			for i := range purposes {
				decisions[i] = malformedDecision
			}
		}
		return
	}
	inner := s.enter()
	for inner.nextName() {
		name, i := inner.plainName(), 0
		for i < len(purposes) && purposes[i] != string(name) {
			i++
		}
		if i == len(purposes) {
			inner.skip()
			continue
		}
		d := readDecision(&inner)
		if decisions[i] != noDecision {
			d = malformedDecision
		}
		decisions[i] = d
	}
	s.leave(&inner)
}

// readDecision reads the decision that is the value of s.
func readDecision(s *memberScanner) decision {
	if !s.atObject() {
		if s.skip(); isNothing(s.value) {
			return nullDecision
		}
		return malformedDecision
	}
	d := noDecision
	inner := s.enter()
	for inner.nextName() {
		inner.skip()
		if string(inner.plainName()) != "consented" {
			continue
		}
		switch {
		case d != noDecision:
			d = malformedDecision
		case string(inner.value) == "true":
			d = agreedConsent
		case string(inner.value) == "false":
			d = refusedConsent
		default:
			d = malformedDecision
		}
	}
	s.leave(&inner)
	if d == noDecision {
		return malformedDecision
	}
	return d
}

// soleMember returns the member of that name of an object, or nil when there is
// none. It is not ok when the member is repeated.
func soleMember(object []byte, name string) (value []byte, ok bool) {
	for s := scanMembers(object); s.next(); {
		if string(s.plainName()) != name {
			continue
		}
		if value != nil {
			return nil, false
		}
		value = s.value
	}
	return value, true
}
