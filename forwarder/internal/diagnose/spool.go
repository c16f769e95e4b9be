package diagnose

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
	"github.com/eventferry/eventferry/forwarder/internal/ctxwait"
	"github.com/eventferry/eventferry/forwarder/internal/disk"
	"github.com/eventferry/eventferry/settings"
)

// slowSync is how long a sync may take without a warning: each batch waits for one
// before it counts as stored, and for another before it is sent.
const slowSync = 20 * time.Millisecond

// spool looks at the folder of the spool, if the settings name one.
func (r *run) spool(ctx context.Context, s settings.Spool) {
	if s.Dir == "" {
		return
	}
	var e disk.Examination
	r.main.run(ctx, stepSpool, "folder", nil, func() finding {
		var err error
		// A disk that hangs holds nothing up.
		if e, err = ctxwait.Do(ctx, 0, func() (disk.Examination, error) { return disk.Examine(s.Dir) }, nil); err != nil {
			return failedFor(err, "let this user make, read and write the folder spool.dir, on a local disk")
		}
		return folderFinding(s.Dir, e)
	})
	needs := []string{stepSpool}
	r.main.run(ctx, stepSpool, "space", needs, func() finding { return spaceFinding(e, s.MaxBytes) })
	r.main.run(ctx, stepSpool, "sync", needs, func() finding { return syncFinding(e) })
}

func folderFinding(dir string, e disk.Examination) finding {
	name := connect.Line(dir)
	switch {
	case e.Missing:
		return fine(name + " is not there yet: the first start makes it")
	case e.Locked:
		return warn(name+" is in use", "leave it if a forwarder runs with it; else give each process a spool.dir of its own")
	default:
		return fine(name + ", not in use")
	}
}

// spaceFinding compares what the spool may still grow by with what is free.
func spaceFinding(e disk.Examination, most int64) finding {
	if e.Free < 0 {
		return leftOut("the system does not tell", "")
	}
	found := fmt.Sprintf("its files take %s, %s free, spool.max_bytes is %s", bytesText(e.Used), bytesText(e.Free), bytesText(most))
	if e.Free < most-e.Used {
		return warn(found, "give the disk more room, or lower spool.max_bytes")
	}
	return fine(found)
}

func syncFinding(e disk.Examination) finding {
	if e.Missing || e.Locked {
		return leftOut("not measured: the folder is not there, or in use", "")
	}
	found := e.Sync.Round(10 * time.Microsecond).String()
	if e.Sync > slowSync {
		return warn(found+": each batch waits for two of these", "put spool.dir on a faster local disk")
	}
	return fine(found)
}

// bytesText prints a size in the largest unit of which there is one.
func bytesText(n int64) string {
	const units = "KMGT"
	size, unit := float64(n), ""
	for _, u := range strings.Split(units, "") {
		if size < 1024 {
			break
		}
		size, unit = size/1024, u+"i"
	}
	return fmt.Sprintf("%.3g %sB", size, unit)
}
