package work

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSameMembers(t *testing.T) {
	const message = `{"mpid":-8486068905156028862,"a":1.50,"b":null,"c":[],"d":{"e":"","f":[1,null]}}`
	for other, same := range map[string]bool{
		message: true,
		`{"d":{"f":[1,null]},"a":15e-1,"mpid":-8486068905156028862}`: true,
		`{"d":{"f":[1,null]},"a":1.5,"mpid":-8486068905156028861}`:   false,
		`{"d":{"f":[1]},"a":1.5,"mpid":-8486068905156028862}`:        false,
		`{"d":{"f":[1,null]},"a":1.5}`:                               false,
		`{"d":{"f":[1,null]},"a":1.5,"mpid":-8486068905156028862`:    false,
	} {
		assert.Equal(t, same, sameMembers([]byte(message), []byte(other)), other)
	}
}

// A checker that allows other bytes still finds what is missing, twice, changed
// or out of order.
func TestChecker_AllowOtherBytes(t *testing.T) {
	items, err := Make(t.Context(), KiB1(), 1)
	assert.NoError(t, err)
	i := items[0]
	first := append([]byte(" "), i.Value...)
	put(first[i.inValue+1:], 1)
	second := append([]byte(" "), i.Value...)
	put(second[i.inValue+1:], 2)
	changed := append([]byte(`{"other":1,`), second[2:]...)
	for name, c := range map[string]struct {
		values [][]byte
		text   string
	}{
		"all":     {[][]byte{first, second}, ""},
		"missing": {[][]byte{first}, "2 messages were acknowledged, 1 are in the topic"},
		"twice":   {[][]byte{first, first}, "follows message 1"},
		"changed": {[][]byte{first, changed}, "is not the one that was sent"},
		"swapped": {[][]byte{second, first}, "follows message 0"},
		"cut":     {[][]byte{first, second[:i.inValue]}, "has no number"},
	} {
		t.Run(name, func(t *testing.T) {
			checker := NewChecker(items, 1)
			checker.AllowOtherBytes()
			for _, v := range c.values {
				checker.Add(0, i.Key, v)
			}
			if err := checker.End(2); c.text == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, c.text)
			}
		})
	}
}
