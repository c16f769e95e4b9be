package spoolstore

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disk"
	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// segmentWrites calls a function before each write to a segment.
type segmentWrites struct {
	disk.FS
	before func(name string)
}

func (w segmentWrites) Create(name string, size int64) (disk.File, error) {
	f, err := w.FS.Create(name, size)
	if strings.HasPrefix(name, segmentPrefix) {
		f = writtenFile{f, func() { w.before(name) }}
	}
	return f, err
}

type writtenFile struct {
	disk.File
	before func()
}

func (f writtenFile) WriteAt(b []byte, at int64) (int, error) {
	f.before()
	return f.File.WriteAt(b, at)
}

// The last segment with a title on the disk stays, although all in it is done, while the title
// of the next one is on its way and one more is opened: a kill would leave none that says where
// the log goes on.
func TestStore_lastTitleStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := disktest.New(1)
		var holding atomic.Pointer[func(name string)]
		s, err := Open(segmentWrites{d, func(name string) {
			if hold := holding.Load(); hold != nil {
				(*hold)(name)
			}
		}}, small())
		require.NoError(t, err)
		big := func(what string) string { return what + strings.Repeat("x", 20<<10) } // one for each segment
		store(t, s, big("first"))
		last := store(t, s, big("second"))
		s.mu.Lock()
		written := []string{s.segments[0].name, s.segments[1].name}
		s.mu.Unlock()
		release := make(chan struct{})
		hold := func(name string) {
			if name != written[0] && name != written[1] {
				<-release
			}
		}
		holding.Store(&hold)
		for _, what := range []string{"third", "fourth"} {
			_, err := s.Add(t.Context(), entry(big(what)))
			require.NoError(t, err)
			synctest.Wait()
		}
		s.Done([]Range{{last, last + 1}}, nil, End{})
		require.NoError(t, s.Intend(nil))
		synctest.Wait() // the maintainer has seen it

		after := d.Stop()
		close(release)
		_ = s.Close(ended()) // its disk answers nothing any more
		s = open(t, after, small())
		assert.Empty(t, s.Damage())
		assert.Equal(t, []string{big("first")}, pending(t, s))
		stop(t, s)
	})
}
