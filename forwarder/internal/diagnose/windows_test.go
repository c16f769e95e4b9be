package diagnose

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWindows(t *testing.T) {
	checks := func(w Windows) []Check {
		var r run
		r.windows(t.Context(), w)
		return r.main.checks
	}
	assert.Empty(t, checks(Windows{MostOpen: 1, Segments: 1, SegmentsNeeded: 4}), "there are none")

	w := Windows{Length: 10 * time.Minute, MostOpen: 47_662, MostHeld: 640 << 20, MessageBytes: 1_000_000, Segments: 4, SegmentsNeeded: 4}
	list := checks(w)
	require.Len(t, list, 1)
	assert.Equal(t, Check{Step: "spool", Target: "windows", Found: "10m0s long, up to 47662 open, with up to 640 MiB of batches in them", Took: list[0].Took}, list[0])

	w.MostHeld = w.MessageBytes - 1
	assert.Equal(t, warn("10m0s long, up to 47662 open, with up to 977 KiB of batches in them: less than one message may have, so windows close early", "raise spool.max_bytes"),
		windowsFinding(w))

	w.Segments = 3
	f := windowsFinding(w)
	assert.Equal(t, Failed, f.status)
	require.EqualError(t, f.err, "the spool has room for 3 segments, and windows need 4: raise spool.max_bytes, or lower Options.SegmentBytes")
}
