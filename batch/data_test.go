package batch

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// testFiles returns the files of a folder of test data that is not part of the
// project, with their content.
func testFiles(t *testing.T, tests int, pattern string) map[string][]byte {
	t.Helper()
	dir := os.Getenv("EVENTFERRY_TESTDATA")
	if dir == "" {
		t.Skipf("EVENTFERRY_TESTDATA is not set: %d files of %s not tested", tests, pattern)
	}
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	files := map[string][]byte{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		files[filepath.Base(name)] = data
	}
	require.Equal(t, tests, len(files), "files of %s", pattern)
	return files
}

// What the JSONTestSuite leaves to the implementation: true is accepted. It is
// well-formed numbers of any size, and escaped surrogates without a partner;
// what is not UTF-8 is refused.
var undefined = map[string]bool{
	"i_number_double_huge_neg_exp.json":                   true,
	"i_number_huge_exp.json":                              true,
	"i_number_neg_int_huge_exp.json":                      true,
	"i_number_pos_double_huge_exp.json":                   true,
	"i_number_real_neg_overflow.json":                     true,
	"i_number_real_pos_overflow.json":                     true,
	"i_number_real_underflow.json":                        true,
	"i_number_too_big_neg_int.json":                       true,
	"i_number_too_big_pos_int.json":                       true,
	"i_number_very_big_negative_int.json":                 true,
	"i_object_key_lone_2nd_surrogate.json":                true,
	"i_string_1st_surrogate_but_2nd_missing.json":         true,
	"i_string_1st_valid_surrogate_2nd_invalid.json":       true,
	"i_string_UTF-16LE_with_BOM.json":                     false,
	"i_string_UTF-8_invalid_sequence.json":                false,
	"i_string_UTF8_surrogate_U+D800.json":                 false,
	"i_string_incomplete_surrogate_and_escape_valid.json": true,
	"i_string_incomplete_surrogate_pair.json":             true,
	"i_string_incomplete_surrogates_escape_valid.json":    true,
	"i_string_invalid_lonely_surrogate.json":              true,
	"i_string_invalid_surrogate.json":                     true,
	"i_string_invalid_utf-8.json":                         false,
	"i_string_inverted_surrogates_U+1D11E.json":           true,
	"i_string_iso_latin_1.json":                           false,
	"i_string_lone_second_surrogate.json":                 true,
	"i_string_lone_utf8_continuation_byte.json":           false,
	"i_string_not_in_unicode_range.json":                  false,
	"i_string_overlong_sequence_2_bytes.json":             false,
	"i_string_overlong_sequence_6_bytes.json":             false,
	"i_string_overlong_sequence_6_bytes_null.json":        false,
	"i_string_truncated-utf-8.json":                       false,
	"i_string_utf16BE_no_BOM.json":                        false,
	"i_string_utf16LE_no_BOM.json":                        false,
	"i_structure_500_nested_arrays.json":                  true,
	"i_structure_UTF-8_BOM_empty_object.json":             false,
}

// Each file of the suite stands as the value of one member of a batch, of an
// event and of an event's data, and as the value of an edit.
func TestParse_jsonTestSuite(t *testing.T) {
	files := testFiles(t, 318, "jsontestsuite/test_parsing/*.json")
	seen := 0
	for name, data := range files {
		accept := name[0] == 'y'
		if name[0] == 'i' {
			seen++
			accept = undefined[name]
		}
		for _, around := range [][2]string{
			{`{"before":0,"x":`, `,"after":1}`},
			{`{"events":[{"event_type":"custom_event","x":`, `}]}`},
			{`{"events":[{"event_type":"custom_event","data":`, `}]}`},
			{`{"events":[{"data":{"x":`, `},"event_type":"custom_event"}]}`},
		} {
			text := around[0] + string(data) + around[1]
			b, err := Parse([]byte(text))
			if !accept {
				assert.Error(t, err, name)
				continue
			}
			if assert.NoError(t, err, name) {
				assert.Equal(t, text, string(b.AppendJSON(nil)), name)
			}
		}
		_, _, err := check(data)
		assert.Equal(t, accept, err == nil, name)
	}
	assert.Len(t, undefined, seen)
}

// Every published sample is a batch, and is written as it was read.
func TestParse_samples(t *testing.T) {
	for _, pattern := range []struct {
		name  string
		files int
	}{{"batches/*.json", 13}, {"batches/composed/*.json", 2}, {"batches/*.ndjson", 1}} {
		for name, data := range testFiles(t, pattern.files, pattern.name) {
			var read []string
			for b, err := range Read(bytes.NewReader(data), 0) {
				require.NoError(t, err, name)
				read = append(read, string(b.AppendJSON(nil)))
			}
			assert.Equal(t, strings.TrimSpace(string(data)), strings.Join(read, "\n"), name)
			if len(read) == 1 {
				b, err := Parse(data)
				require.NoError(t, err, name)
				assert.Equal(t, string(data), string(b.AppendJSON(nil)), name)
			}
		}
	}
}
