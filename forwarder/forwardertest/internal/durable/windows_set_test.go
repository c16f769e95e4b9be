package durable

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// The setting gathers as the option does, in the folder of the settings or in a spool
// of the caller's.
func TestWindow_bySetting(t *testing.T) {
	for name, own := range map[string]bool{"spool.dir": false, "WithSpool": true} {
		t.Run(name, func(t *testing.T) {
			k := forwardertest.NewKafka(t)
			s := k.Settings()
			s.Spool.Window = time.Hour
			opts := []forwarder.Option{forwarder.WithLogger(quiet)}
			if own {
				opts = append(opts, forwarder.WithSpool(openSpool(t, t.TempDir(), large())))
			} else {
				s.Spool.Dir = t.TempDir()
			}
			f, err := forwarder.New(t.Context(), s, opts...)
			require.NoError(t, err)
			defer f.Close()
			for i := range 3 {
				require.NoError(t, f.Store(t.Context(), deviceBatch(t, "a", i)))
			}
			assert.Equal(t, 1, f.Stats().Spool.Windows)
			drainAll(t, f)
			assert.Equal(t, [][]int{{0, 1, 2}}, numbersOf(t, k.Messages(t, "events")))
		})
	}
}

// New refuses what cannot go together, and leaves the spool to the next one.
func TestWindow_mistakes(t *testing.T) {
	k := forwardertest.NewKafka(t)
	const length = "between 1 second and 1 hour"
	for name, c := range map[string]struct {
		option, setting time.Duration
		spool, single   bool
		want            string
	}{
		"too short":              {option: time.Second - 1, spool: true, want: length},
		"too long":               {option: time.Hour + 1, spool: true, want: length},
		"too small":              {option: time.Minute, spool: true, want: "four segments"},
		"too small, by setting":  {setting: time.Minute, spool: true, want: "four segments"},
		"no spool":               {option: time.Minute, want: "needs a spool"},
		"no spool, by setting":   {setting: time.Minute, want: "needs a spool"},
		"twice":                  {option: time.Minute, setting: time.Minute, spool: true, want: "WithWindow replaces the setting spool.window"},
		"too short, by setting":  {setting: time.Second - 1, spool: true, want: `spool.window "999.999999ms": must be 0 or from 1s to 1h`},
		"single events":          {option: time.Minute, spool: true, single: true, want: "send_as_batch is off"},
		"single, by the setting": {setting: time.Minute, spool: true, single: true, want: `spool.window "1m0s": gathers events, and send_as_batch is off`},
	} {
		t.Run(name, func(t *testing.T) {
			s := k.Settings()
			s.Spool.Window = c.setting
			if c.single {
				s.SendAsBatch = settings.Off
			}
			opts := []forwarder.Option{forwarder.WithoutProbe(), forwarder.WithLogger(quiet)}
			if c.option != 0 {
				opts = append(opts, forwarder.WithWindow(c.option))
			}
			if c.spool {
				o := small()
				if c.want == "four segments" {
					o.MaxBytes = 3 * o.SegmentBytes
				}
				opts = append(opts, forwarder.WithSpool(openSpool(t, t.TempDir(), o)))
			}
			_, err := forwarder.New(t.Context(), s, opts...)
			require.ErrorContains(t, err, c.want)
		})
	}
}
