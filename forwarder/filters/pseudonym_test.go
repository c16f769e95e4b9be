package filters_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/filters"
	"github.com/eventferry/eventferry/settings"
)

const (
	secretOne = "the first secret, 32 bytes long."
	secretTwo = "another secret, also 32 bytes..."
)

func keyOne() filters.Key { return filters.Key{ID: "k1", Secret: settings.NewSecret(secretOne)} }

// pseudonymOf computes a pseudonym by the standard library alone.
func pseudonymOf(id, secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return id + ":" + hex.EncodeToString(mac.Sum(nil))
}

func one(text string) string { return pseudonymOf("k1", secretOne, text) }

// RFC 4231, test case 2, is HMAC-SHA-256 of this text by this key, which is too
// short for a Key; repeated, it must be what crypto/hmac makes of it.
func TestPseudonymize_isHMAC(t *testing.T) {
	assert.Equal(t, "x:5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", pseudonymOf("x", "Jefe", "what do ya want for nothing?"))
	f := filters.Pseudonymize(keyOne(), filters.Member("ip"))
	assert.Equal(t, `{"ip":"`+one("what do ya want for nothing?")+`"}`, filtered(t, f, parse(t, `{"ip":"what do ya want for nothing?"}`)).text)
}

func TestPseudonymize(t *testing.T) {
	for name, tc := range map[string]struct {
		target     filters.Target
		data, want string // in want, <text> stands for the pseudonym of text
	}{
		"string":         {filters.Member("ip"), `{"ip":"1.2.3.4","b":"1.2.3.4"}`, `{"ip":"<1.2.3.4>","b":"1.2.3.4"}`},
		"escapes":        {filters.Member("ip"), `{"i\u0070":"\u0031\/2"}`, `{"i\u0070":"<1/2>"}`},
		"number":         {filters.Member("a"), `{"a":4.20}`, `{"a":"<4.20>"}`},
		"true":           {filters.Member("a"), `{"a":true}`, `{"a":"<true>"}`},
		"null and empty": {filters.Member("a"), `{"a":null,"b":""}`, `{"a":null,"b":""}`},
		"empty":          {filters.Member("b"), `{"a":null,"b":""}`, `{"a":null,"b":""}`},
		"absent":         {filters.Member("c", "d"), `{"c":{}}`, `{"c":{}}`},
		"list":           {filters.Member("a"), `{"a":["x", 1,null,"",{"y":"z"},["w"],"x"]}`, `{"a":["<x>", "<1>",null,"","<x>"]}`},
		"object":         {filters.Member("a"), `{"a":{"x":"y"},"b":1}`, `{"b":1}`},
		"repeated":       {filters.Member("a"), `{"a":"x","b":1,"a":"y"}`, `{"b":1,"a":"<y>"}`},
		"repeated, null": {filters.Member("a"), `{"a":"x","b":1,"a":null}`, `{"b":1,"a":null}`},
		"repeated, list": {filters.Member("a"), `{"a":"x","a":["y"]}`, `{"a":["<y>"]}`},
		"parents repeated": {
			filters.Member("a", "b"), `{"a":{"b":"x"},"a":{"c":1}}`, `{"a":{},"a":{"c":1}}`,
		},
		"parents repeated, the last has it": {
			filters.Member("a", "b"), `{"a":{"b":"x"},"a":{"c":1,"b":"y"}}`, `{"a":{},"a":{"c":1,"b":"<y>"}}`,
		},
		"data repeated": {
			filters.EventAttributesNamed("email"), `{"events":[{"event_type":"opt_out","data":{"custom_attributes":{"email":"a"}},"data":{}}]}`,
			`{"events":[{"event_type":"opt_out","data":{},"data":{}}]}`,
		},
		"identity changes, data repeated": {
			filters.Identities("email"),
			`{"events":[{"event_type":"user_identity_change","data":{"new":{"identity_type":"email","identity":"b"}},"data":{}}]}`,
			`{"events":[{"event_type":"user_identity_change","data":{},"data":{}}]}`,
		},
		"event member": {
			filters.EventMember("data", "url"), `{"url":"u","events":[{"event_type":"network_performance","data":{"url":"u"}}]}`,
			`{"url":"u","events":[{"event_type":"network_performance","data":{"url":"<u>"}}]}`,
		},
		"user attributes": {
			filters.UserAttributesNamed("$Email"),
			`{"user_attributes":{"$Email":"a","plan":"gold"},"events":[{"event_type":"user_attribute_change","data":{"user_attribute_name":"$Email","new":["a","b"],"old":"c"}},` +
				`{"event_type":"user_attribute_change","data":{"user_attribute_name":"plan","new":"gold","old":null}}]}`,
			`{"user_attributes":{"$Email":"<a>","plan":"gold"},"events":[{"event_type":"user_attribute_change","data":{"user_attribute_name":"$Email","new":["<a>","<b>"],"old":"<c>"}},` +
				`{"event_type":"user_attribute_change","data":{"user_attribute_name":"plan","new":"gold","old":null}}]}`,
		},
		"event attributes": {
			filters.EventAttributesNamed("email"), `{"events":[{"event_type":"custom_event","data":{"custom_attributes":{"email":"a","Email":"b"}}}]}`,
			`{"events":[{"event_type":"custom_event","data":{"custom_attributes":{"email":"<a>","Email":"b"}}}]}`,
		},
		"identities in a list": {
			filters.Identities("email", "customer_id"),
			`{"user_identities":[{"identity_type":"email","identity":"a","t":"1"},{"identity_type":"other","identity":"o"},{"identity":"n","identity_type":"Customer_Id"}]}`,
			`{"user_identities":[{"identity_type":"email","identity":"<a>","t":"1"},{"identity_type":"other","identity":"o"},{"identity":"<n>","identity_type":"Customer_Id"}]}`,
		},
		"identities in an object": {filters.Identities("email"), `{"user_identities":{"email":"a","other":"a"}}`, `{"user_identities":{"email":"<a>","other":"a"}}`},
		"breadcrumbs": {
			filters.EventAttributesNamed("x"),
			`{"events":[{"event_type":"crash_report","data":{"breadcrumbs":[{"data":{"custom_attributes":{"x":"a","y":"a"}}},{"data":{"custom_attributes":{"x":"b","x":"c"}}}]}}]}`,
			`{"events":[{"event_type":"crash_report","data":{"breadcrumbs":[{"data":{"custom_attributes":{"x":"<a>","y":"a"}}},{"data":{"custom_attributes":{"x":"<c>"}}}]}}]}`,
		},
		"breadcrumbs that are none": {
			filters.EventAttributesNamed("x"),
			`{"events":[{"event_type":"crash_report","data":{"breadcrumbs":{"data":{"custom_attributes":{"x":"a"}}}}},` +
				`{"event_type":"crash_report","data":{"breadcrumbs":"x"}},{"event_type":"crash_report","data":{"breadcrumbs":null}}]}`,
			`{"events":[{"event_type":"crash_report","data":{}},{"event_type":"crash_report","data":{}},{"event_type":"crash_report","data":{"breadcrumbs":null}}]}`,
		},
		"breadcrumbs of another shape": {
			filters.EventAttributesNamed("x"),
			`{"events":[{"event_type":"crash_report","data":{"breadcrumbs":["x=a",7,null,[{"data":{"custom_attributes":{"x":"b"}}}],` +
				`{"data":[{"custom_attributes":{"x":"c"}}]},{"data":{"custom_attributes":"x=d"}},{"data":{"custom_attributes":{"x":"e"}},"data":"x=f"},{"data":null},{}]}}]}`,
			`{"events":[{"event_type":"crash_report","data":{"breadcrumbs":[null,{},{"data":{}},{},{"data":null},{}]}}]}`,
		},
		"breadcrumbs repeated": {
			filters.EventAttributesNamed("x"),
			`{"events":[{"event_type":"crash_report","data":{"breadcrumbs":[{"data":{"custom_attributes":{"x":"a"}}}],"breadcrumbs":[{"data":{"custom_attributes":{"x":"b"}}}]}}]}`,
			`{"events":[{"event_type":"crash_report","data":{"breadcrumbs":[{"data":{"custom_attributes":{"x":"<b>"}}}]}}]}`,
		},
		"identities in an object, repeated": {
			filters.Identities("email"), `{"user_identities":{"email":"a","email":"b"}}`, `{"user_identities":{"email":"<a>"}}`,
		},
		"identities that cannot be read": {
			filters.Identities("email"),
			`{"user_identities":["a",{"identity":"b"},{"identity_type":null,"identity":"c"},{"identity_type":"email","identity":"d","identity":"e"}]}`,
			`{"user_identities":[{"identity":"<b>"},{"identity_type":null,"identity":"<c>"},{"identity_type":"email","identity":"<e>"}]}`,
		},
		"identity changes": {
			filters.Identities("email"),
			`{"events":[{"event_type":"user_identity_change","data":{"new":{"identity_type":"email","identity":"b"},"old":{"identity_type":"email","identity":"a"}}},` +
				`{"event_type":"user_identity_change","data":{"new":{"identity_type":"other","identity":"o"},"old":"text"}}]}`,
			`{"events":[{"event_type":"user_identity_change","data":{"new":{"identity_type":"email","identity":"<b>"},"old":{"identity_type":"email","identity":"<a>"}}},` +
				`{"event_type":"user_identity_change","data":{"new":{"identity_type":"other","identity":"o"}}}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := filters.Pseudonymize(keyOne(), tc.target)
			require.NoError(t, filters.Check(f))
			got := filtered(t, f, parse(t, tc.data))
			assert.Equal(t, withPseudonyms(tc.want), got.text)
			assert.Empty(t, got.events)
			assert.Equal(t, got.text, filtered(t, f, parse(t, got.text)).text, "once more")
		})
	}
}

// withPseudonyms replaces <text> by the pseudonym of text.
func withPseudonyms(text string) string {
	for {
		before, rest, ok := strings.Cut(text, "<")
		if !ok {
			return text
		}
		plain, after, _ := strings.Cut(rest, ">")
		text = before + one(plain) + after
	}
}

// While a key is replaced, values get both pseudonyms, and pseudonyms by either
// key stay.
func TestPseudonymize_previousKey(t *testing.T) {
	old := keyOne()
	f := filters.Pseudonymize(filters.Key{ID: "k2", Secret: settings.NewSecret(secretTwo), Previous: &old}, filters.Member("a"))
	require.NoError(t, filters.Check(f))
	both := pseudonymOf("k2", secretTwo, "x") + " " + one("x")
	for given, want := range map[string]string{
		"x":                               both,
		both:                              both,
		one("x"):                          one("x"),
		pseudonymOf("k2", secretTwo, "x"): pseudonymOf("k2", secretTwo, "x"),
	} {
		assert.Equal(t, `{"a":"`+want+`"}`, filtered(t, f, parse(t, `{"a":"`+given+`"}`)).text)
	}
	// What only looks like a pseudonym is none.
	for _, given := range []string{
		pseudonymOf("k3", secretOne, "x"), strings.ToUpper(one("x")), one("x") + " ", one("x") + "  " + one("y"), one("x")[1:], one("x") + "0", "k1:",
		one("x") + " mail@example.com", "k1:" + strings.Repeat("g", 64),
	} {
		want := pseudonymOf("k2", secretTwo, given) + " " + one(given)
		assert.Equal(t, `{"a":"`+want+`"}`, filtered(t, f, parse(t, `{"a":"`+given+`"}`)).text)
	}
}

func TestPseudonymize_mistakes(t *testing.T) {
	secret := settings.NewSecret(secretOne)
	third := filters.Key{ID: "k3", Secret: secret}
	second := filters.Key{ID: "k2", Secret: secret, Previous: &third}
	same := filters.Key{ID: "k1", Secret: secret}
	for want, key := range map[string]filters.Key{
		"filters: pseudonymize.key_id: must be 1 to 32 ASCII letters, digits, '-', '_' or '.'\nfilters: pseudonymize.key: must have at least 16 bytes": {},
		"filters: pseudonymize.key_id: must be 1 to 32 ASCII letters, digits, '-', '_' or '.'":                                                         {ID: "a:b", Secret: secret},
		"filters: pseudonymize.key: must have at least 16 bytes":                                                                                       {ID: "k", Secret: settings.NewSecret("fifteen bytes..")},
		"filters: pseudonymize.previous_key: replaces more than one key":                                                                               {ID: "k1", Secret: secret, Previous: &second},
		"filters: pseudonymize.previous_key: has the id of the key that replaces it":                                                                   {ID: "k1", Secret: secret, Previous: &same},
	} {
		assert.EqualError(t, filters.Check(filters.Pseudonymize(key, filters.Member("a"))), want)
	}
	assert.EqualError(t, filters.Check(filters.Pseudonymize(keyOne())), "filters: pseudonymize: needs something to change")
}

// Nothing that prints a filter prints its secret.
func TestPseudonymize_printsNoSecret(t *testing.T) {
	f := filters.Pseudonymize(keyOne(), filters.Member("a"))
	filtered(t, f, parse(t, `{"a":"x"}`))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.NotContains(t, fmt.Sprintf(verb, f), secretOne)
		assert.NotContains(t, fmt.Sprintf(verb, keyOne()), secretOne)
	}
}
