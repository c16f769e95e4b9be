package batch

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var errSecret = errors.New("secret")

type badText string

func (b badText) MarshalJSON() ([]byte, error) { return []byte(b), nil }

type badError struct{}

func (badError) MarshalJSON() ([]byte, error) { return nil, errSecret }

// Filters' errors are printed, so they quote nothing of what should be set.
func TestSet_errorsWithoutPayload(t *testing.T) {
	b := parsed(t, `{}`)
	for want, x := range map[string]any{
		"json.Number is not a number":                                  json.Number("secret"),
		"a map[string]json.Number could not be encoded":                map[string]json.Number{"secret": "secret"},
		"a batch.badText could not be encoded":                         badText("secret"),
		"a batch.badError could not be encoded":                        badError{},
		"a []interface {} could not be encoded":                        []any{badError{}},
		"json: unsupported type: chan int":                             []any{"secret", make(chan int)},
		"json: unsupported value: NaN":                                 map[string]float64{"secret": math.NaN()},
		"not JSON (depth 1) at byte 1 of the value":                    json.RawMessage("{secret"),
		"data after the value at byte 2 of it":                         json.RawMessage("1 secret"),
		"string is not valid UTF-8":                                    "secret\xff",
		"[]byte is ambiguous: convert it to string or json.RawMessage": []byte("secret"),
	} {
		err := b.At("a").Set(x)
		require.EqualError(t, err, "batch: set: "+want)
		for _, verb := range []string{"%v", "%+v", "%s", "%q"} {
			assert.NotContains(t, fmt.Sprintf(verb, fmt.Errorf("filter: %w", err)), "secret")
		}
	}
	require.ErrorIs(t, b.At("a").Set(badError{}), errSecret, "for who wants to know")
	assert.Equal(t, `{}`, string(b.AppendJSON(nil)))
}

func TestSet_numberAsText(t *testing.T) {
	for number, want := range map[json.Number]string{
		"": `0`, "-1.50e+2": `-1.50e+2`, "9007199254740993": `9007199254740993`,
	} {
		b := parsed(t, `{}`)
		require.NoError(t, b.At("a").Set(number))
		assert.Equal(t, `{"a":`+want+`}`, string(b.AppendJSON(nil)))
	}
	for _, number := range []json.Number{" 1", "1 ", "1,", "01", "+1", "1.", "-", "NaN", "0x1", "\"1\"", "1}"} {
		require.ErrorIs(t, parsed(t, `{}`).At("a").Set(number), errNumber)
	}
}

// A value that All yielded is that occurrence; setting it goes by its name.
func TestAll_valueOutlivesParent(t *testing.T) {
	b := parsed(t, `{"o":{"a":1},"l":[1]}`)
	var member, element Value
	for _, v := range b.At("o").All() {
		member = v
	}
	for _, v := range b.At("l").All() {
		element = v
	}
	for _, name := range []string{"o", "l"} {
		require.NoError(t, b.At(name).Remove())
	}
	require.NoError(t, b.At("o").Set(map[string]int{"a": 5}))
	require.NoError(t, b.At("l").Set([]int{5}))
	assert.False(t, member.Exists())
	assert.False(t, element.Exists())
	require.NoError(t, member.Set(7))
	require.ErrorIs(t, element.Set(7), errGone)
	assert.False(t, member.Exists())
	assert.Equal(t, `{"o":{"a":7},"l":[5]}`, string(b.AppendJSON(nil)))
}

type (
	ownString  string
	ownBytes   []byte
	ownByte    byte
	loop       *loop
	textBytes  []byte
	letter     byte
	ownPointer *string
)

func (textBytes) MarshalText() ([]byte, error) { return []byte("as text"), nil }

func (l *letter) MarshalJSON() ([]byte, error) { return []byte{'"', byte(*l), '"'}, nil }

// What encoding/json would write as a string or in base64 is a string or bytes,
// whatever the type is called.
func TestSet_ownTypes(t *testing.T) {
	good, bad, raw, number := ownString("é"), "a\xffb", []byte("x"), json.Number("1.50")
	pointer, text, other := &bad, json.RawMessage(`{ "x" : 1 }`), parsed(t, `{"b":[ 1 ]}`).At("b")
	var boxed any = bad
	var circle loop
	circle = loop(&circle)
	for _, c := range []struct {
		x    any
		want string
		err  error
	}{
		{x: good, want: `"é"`},
		{x: &good, want: `"é"`},
		{x: &number, want: `1.50`},
		{x: &text, want: `{ "x" : 1 }`},
		{x: &other, want: `[ 1 ]`},
		{x: (*string)(nil), want: `null`},
		{x: (*json.RawMessage)(nil), want: `null`},
		{x: textBytes("secret"), want: `"as text"`},
		{x: []letter("ab"), want: `["a","b"]`},
		{x: [2]byte{1, 2}, want: `[1,2]`},
		{x: ownString(bad), err: errUTF8},
		{x: &bad, err: errUTF8},
		{x: &pointer, err: errUTF8},
		{x: ownPointer(&bad), err: errUTF8},
		{x: ownBytes("x"), err: errBytes},
		{x: []ownByte("x"), err: errBytes},
		{x: &raw, err: errBytes},
		{x: &boxed, err: errUTF8},
	} {
		b := parsed(t, `{"a":0}`)
		require.ErrorIs(t, b.At("a").Set(c.x), c.err, "%T", c.x)
		assert.Equal(t, `{"a":`+cmp.Or(c.want, "0")+`}`, string(b.AppendJSON(nil)), "%T", c.x)
	}
	assert.Error(t, parsed(t, `{}`).At("a").Set(circle))
}
