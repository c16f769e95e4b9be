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

// documented reports whether the package comment of forwarder lists text, save
// for names, times and the cause.
func documented(t *testing.T, text string) bool {
	t.Helper()
	listed, err := readDoc()
	require.NoError(t, err)
	text = anonymous(strings.TrimPrefix(text, "forwarder: "))
	for _, l := range listed {
		if strings.HasPrefix(text, l) {
			return true
		}
	}
	return false
}

// readDoc returns the texts of the section, each in one line.
var readDoc = sync.OnceValues(func() ([]string, error) {
	source, err := os.ReadFile("../../doc.go")
	if err != nil {
		return nil, err
	}
	_, section, _ := strings.Cut(string(source), "// # When a broker refuses\n")
	section, _, _ = strings.Cut(section, "// # ")
	var texts []string
	for line := range strings.Lines(section) {
		line = strings.TrimSuffix(line, "\n")
		if more, ok := strings.CutPrefix(line, "//\t  "); ok {
			texts[len(texts)-1] += " " + more
		} else if text, ok := strings.CutPrefix(line, "//\t"); ok {
			texts = append(texts, text)
		}
	}
	for i, text := range texts {
		texts[i] = anonymous(text)
	}
	return texts, nil
})

// anonymous replaces what differs from case to case.
func anonymous(text string) string {
	for _, r := range []struct{ pattern, by string }{
		{`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`, "TIME"},
		{`[\w.]+:\d+`, "SERVER"},
		{`"[^"]*"`, "NAME"},
		{`client certificate NAME`, "user NAME"},
		{`user_\w+ entry`, "user_NAME entry"},
		{`SCRAM-SHA-\d+`, "MECHANISM"},
		{`is for .*, not for`, "is for NAMES, not for"},
		{`broker \d+, leader of partitions? [\d, ]*\d`, "broker N, leader of partitions N"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.by)
	}
	return text
}

func TestDocumented(t *testing.T) {
	assert.True(t, documented(t, `forwarder: 127.0.0.1:9093 has no topic "evnets": create it, or correct topic_name: some cause`))
	assert.False(t, documented(t, `forwarder: 127.0.0.1:9093 has no topic "evnets": too bad`))
	listed, err := readDoc()
	require.NoError(t, err)
	assert.Greater(t, len(listed), 20)
}
