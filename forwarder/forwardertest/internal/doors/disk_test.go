package doors

import (
	"context"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/internal/disk"
	"github.com/eventferry/eventferry/forwarder/receiver"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// A failingDisk is a folder of which all writes and syncs fail for as long as broken
// is true.
type failingDisk struct {
	disk.FS
	broken *atomic.Bool
}

type failingFile struct {
	disk.File
	broken *atomic.Bool
}

func (d failingDisk) Create(name string, size int64) (disk.File, error) {
	if d.broken.Load() {
		return nil, syscall.EIO
	}
	f, err := d.FS.Create(name, size)
	return failingFile{f, d.broken}, err
}

func (d failingDisk) Open(name string) (disk.File, error) {
	f, err := d.FS.Open(name)
	return failingFile{f, d.broken}, err
}

func (f failingFile) WriteAt(p []byte, at int64) (int, error) {
	if f.broken.Load() {
		return 0, syscall.EIO
	}
	return f.File.WriteAt(p, at)
}

func (f failingFile) Sync() error {
	err := f.File.Sync()
	if f.broken.Load() {
		return syscall.EIO
	}
	return err
}

// onFailingDisk is a house whose spool's disk fails while broken is true.
func onFailingDisk(t *testing.T, wrap func(*forwarder.Forwarder) receiver.Forwarder) (h *house, broken *atomic.Bool) {
	t.Helper()
	h, broken = &house{kafka: forwardertest.NewKafka(t), quarantined: map[string]bool{}}, new(atomic.Bool)
	ctx := disk.NewContext(t.Context(), func(fs disk.FS) disk.FS { return failingDisk{fs, broken} })
	h.build(t, h.forward(ctx, t, smallSpool(t)), wrap, nil, receiver.WithDeadline(300*time.Millisecond))
	return h, broken
}

// drained waits until all that is stored is in Kafka.
func (h *house) drained(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, h.f.Shutdown(ctx))
}

// While the spool's disk fails posts are answered 503, and once it works again they
// are accepted. What was accepted is in Kafka once.
func TestWebhook_spoolsDiskFails(t *testing.T) {
	h, broken := onFailingDisk(t, nil)
	m := &mParticle{house: h, ids: true}
	m.load(t, func() {
		for range 3 {
			before, failed := m.answered(http.StatusOK), m.answered(http.StatusServiceUnavailable)
			eventually(t, func() bool { return m.answered(http.StatusOK) >= before+50 }, "batches are accepted")
			broken.Store(true)
			eventually(t, func() bool { return m.answered(http.StatusServiceUnavailable) >= failed+3*workers }, "batches are not accepted")
			broken.Store(false)
		}
		before := m.answered(http.StatusOK)
		eventually(t, func() bool { return m.answered(http.StatusOK) >= before+100 }, "batches are accepted again")
	})
	h.drained(t)
	lost, twice, unkept := m.verify(h.kafka.Messages(t, "events"))
	assert.Empty(t, lost, "answered 2xx, and not in Kafka")
	assert.Empty(t, twice, "in Kafka twice")
	assert.Empty(t, unkept, "answered 4xx, and not in quarantine")
	assert.Zero(t, m.gaveUp)
	assert.NotEmpty(t, m.dropped)
	for status := range m.answers {
		assert.Contains(t, []int{200, 400, 503}, status)
	}
	t.Logf("%d batches, answers %v", m.count.Load(), m.answers)
}

// A trusting forwarder says that a batch is stored though the disk has failed.
type trusting struct {
	*forwarder.Forwarder
	failed atomic.Int64
}

func (f *trusting) Store(ctx context.Context, b *batch.Batch, tag ...spool.Tag) error {
	if err := f.Forwarder.Store(ctx, b, tag...); err != nil {
		f.failed.Add(1)
	}
	return nil
}

// A door that answers 2xx although the disk has failed is caught by the same check.
func TestWebhook_checkCatchesAFailedDisk(t *testing.T) {
	var lies *trusting
	h, broken := onFailingDisk(t, func(f *forwarder.Forwarder) receiver.Forwarder { lies = &trusting{Forwarder: f}; return lies })
	m := &mParticle{house: h, ids: true}
	m.load(t, func() {
		eventually(t, func() bool { return m.answered(http.StatusOK) >= 50 }, "batches are accepted")
		broken.Store(true)
		eventually(t, func() bool { return lies.failed.Load() > 0 }, "batches are not stored")
		broken.Store(false)
	})
	h.drained(t)
	lost, _, _ := m.verify(h.kafka.Messages(t, "events"))
	assert.NotEmpty(t, lost)
}
