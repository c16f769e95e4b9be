package judge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/machinelock"
)

// The short form with routes, with and without a spool, with its controls.
func TestRun_routes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute, and -short is set")
	}
	machinelock.Lock(t)
	for name, spool := range map[string]bool{"forwarded": false, "through a spool": true} {
		t.Run(name, func(t *testing.T) {
			o, err := judge.Defaults(judge.LevelEmbedded)
			require.NoError(t, err)
			controls := 4
			if spool {
				o, controls = o.WithSpool(), 2
			}
			o.Seed, o.Seeds, o.Routes = uint64(time.Now().UnixNano())%1e6, 1, 3
			o.Goals.Rate, o.Goals.Messages, o.Goals.Events, o.Goals.PerUser, o.Goals.Users = 1500, 8000, 0, 20, 60
			o.Goals.Faults, o.Goals.Crashes, o.Goals.Limit = 10, 1, 5*time.Minute
			if spool {
				o.Goals.Messages, o.Goals.Crashes = 5000, 5
			}
			var said strings.Builder
			err = judge.Run(t.Context(), o, &said)
			t.Log("\n" + said.String())
			require.NoError(t, err)
			assert.Equal(t, controls, strings.Count(said.String(), ": caught "))
			assert.Contains(t, said.String(), "routes to 3 topics")
			assert.Regexp(t, "routes: [1-9][0-9]* batches had events for two topics", said.String())
		})
	}
}

func TestRun_routesRefused(t *testing.T) {
	for want, change := range map[string]func(*judge.Options){
		"there can be 2 to 10": func(o *judge.Options) { o.Routes = 11 },
		"routes to 1 topics":   func(o *judge.Options) { o.Routes = 1 },
		"exclude each other":   func(o *judge.Options) { o.Routes, o.Spool, o.Window = 2, true, time.Second },
		"without a door":       func(o *judge.Options) { o.Routes, o.Door = 2, judge.WebhookDoor },
	} {
		o, err := judge.Defaults(judge.LevelEmbedded)
		require.NoError(t, err)
		change(&o)
		assert.ErrorContains(t, judge.Run(t.Context(), o, &strings.Builder{}), want)
	}
}
