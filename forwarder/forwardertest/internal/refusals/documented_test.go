package refusals

import (
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// documented reports whether REFUSALS.md lists text, save for names, times and
// the cause. The item counts as reached then.
func documented(t *testing.T, text string) bool {
	t.Helper()
	return documentedIn(t, text, &reached)
}

// documentedIn is documented for a set of items of its own.
func documentedIn(t *testing.T, text string, reached *itemSet) bool {
	t.Helper()
	listed, err := readRefusals()
	require.NoError(t, err)
	text = anonymous(strings.TrimPrefix(text, "forwarder: "))
	item := ""
	for _, l := range listed {
		if strings.HasPrefix(text, l) && len(l) > len(item) {
			item = l
		}
		if strings.Contains(text, ": "+l) { // a cause of its own
			reached.add(l)
		}
	}
	if item != "" {
		reached.add(item)
	}
	return item != ""
}

// readRefusals returns the texts that REFUSALS.md lists: of each item, the code
// that it begins with.
var readRefusals = sync.OnceValues(func() ([]string, error) {
	document, err := os.ReadFile("../../../REFUSALS.md")
	if err != nil {
		return nil, err
	}
	return itemsIn(string(document)), nil
})

// anonymous replaces what differs from case to case.
func anonymous(text string) string {
	for _, r := range []struct{ pattern, by string }{
		{`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`, "TIME"},
		{`[\w.]+:\d+`, "SERVER"},
		{`"[^"]*"`, "NAME"},
		{` \(file NAME\)`, ""},
		{`client certificate NAME`, "user NAME"},
		{`user_\w+ entry`, "user_NAME entry"},
		{`SCRAM-SHA-\d+`, "MECHANISM"},
		{`is for .*, not for`, "is for NAMES, not for"},
		{`which is \d+`, "which is N"},
		{`broker \d+ at`, "broker N at"},
		{`of \d+ bytes`, "of N bytes"},
		{`broker \d+, leader of partitions? [\d, ]*\d`, "broker N, leader of partitions N"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.by)
	}
	return text
}

func TestDocumented(t *testing.T) {
	assert.True(t, documented(t, `forwarder: 127.0.0.1:9093 has no topic "evnets": create it, or correct topic_name: some cause`)) // others reach it, too
	assert.False(t, documented(t, `forwarder: 127.0.0.1:9093 has no topic "evnets": too bad`))
	listed, err := readRefusals()
	require.NoError(t, err)
	assert.Greater(t, len(listed), 20)
}
