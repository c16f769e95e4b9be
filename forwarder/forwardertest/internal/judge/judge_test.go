package judge_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/machinelock"
)

// The test's program is the process under test, too.
func TestMain(m *testing.M) {
	subject, err := judge.IsSubject()
	switch {
	case !subject:
		os.Exit(m.Run()) //nolint:forbidigo // what TestMain is for
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // what TestMain is for
	}
}

// The short form of the embedded level on both producers, with all its controls;
// the full forms are those of cmd/judge.
func TestRun_embedded(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute, and -short is set")
	}
	machinelock.Lock(t)
	for _, producer := range []judge.Producer{judge.ProducerEngine, judge.ProducerSarama} {
		t.Run(string(producer), func(t *testing.T) {
			o, err := judge.Defaults(judge.LevelEmbedded)
			require.NoError(t, err)
			o.Producer, o.Controls = producer, producer == judge.ProducerEngine // they are neither
			o.Seed, o.Seeds = uint64(time.Now().UnixNano())%1e6, 1
			o.Goals.Rate, o.Goals.Messages, o.Goals.Events, o.Goals.PerUser, o.Goals.Users = 2000, 20_000, 70_000, 100, 100
			o.Goals.Faults, o.Goals.Crashes, o.Goals.Limit = 15, 1, 5*time.Minute

			var said strings.Builder
			err = judge.Run(t.Context(), o, &said)
			t.Log("\n" + said.String())
			require.NoError(t, err)
			if o.Controls {
				assert.Equal(t, 13, strings.Count(said.String(), ": caught "))
			}
			assert.Contains(t, said.String(), "PASSED")
			required := []string{"broker with stale metadata", "quota on requests"}
			if producer == judge.ProducerEngine {
				required = append(required, "large requests close the connection", "producer ids lost", "clock ahead and back", "password replaced", "certificates replaced")
			}
			for _, fault := range required {
				assert.Regexp(t, "[:,] "+fault+" [1-9]", said.String())
			}
		})
	}
}

// The short form of the embedded level in spool mode, with its controls.
func TestRun_embeddedWithSpool(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute, and -short is set")
	}
	machinelock.Lock(t)
	o, err := judge.Defaults(judge.LevelEmbedded)
	require.NoError(t, err)
	o = o.WithSpool()
	o.Seed, o.Seeds = uint64(time.Now().UnixNano())%1e6, 1
	o.Goals.Users, o.Goals.Messages, o.Goals.PerUser, o.Goals.Faults, o.Goals.Crashes = 50, 5000, 10, 15, 8

	var said strings.Builder
	err = judge.Run(t.Context(), o, &said)
	t.Log("\n" + said.String())
	require.NoError(t, err)
	assert.Equal(t, 4, strings.Count(said.String(), ": caught "))
	assert.Contains(t, said.String(), "lost 0, twice 0, out of order 0")
}

// The short form with windows, with its controls.
func TestRun_embeddedWithWindows(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute, and -short is set")
	}
	machinelock.Lock(t)
	o, err := judge.Defaults(judge.LevelEmbedded)
	require.NoError(t, err)
	o = o.WithSpool()
	o.Window = time.Second
	o.Seed, o.Seeds = uint64(time.Now().UnixNano())%1e6, 1
	o.Goals.Users, o.Goals.Rate, o.Goals.Messages, o.Goals.PerUser, o.Goals.Faults, o.Goals.Crashes = 30, 800, 3000, 10, 10, 6

	var said strings.Builder
	err = judge.Run(t.Context(), o, &said)
	t.Log("\n" + said.String())
	require.NoError(t, err)
	assert.Equal(t, 4, strings.Count(said.String(), ": caught "))
	assert.Contains(t, said.String(), "lost 0, twice 0, out of order 0")
	assert.Regexp(t, "windows: [1-9][0-9]+ of [0-9]+ messages have several batches", said.String())
}

// Windows are on a spool. Behind a door they would be nothing else than without one.
func TestRun_windowsOfNothing(t *testing.T) {
	o, err := judge.Defaults(judge.LevelEmbedded)
	require.NoError(t, err)
	o.Window = time.Second
	require.ErrorContains(t, judge.Run(t.Context(), o, &strings.Builder{}), "windows are on a spool")
	o = o.WithSpool().Behind(judge.WebhookDoor)
	require.ErrorContains(t, judge.Run(t.Context(), o, &strings.Builder{}), "neither behind a door")
}

func TestRun_spoolOfSarama(t *testing.T) {
	o, err := judge.Defaults(judge.LevelEmbedded)
	require.NoError(t, err)
	o = o.WithSpool()
	o.Producer = judge.ProducerSarama
	require.ErrorContains(t, judge.Run(t.Context(), o, &strings.Builder{}), "has no spool")
}

// The short form behind the webhook, with its controls.
func TestRun_webhook(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute, and -short is set")
	}
	machinelock.Lock(t)
	o, err := judge.Defaults(judge.LevelEmbedded)
	require.NoError(t, err)
	o = o.Behind(judge.WebhookDoor)
	o.Seed = uint64(time.Now().UnixNano()) % 1e6
	o.Goals.Rate, o.Goals.Messages, o.Goals.Events, o.Goals.PerUser, o.Goals.Users = 1000, 8000, 25_000, 20, 60
	o.Goals.Faults, o.Goals.Crashes, o.Goals.Limit = 15, 1, 2*time.Minute
	var said strings.Builder
	err = judge.Run(t.Context(), o, &said)
	t.Log("\n" + said.String())
	require.NoError(t, err)
	assert.Equal(t, 3, strings.Count(said.String(), ": caught "))
	assert.Contains(t, said.String(), "behind the door webhook")
	assert.Regexp(t, "posted again [1-9]", said.String())
}

// A goal out of reach is a failure, and says which.
func TestRun_outOfReach(t *testing.T) {
	machinelock.Lock(t)
	o, err := judge.Defaults(judge.LevelEmbedded)
	require.NoError(t, err)
	o.Seeds, o.Controls = 1, false
	o.Goals.Rate, o.Goals.Users, o.Goals.Faults, o.Goals.Crashes, o.Goals.Limit = 500, 20, 1000, 0, time.Second
	var said strings.Builder
	require.ErrorIs(t, judge.Run(t.Context(), o, &said), judge.ErrFailed)
	assert.Contains(t, said.String(), "after 1s not all goals are reached")
}

func TestRun_interrupted(t *testing.T) {
	machinelock.Lock(t)
	o, err := judge.Defaults(judge.LevelEmbedded)
	require.NoError(t, err)
	o.Seeds, o.Controls = 1, false
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.ErrorIs(t, judge.Run(ctx, o, &strings.Builder{}), context.DeadlineExceeded)
}

func TestDefaults_unknown(t *testing.T) {
	_, err := judge.Defaults("moon")
	require.ErrorContains(t, err, `no level "moon"`)
}
