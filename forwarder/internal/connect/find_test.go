package connect

import (
	"errors"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

// TestDiagnose_asksEachServerOnce: a diagnosis under a context without an end
// comes back, although no server can be reached.
func TestDiagnose_asksEachServerOnce(t *testing.T) {
	p, err := New(settings.Settings{BootstrapServers: closedPort(t) + "," + closedPort(t), TopicName: "events"}.WithDefaults(), Options{})
	require.NoError(t, err)
	d := p.Diagnose(t.Context())
	assert.ErrorIs(t, d.Err, syscall.ECONNREFUSED)
	assert.Equal(t, d.Err, d.Of(-1))
	assert.Equal(t, d.Err, d.Of(7))
}

// TestNoServerError_prefersFailuresInTime: a failure behind the end of the
// context may come from that end.
func TestNoServerError_prefersFailuresInTime(t *testing.T) {
	refused, closed, late := errors.New("refused"), errors.New("closed"), errors.New("late")
	e := &noServerError{servers: []string{"b1:9093", "b2:9093", "b3:9093"}, failures: make([]error, 3)}
	e.add(attempt{server: 1, err: late}, true)
	assert.Equal(t, []error{late}, e.Unwrap())
	assert.False(t, e.tried, "no attempt has failed in time")

	e.add(attempt{server: 1, err: refused}, false)
	assert.True(t, e.tried)
	e.add(attempt{server: 1, err: late}, true)
	assert.True(t, e.tried, "one attempt has")
	e.add(attempt{server: 0, err: refused}, false)
	e.add(attempt{server: 0, err: closed}, false)
	assert.Equal(t, []error{closed, refused}, e.Unwrap())
	assert.ErrorIs(t, e, refused)
	assert.EqualError(t, e, "no broker could be reached: check bootstrap_servers and the network: closed; refused")
}
