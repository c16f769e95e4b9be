package jsontext

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Texts are skipped with each of these behind them.
var tails = []string{"", ",", "}", "]", " ", "\n:", `,"a":1}`, "        "}

func TestSkipScalar(t *testing.T) {
	for text, bad := range map[string]int{ // -1: it is good; else where it is not
		`0`: -1, `-0`: -1, `-12.50e+3`: -1, `1E-2`: -1, `9e0`: -1, `true`: -1, `false`: -1, `null`: -1,
		`""`: -1, `"a"`: -1, `"\"\\\/\b\f\n\r\t"`: -1, `"\u12aF"`: -1, `"é😀"`: -1, "\"\u2028\x7f\"": -1, `"\ud800"`: -1,
		`"longer than eight bytes é and more than sixteen"`: -1,

		``: 0, `+1`: 0, `-`: 1, `-a`: 1, `.5`: 0, `1.`: 2, `1.e2`: 2, `1e`: 2, `1e+`: 3, `x`: 0, `{`: 0, `[`: 0,
		`tru`: 3, `trux`: 3, `nul`: 3, `nil`: 1, `falSe`: 3, `"`: 1, `"a`: 2, `"\`: 2, `"\q"`: 2, `"\u12`: 5, `"\u12g4"`: 5,
		"\"a\n\"": 2, "\"\x00\"": 1, "\"\x1f\"": 1, "\"\xff\"": 1, "\"é\xc3\"": 3, "\"\xed\xa0\x80\"": 1, "\"12345678\xff\"": 9,
		"\"12345678\t\"": 9, "\"é\xff\\q\"": 3, "\"\xc3": 2,
	} {
		if bad >= 0 {
			assert.Equal(t, 1+bad, ^SkipScalar([]byte("["+text), 1), "%q", text)
			continue
		}
		for _, tail := range tails {
			assert.Equal(t, 1+len(text), SkipScalar([]byte("["+text+tail), 1), "%q and %q", text, tail)
		}
	}
}

func TestSkipValue(t *testing.T) {
	for _, text := range []string{
		`1`, `-1.5e3`, `true`, `null`, `"a"`, `"]}\""`, `{}`, `[]`, `{"a":[1,{"b":"}"}]}`, `[[],{"]":"["}]`, "[ 1 ,\n2 ]",
	} {
		for _, tail := range tails {
			assert.Equal(t, 1+len(text), SkipValue([]byte(" "+text+tail), 1), "%q and %q", text, tail)
		}
	}
}

func TestSkipSpace(t *testing.T) {
	s := []byte("a \t\r\n b\v ")
	assert.Equal(t, 6, SkipSpace(s, 1))
	assert.Equal(t, 6, SkipSpace(s, 6))
	assert.Equal(t, 7, SkipSpace(s, 7), "no white space to JSON")
	assert.Equal(t, 9, SkipSpace(s, 8))
	assert.Equal(t, 1, SkipSpaceBack(s, 6))
	assert.Equal(t, 1, SkipSpaceBack(s, 1))
	assert.Equal(t, 0, SkipSpaceBack([]byte("  "), 2))
	assert.Equal(t, 2, SkipColon([]byte(`a:1`), 1))
	assert.Equal(t, 4, SkipColon([]byte("a : 1"), 1))
	assert.Equal(t, 3, SkipColon([]byte("a: 1"), 1))
	assert.Equal(t, 2, SkipColon([]byte("a:"), 1))
	assert.Equal(t, ^1, SkipColon([]byte("a;"), 1))
	assert.Equal(t, ^2, SkipColon([]byte("a "), 1))
	assert.Equal(t, 3, AfterComma([]byte(" 1,2"), 2))
	assert.Equal(t, 4, AfterComma([]byte(" 1 ,2"), 2))
	assert.Equal(t, 2, AfterComma([]byte(" 1 ]"), 2))
	assert.Zero(t, ByteAt(s, -1))
	assert.Zero(t, ByteAt(s, len(s)))
	assert.Equal(t, byte('b'), ByteAt(s, 6))
}

func TestDepth(t *testing.T) {
	for text, want := range map[string]int{
		`1`: 0, `"[["`: 0, `[]`: 1, `{"a":[1,[2]],"b":{}}`: 3, `[[],[[]],[]]`: 3, `{"[":"\"["}`: 1,
	} {
		assert.Equal(t, want, Depth([]byte(text)), text)
	}
}

func TestParseInt(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-0": 0, "7": 7, "-12": -12, "9223372036854775807": 9223372036854775807, "-9223372036854775808": -9223372036854775808,
	} {
		n, ok := ParseInt([]byte(text))
		assert.True(t, ok, text)
		assert.Equal(t, want, n, text)
	}
	for _, text := range []string{"", "-", "+1", "01", "-01", "1.0", "1e2", " 1", "1 ", "0x1", "1_0", "9223372036854775808", "-9223372036854775809", "--1"} {
		_, ok := ParseInt([]byte(text))
		assert.False(t, ok, text)
	}
}

func TestQuote(t *testing.T) {
	assert.Equal(t, "\b\f\n\r\t\"\\/\u00e9A", string(Unquote([]byte(`"\b\f\n\r\t\"\\\/\u00e9\u0041"`))))
	assert.Equal(t, `"\n\r\t\"\\/\u0000\u001f<é>"`, string(AppendQuoted(nil, "\n\r\t\"\\/\x00\x1f<é>")))
	for c := range rune(0x100) {
		text := "a" + string(c) + "b"
		quoted := AppendQuoted([]byte("x"), text)[1:]
		assert.Len(t, quoted, QuotedSize(text), "%q", text)
		assert.Equal(t, text, string(Unquote(quoted)))
		var got string
		require.NoError(t, json.Unmarshal(quoted, &got))
		assert.Equal(t, text, got)
	}
}

// FuzzScalar compares with encoding/json what is a string or a number, and what it
// means.
func FuzzScalar(f *testing.F) {
	for _, text := range []string{`"a"`, `"\ud83d\ude00\ud83d"`, `-1.5e+10`, `tru`, "\"\xff\"", `"\u00e9` + "é\"", `nullnull`, `1 2`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		end := SkipScalar(text, 0)
		if end < 0 {
			require.LessOrEqual(t, ^end, len(text))
			if len(text) > 0 && text[0] != '{' && text[0] != '[' && !IsSpace(text[0]) && utf8.Valid(text) {
				require.False(t, json.Valid(text), "refused at %d: %q", ^end, text)
			}
			return
		}
		text = text[:end]
		require.True(t, json.Valid(text), "%q", text)
		require.True(t, utf8.Valid(text), "%q", text)
		require.Equal(t, end, SkipValue([]byte(string(text)+","), 0))
		if text[0] != '"' {
			return
		}
		var want string
		require.NoError(t, json.Unmarshal(text, &want))
		require.Equal(t, want, string(Unquote(text)))
		quoted := AppendQuoted(nil, want)
		require.Len(t, quoted, QuotedSize(want))
		require.Equal(t, want, string(Unquote(quoted)))
		i, escaped := SkipString(quoted, 0)
		require.Equal(t, len(quoted), i)
		require.Equal(t, strings.Contains(string(quoted), `\`), escaped)
		if n, err := strconv.ParseInt(want, 10, 64); err == nil && strconv.FormatInt(n, 10) == want {
			got, ok := ParseInt([]byte(want))
			require.True(t, ok)
			require.Equal(t, n, got)
		}
	})
}
