package filters

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A reader that remembers other events reads each as one that goes through all
// names: in any order of members, with repeated ones, white space and escape
// sequences, and when there is no room for more.
func TestEventReader_whateverWasBefore(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	names := []string{"event_name", `\u0065vent_name`, "custom_event_type", "screen_name", "custom_attributes", "product_action", "event_id", "location", "is_goal_defined", "x", "\\n"}
	reader := newEventReader()
	repeated, forgotten, named := 0, 0, 0
	for i := range 20_000 {
		var members []string
		for range r.IntN(9) {
			name := names[r.IntN(len(names))]
			if i%2_000 > 1_900 { // so many names that there is no room
				name = pick(name, fmt.Sprintf("%d", r.IntN(100)), strings.Repeat(name, 1000))
			}
			if r.IntN(50) == 0 {
				members = append(members, `"custom_attributes":{`+strings.Repeat(`"a":1,`, maxNames-2+r.IntN(3))+`"b\"":{"c":2} }`)
			}
			value := pick(`""`, `"a\"}"`, `"{"`, "null", "true", "false", "-1.5e3", "[]", "{}", `{"a":{"b":["}"]}}`, `{"a":"}","b":[1,"\\"]}`)
			members = append(members, pick("", "", " ", "\n")+`"`+name+`"`+pick("", "", " ")+":"+pick("", "", "\t ")+value+pick("", "", " "))
		}
		data := []byte("{" + strings.Join(members, ",") + "}")
		reader.read(data)

		var want eventFields
		var attributes []string
		twice := false
		for s := scanMembers(data); s.next(); {
			if f := fieldOf(s.plainName()); f != otherField {
				twice = twice || want[f] != nil
				want[f] = s.value
				if f == ownAttributes {
					for m := scanMembers(s.value); m.next(); {
						attributes = append(attributes, string(m.name))
					}
				}
			}
		}
		require.Equal(t, twice, reader.repeated, "%s", data)
		require.Equal(t, want, reader.eventFields, "%s", data)
		if !twice && reader.named {
			require.Len(t, attributes, reader.count, "%s", data)
			for i, name := range attributes {
				require.Equal(t, name, string(reader.names[i]), "%s", data)
			}
			named++
		}
		require.True(t, twice || reader.named == (isObjectText(want[ownAttributes]) && len(attributes) <= maxNames), "%s", data)
		if twice {
			repeated++
		}
		if i%7 == 0 {
			full := reader.spare.text != nil
			reader.forget()
			require.Equal(t, eventFields{}, reader.eventFields)
			if full {
				forgotten++
				require.Zero(t, reader.known)
			}
		}
	}
	assert.Positive(t, repeated)
	assert.Positive(t, forgotten)
	assert.Positive(t, named)
}

// A reader does not keep the text of events, of which it may have read gigabytes.
func TestEventReader_keepsLittle(t *testing.T) {
	r := newEventReader()
	text := []byte(`{"event_name":"a","` + strings.Repeat("x", maxLeadBytes) + `":1}`)
	r.read(text)
	assert.NotNil(t, r.spare.text)
	r.forget()
	assert.Nil(t, r.spare.text)

	r.read([]byte(`{"event_name":"a"}`))
	r.forget()
	require.Equal(t, 1, r.known)
	assert.Same(t, &r.room[0], &r.leads[1].text[0], "the text is the reader's own")
}
