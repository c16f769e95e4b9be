package forwarder

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sampleReport() Report {
	return Report{Partitions: 12, Checks: []Check{
		{Step: "settings", Status: CheckOK, Found: "complete"},
		{Step: "tls", Target: "bücher:9093", Status: CheckWarning, Took: 1234567 * time.Nanosecond, Found: "28 days left", Do: "renew it"},
		{Step: "authenticate", Target: "b1:9093", Status: CheckFailed, Found: "refused", Do: "check it", Err: errors.New("refused: check it")},
		{Step: "topic", Status: CheckSkipped, Found: "needs authenticate b1:9093, which failed"},
	}}
}

func TestReport_String(t *testing.T) {
	assert.Equal(t, ""+
		"ok       settings                   complete\n"+
		"warning  tls           bücher:9093  28 days left (1ms)\n"+
		"                                    -> renew it\n"+
		"failed   authenticate  b1:9093      refused\n"+
		"                                    -> check it\n"+
		"skipped  topic                      needs authenticate b1:9093, which failed\n", sampleReport().String())
}

// TestReport_MarshalJSON holds the shape that programs read.
func TestReport_MarshalJSON(t *testing.T) {
	data, err := json.Marshal(sampleReport())
	require.NoError(t, err)
	assert.JSONEq(t, `{"status":"failed","partitions":12,"checks":[
		{"step":"settings","target":"","status":"ok","took_ms":0,"found":"complete"},
		{"step":"tls","target":"bücher:9093","status":"warning","took_ms":1.234,"found":"28 days left","do":"renew it"},
		{"step":"authenticate","target":"b1:9093","status":"failed","took_ms":0,"found":"refused","do":"check it","error":"refused: check it"},
		{"step":"topic","target":"","status":"skipped","took_ms":0,"found":"needs authenticate b1:9093, which failed"}]}`, string(data))
	data, err = json.Marshal(Report{})
	require.NoError(t, err)
	assert.JSONEq(t, `{"status":"skipped","checks":[]}`, string(data))
}

func TestReport_Status(t *testing.T) {
	r := sampleReport()
	assert.Equal(t, CheckFailed, r.Status())
	r.Checks = append(r.Checks[:2], r.Checks[3])
	assert.Equal(t, CheckWarning, r.Status())
	assert.False(t, r.OK())
	r.Checks = []Check{{Status: CheckSkipped}, {Status: CheckOK}, {Status: CheckSkipped}}
	assert.Equal(t, CheckOK, r.Status())
	assert.True(t, r.OK())
	assert.False(t, Report{}.OK(), "nothing was looked at")
	assert.Equal(t, "CheckStatus(9)", CheckStatus(9).String())
}

// TestDiagnose_mistakes: mistakes are told apart, also those of options.
func TestDiagnose_mistakes(t *testing.T) {
	one, two, both := errors.New("one"), errors.New("two"), errors.New("both")
	wrapped := joinedWithText{both, []error{one, two}}
	assert.Equal(t, []error{one, wrapped, two}, eachOf(errors.Join(errors.Join(one, wrapped), two)))
	assert.Empty(t, eachOf(nil))
	assert.Equal(t, []error{one}, eachOf(one))
}

// joinedWithText has causes, and a text of its own.
type joinedWithText struct {
	error
	causes []error
}

func (j joinedWithText) Unwrap() []error { return j.causes }
