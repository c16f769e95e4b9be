package filters

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
)

// The one pass over a consent_state decides as one look-up after another does, on
// any shape of it.
func TestConsent_onePass(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	object := func(member func() string) string {
		var members []string
		for range r.IntN(4) {
			members = append(members, pick("", "", " ")+member())
		}
		return "{" + strings.Join(members, ",") + pick("", "\n") + "}"
	}
	other := func() string { return pick(`"other"`, `"a\"}"`, `"gdpr"`) + ":" + pick("1", `{"a":[{}]}`, `"}"`, "[]") }
	record := func() string {
		return pick("null", "1", "[]", object(func() string {
			return pick(`"consented"`, `"consented"`, `"\u0063onsented"`, `"x"`) + ":" + pick("true", "true", "false", "null", `"true"`, " true")
		}), `{"consented":true}`, `{"consented":false,"timestamp_unixtime_ms":"1"}`)
	}
	regulation := func() string {
		return pick("null", "7", object(func() string {
			return pick(`"a"`, `"b"`, `"c"`, `"data_sale_opt_out"`, `"data_sale_opt_\u006fut"`) + ": " + record()
		}), object(func() string { return pick(`"a"`, `"b"`, `"data_sale_opt_out"`) + ":" + record() }), object(other))
	}
	state := func() string {
		return pick("null", "true", object(func() string {
			return pick(pick(`"gdpr"`, `"ccpa"`, `"\u0067dpr"`)+":"+regulation(), `"gdpr":`+regulation(), `"ccpa":`+regulation(), other())
		}), `{"gdpr":`+regulation()+`,"ccpa":`+regulation()+`}`)
	}
	seen := map[string]int{}
	for range 30_000 {
		f := &consentFilter{ccpa: r.IntN(2) == 0, purposes: []string{"a", "b", "c"}[:r.IntN(3)]}
		text := fmt.Sprintf(`{"consent_state":%s}`, state())
		b, err := batch.Parse([]byte(text))
		require.NoError(t, err, text)
		raw, _ := b.At("consent_state").Sole()
		want := f.blocksByLookups(raw)
		seen[want]++
		require.Equal(t, want, f.blocks(b), "%s ccpa %t gdpr %v", text, f.ccpa, f.purposes)
	}
	for _, reason := range []string{"", ReasonMalformedConsent, ReasonNoConsent, ReasonOptedOut} {
		assert.Greater(t, seen[reason], 50, reason)
	}
}

// blocksByLookups is blocks in the plainest way.
func (f *consentFilter) blocksByLookups(state []byte) string {
	gdpr, gdprOK := soleMember(state, "gdpr")
	ccpa, ccpaOK := soleMember(state, "ccpa")
	if !gdprOK || !ccpaOK || !isObjectText(state) && !isNothing(state) {
		return ReasonMalformedConsent
	}
	if f.ccpa {
		switch optedOut, ok := consented(ccpa, "data_sale_opt_out"); {
		case !ok:
			return ReasonMalformedConsent
		case optedOut:
			return ReasonOptedOut
		}
	}
	for _, purpose := range f.purposes {
		switch agreed, ok := consented(gdpr, purpose); {
		case !ok:
			return ReasonMalformedConsent
		case !agreed:
			return ReasonNoConsent
		}
	}
	return ""
}

func consented(regulation []byte, purpose string) (yes, ok bool) {
	if !isObjectText(regulation) {
		return false, isNothing(regulation)
	}
	record, ok := soleMember(regulation, purpose)
	if !ok || !isObjectText(record) {
		return false, ok && isNothing(record)
	}
	value, ok := soleMember(record, "consented")
	yes = string(value) == "true"
	return yes && ok, ok && (yes || string(value) == "false")
}
