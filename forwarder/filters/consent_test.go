package filters_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/eventferry/eventferry/forwarder/filters"
)

// The sources are paragraphs of https://docs.mparticle.com/guides/data-privacy-controls/.
func TestConsent(t *testing.T) {
	const (
		pass = ""
		// What the page shows under "Example Consent State", shortened.
		example = `{"gdpr":{"location_collection":{"document":"location_collection_agreement.v43","consented":true,"timestamp_unixtime_ms":1523039002083,"location":"dtmgbank.com/signup"},` +
			`"parental":{"document":"standard_parental_consent.v2","consented":true,"timestamp_unixtime_ms":1523039002083}},` +
			`"ccpa":{"data_sale_opt_out":{"consented":true,"timestamp_unixtime_ms":1579198790480}}}`
	)
	gdpr, ccpa := filters.GDPR("marketing"), filters.CCPA()
	rules := func(r ...filters.ConsentRule) []filters.ConsentRule { return r }
	for _, tc := range []struct {
		source string
		state  string // consent_state; "": there is none
		rules  []filters.ConsentRule
		want   string
	}{
		{"Common Uses: only forward user data if GDPR Consent for 'marketing' is true", `{"gdpr":{"marketing":{"consented":true}}}`, rules(gdpr), pass},
		{"Common Uses: ... is true", `{"gdpr":{"marketing":{"consented":false}}}`, rules(gdpr), filters.ReasonNoConsent},
		{"Common Uses: ... is true; here it is missing", `{"gdpr":{"analytics":{"consented":true}}}`, rules(gdpr), filters.ReasonNoConsent},
		{"Common Uses: ... no purposes", `{"gdpr":{}}`, rules(gdpr), filters.ReasonNoConsent},
		{"Common Uses: ... no regulation", `{"ccpa":{"data_sale_opt_out":{"consented":false}}}`, rules(gdpr), filters.ReasonNoConsent},
		{"Common Uses: ... no state", ``, rules(gdpr), filters.ReasonNoConsent},
		{"JSON reference: consent_state may be null", `null`, rules(gdpr), filters.ReasonNoConsent},
		{"outgoing format: null for what is absent", `{"gdpr":null}`, rules(gdpr), filters.ReasonNoConsent},
		{"outgoing format: null for what is absent", `{"gdpr":{"marketing":null}}`, rules(gdpr), filters.ReasonNoConsent},
		{"Example Consent State", example, rules(filters.GDPR("location_collection", "parental")), pass},
		{"Example Consent State; all purposes are needed", example, rules(filters.GDPR("location_collection", "marketing")), filters.ReasonNoConsent},
		{"Example Consent State; two rules are one list", example, rules(filters.GDPR("parental"), gdpr), filters.ReasonNoConsent},
		{"silent: names are exact", `{"gdpr":{"Marketing":{"consented":true}}}`, rules(gdpr), filters.ReasonNoConsent},

		{"Connections: state of true ... will NOT have their data forwarded", example, rules(ccpa), filters.ReasonOptedOut},
		{"Connections: if the consent state is ... false for that purpose, data will flow", `{"ccpa":{"data_sale_opt_out":{"consented":false}}}`, rules(ccpa), pass},
		{"Connections: if the consent state is missing ... data will flow", ``, rules(ccpa), pass},
		{"Connections: ... missing", `null`, rules(ccpa), pass},
		{"Connections: ... missing", `{}`, rules(ccpa), pass},
		{"Connections: ... missing", `{"ccpa":{}}`, rules(ccpa), pass},
		{"Connections: ... missing", `{"ccpa":null,"gdpr":{"marketing":{"consented":false}}}`, rules(ccpa), pass},
		{"Connections: ... missing", `{"ccpa":{"data_sale_opt_out":null}}`, rules(ccpa), pass},
		{"both rules", `{"gdpr":{"marketing":{"consented":true}},"ccpa":{"data_sale_opt_out":{"consented":false}}}`, rules(gdpr, ccpa), pass},
		{"both rules", `{"gdpr":{"marketing":{"consented":true}},"ccpa":{"data_sale_opt_out":{"consented":true}}}`, rules(gdpr, ccpa), filters.ReasonOptedOut},
		{"both rules", `{"gdpr":{"marketing":{"consented":false}},"ccpa":{"data_sale_opt_out":{"consented":false}}}`, rules(gdpr, ccpa), filters.ReasonNoConsent},
		{"names with escapes are names", `{"\u0067dpr":{"market\u0069ng":{"consent\u0065d":true}}}`, rules(gdpr), pass},
		{"white space", " {\n\"gdpr\" : { \"marketing\" : { \"consented\" : true } } } ", rules(gdpr), pass},

		{"Consent Properties: consented is a bool, required", `{"gdpr":{"marketing":{"consented":"true"}}}`, rules(gdpr), filters.ReasonMalformedConsent},
		{"Consent Properties: ... bool", `{"gdpr":{"marketing":{"consented":1}}}`, rules(gdpr), filters.ReasonMalformedConsent},
		{"Consent Properties: ... required", `{"gdpr":{"marketing":{}}}`, rules(gdpr), filters.ReasonMalformedConsent},
		{"Consent Properties: ... required", `{"gdpr":{"marketing":{"consented":null}}}`, rules(gdpr), filters.ReasonMalformedConsent},
		{"Consent Properties: ... required", `{"ccpa":{"data_sale_opt_out":{}}}`, rules(ccpa), filters.ReasonMalformedConsent},
		{"Consent Properties: ... bool", `{"ccpa":{"data_sale_opt_out":{"consented":"false"}}}`, rules(ccpa), filters.ReasonMalformedConsent},
		{"silent: shape", `{"gdpr":{"marketing":true}}`, rules(gdpr), filters.ReasonMalformedConsent},
		{"silent: shape", `{"gdpr":["marketing"]}`, rules(gdpr), filters.ReasonMalformedConsent},
		{"silent: shape", `"all"`, rules(gdpr), filters.ReasonMalformedConsent},
		{"silent: shape", `[]`, rules(ccpa), filters.ReasonMalformedConsent},
		{"silent: shape", `{"ccpa":false}`, rules(ccpa), filters.ReasonMalformedConsent},
		{"silent: shape", `{"ccpa":{"data_sale_opt_out":false}}`, rules(ccpa), filters.ReasonMalformedConsent},
		{"silent: repeated", `{"gdpr":{"marketing":{"consented":true,"consented":true}}}`, rules(gdpr), filters.ReasonMalformedConsent},
		{"silent: repeated", `{"gdpr":{"marketing":{"consented":true},"marketing":{"consented":true}}}`, rules(gdpr), filters.ReasonMalformedConsent},
		{"silent: repeated", `{"gdpr":{"marketing":{"consented":true}},"gdpr":{}}`, rules(gdpr), filters.ReasonMalformedConsent},
		{"silent: repeated", `{"ccpa":{"data_sale_opt_out":{"consented":true}},"ccpa":null}`, rules(ccpa), filters.ReasonMalformedConsent},
		{"silent: repeated, with escapes", `{"ccpa":null,"\u0063cpa":{"data_sale_opt_out":{"consented":true}}}`, rules(ccpa), filters.ReasonMalformedConsent},
	} {
		t.Run(fmt.Sprintf("%s/%s", tc.source, tc.state), func(t *testing.T) {
			f := filters.Consent(tc.rules...)
			assert.NoError(t, filters.Check(f))
			data := `{"environment":"production","events":[{"event_type":"session_start","data":{}}]}`
			if tc.state != "" {
				data = `{"consent_state":` + tc.state + `,"events":[]}`
			}
			got := filtered(t, f, parse(t, data))
			assert.Equal(t, tc.want, got.dropped)
			assert.Equal(t, data, got.text)
		})
	}
}

// Two members of one name are two answers, whichever comes last.
func TestConsent_stateTwice(t *testing.T) {
	f := filters.Consent(filters.CCPA())
	for _, data := range []string{
		`{"consent_state":{"ccpa":{"data_sale_opt_out":{"consented":true}}},"consent_state":null}`,
		`{"consent_state":null,"consent_state":{"ccpa":{"data_sale_opt_out":{"consented":true}}}}`,
		`{"consent_state":{},"consent_state":{}}`,
	} {
		assert.Equal(t, filters.ReasonMalformedConsent, filtered(t, f, parse(t, data)).dropped, data)
	}
}

func TestConsent_mistakes(t *testing.T) {
	for want, f := range map[string]error{
		"filters: consent: needs a rule, GDPR or CCPA":      filters.Check(filters.Consent()),
		"filters: consent.gdpr: needs at least one purpose": filters.Check(filters.Consent(filters.GDPR())),
		"filters: consent.gdpr: has an empty purpose":       filters.Check(filters.Consent(filters.CCPA(), filters.GDPR("a", ""))),
	} {
		assert.EqualError(t, f, want)
	}
	assert.EqualError(t, filters.Check(filters.Consent(filters.ConsentRule{})), "filters: consent.gdpr: needs at least one purpose")
}
