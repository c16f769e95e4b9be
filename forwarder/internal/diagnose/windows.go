package diagnose

import (
	"context"
	"fmt"
	"time"
)

// Windows say how stored batches gather, if they do.
type Windows struct {
	Length         time.Duration // 0: there are none
	MostOpen       int64         // windows, by the memory for what is known of them
	MostHeld       int64         // bytes on the disk, of the batches in open windows
	MessageBytes   int64         // of the largest message
	Segments       int           // of the spool
	SegmentsNeeded int
}

// windows says how many windows there may be, if there are any.
func (r *run) windows(ctx context.Context, w Windows) {
	if w.Length > 0 {
		r.main.run(ctx, stepSpool, "windows", nil, func() finding { return windowsFinding(w) })
	}
}

func windowsFinding(w Windows) finding {
	if w.Segments < w.SegmentsNeeded {
		return wrong(fmt.Sprintf("the spool has room for %d segments, and windows need %d", w.Segments, w.SegmentsNeeded),
			"raise spool.max_bytes, or lower Options.SegmentBytes")
	}
	found := fmt.Sprintf("%s long, up to %d open, with up to %s of batches in them", w.Length, w.MostOpen, bytesText(w.MostHeld))
	if w.MostHeld < w.MessageBytes {
		return warn(found+": less than one message may have, so windows close early", "raise spool.max_bytes")
	}
	return fine(found)
}
