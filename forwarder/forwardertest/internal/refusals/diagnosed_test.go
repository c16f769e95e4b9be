package refusals

import (
	"context"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/settings"
)

// byDiagnose holds the items whose text a report of Diagnose has had in this run.
var byDiagnose = itemSet{items: map[string]bool{}}

// notByDiagnose are the items of REFUSALS.md, above those about messages that are
// delivered, that no test of this package diagnoses, each with the reason.
var notByDiagnose = map[string]string{
	"the brokers do not let user NAME write to topic NAME: grant it the operation WRITE": "an answer to messages, and Diagnose sends none",
	"the brokers do not let user NAME write idempotently: grant it the operation WRITE on topic NAME, " +
		"and before Kafka 2.8 IDEMPOTENT_WRITE on the cluster": "an answer to messages, and Diagnose sends none",
}

// assertDiagnosed asserts that Diagnose has a check that failed with this text, in
// which TIME stands for any time and which may end where a cause begins, and that
// its output has the parts of that text and no password.
func assertDiagnosed(ctx context.Context, t *testing.T, s settings.Settings, opts []forwarder.Option, want string) {
	t.Helper()
	want, _ = strings.CutSuffix(strings.TrimPrefix(want, "forwarder: "), " (context deadline exceeded)")
	report := forwarder.Diagnose(ctx, s, opts...)
	output := report.String()
	data, err := json.Marshal(report)
	require.NoError(t, err)
	found := false
	for _, c := range report.Checks {
		if c.Err == nil {
			continue
		}
		text := anyTime.ReplaceAllString(c.Err.Error(), "TIME")
		if text != want && (!strings.HasSuffix(want, ": ") || !strings.HasPrefix(text, want)) {
			continue
		}
		found = true
		listed := documentedIn(t, text, &byDiagnose)
		assert.True(t, listed || strings.HasPrefix(text, "broker "), text) // a broker that leads partitions goes before an item
		assert.Equal(t, forwarder.CheckFailed, c.Status)
		assert.Contains(t, output, c.Found)
		assert.Contains(t, output, c.Do)
		for word := range strings.FieldsSeq(c.Err.Error()) { // each is in one part or in both
			assert.Contains(t, c.Found+" "+c.Do, strings.Trim(word, ":"))
		}
	}
	assert.True(t, found, "want %s in\n%s", want, output)
	assert.Equal(t, forwarder.CheckFailed, report.Status())
	if s.Password.IsSet() {
		assert.NotContains(t, output, s.Password.Reveal())
		assert.NotContains(t, string(data), s.Password.Reveal())
	}
}

// beforeDelivery returns the items of REFUSALS.md above those about messages that are
// delivered.
func beforeDelivery() ([]string, error) {
	document, err := os.ReadFile("../../../REFUSALS.md")
	if err != nil {
		return nil, err
	}
	text, _, _ := strings.Cut(string(document), "\n## While messages are delivered")
	return itemsIn(text), nil
}

// itemsIn returns of each item of a document the code that it begins with.
func itemsIn(document string) (texts []string) {
	for _, item := range regexp.MustCompile("(?m)^- `([^`]*)`").FindAllStringSubmatch(document, -1) {
		texts = append(texts, anonymous(item[1]))
	}
	return texts
}
