package durable

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/spool"
)

// An imageDisk is a file system of its own, in a file.
type imageDisk struct {
	root   string // folder of the images
	images int
	mount  string // where the newest one is mounted
}

// newImageDisk makes one of so many bytes. It skips the test where that takes rights or
// programs that are not there.
func newImageDisk(t *testing.T, bytes int64) *imageDisk {
	t.Helper()
	d := &imageDisk{root: t.TempDir()}
	f, err := os.Create(d.image())
	require.NoError(t, err)
	require.NoError(t, f.Truncate(bytes))
	require.NoError(t, f.Close())
	if err := run(t, "mkfs.ext4", "-q", "-F", d.image()); err != nil {
		t.Skipf("SKIPPED: a disk of its own needs mkfs.ext4: %v", err)
	}
	if err := d.mountImage(t); err != nil {
		t.Skipf("SKIPPED: a disk of its own needs the right to mount an image: %v", err)
	}
	return d
}

func run(t *testing.T, name string, args ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput() //nolint:gosec // fixed programs
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

func (d *imageDisk) image() string { return filepath.Join(d.root, fmt.Sprint("image-", d.images)) }

func (d *imageDisk) mountImage(t *testing.T) error {
	t.Helper()
	d.mount = filepath.Join(d.root, fmt.Sprint("mount-", d.images))
	require.NoError(t, os.Mkdir(d.mount, 0o700))
	if err := run(t, "mount", "-o", "loop", d.image(), d.mount); err != nil {
		return err
	}
	mounted := d.mount
	t.Cleanup(func() {
		if mounted == d.mount {
			assert.NoError(t, run(t, "umount", mounted))
		}
	})
	return nil
}

// folder is where a spool lies.
func (d *imageDisk) folder() string { return filepath.Join(d.mount, "spool") }

// copyImage copies what a power cut would leave: what was synced, and what the kernel
// has written of the rest. It writes some more while the copy is made, now and then, and
// then the copy is of no moment and made again.
func (d *imageDisk) copyImage(t *testing.T) {
	t.Helper()
	old := d.image()
	d.images++
	require.Eventually(t, func() bool {
		require.NoError(t, run(t, "cp", "--sparse=always", old, d.image()))
		return run(t, "cmp", "-s", old, d.image()) == nil
	}, patience, time.Millisecond, "the image changes though nobody writes to it")
}

// useCopy goes on with the newest copy. Nothing must have a file of the former one
// open.
func (d *imageDisk) useCopy(t *testing.T) {
	t.Helper()
	require.NoError(t, run(t, "umount", d.mount))
	require.NoError(t, d.mountImage(t))
}

// The power is cut: the disk of a process that is stopped is copied, and the next
// process has the copy.
func TestPowerCut(t *testing.T) {
	usual := 8
	if testing.Short() {
		usual = 2
	}
	for name, stale := range map[string]bool{"what was synced is there": false, "what was synced is lost": true} {
		t.Run(name, func(t *testing.T) {
			d := newImageDisk(t, 160<<20)
			k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
			l := newLives(t, k.Settings(), seed(t))
			stop := disturb(k, l.r.Uint64())
			for range kills(t, usual) {
				l.dir = d.folder()
				l.cutPower(t, d, stale)
			}
			faults := stop()
			l.dir = d.folder()
			l.drain(t)
			c := check(k.Messages(t, "events"), l.stored, l.refused, 0)
			t.Logf("%v, %d faults: %+v", l, faults, c.findings)
			assert.Positive(t, c.Stored)
			if stale {
				assert.NotEqual(t, findings{}, c.wrong())
				return
			}
			assert.Equal(t, findings{}, c.wrong(), "%v", c.first)
			assert.Empty(t, l.refused)
		})
	}
}

// cutPower lets a process live for a while, and goes on with a copy of its disk: as it
// is when the process is stopped, or, if stale, from long before.
func (l *lives) cutPower(t *testing.T, d *imageDisk, stale bool) {
	t.Helper()
	p := l.start(t)
	p.waitForStore(patience)
	if stale {
		require.NoError(t, p.cmd.Process.Signal(syscall.SIGSTOP))
		d.copyImage(t)
		require.NoError(t, p.cmd.Process.Signal(syscall.SIGCONT))
	}
	<-time.After(time.Duration(100+l.r.IntN(400)) * time.Millisecond)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGSTOP))
	if !stale {
		d.copyImage(t)
	}
	l.sigkill(t, p)
	d.useCopy(t)
}

// A disk that is full is like a spool that is: what is stored is delivered, and then
// there is room again.
func TestStore_diskFull(t *testing.T) {
	d := newImageDisk(t, 96<<20)
	k := forwardertest.NewKafka(t)
	down := k.Unreachable()
	f := start(t, k, openSpool(t, d.folder(), spool.Options{MaxBytes: 1 << 30, SegmentBytes: 1 << 20, Logger: quiet}))
	stored, err := fill(t, f)
	require.ErrorIs(t, err, spool.ErrFull)
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorIs(t, f.Ready(), syscall.ENOSPC)
	assert.True(t, forwarder.NothingSent(err))
	assert.Greater(t, stored, 10)
	assert.Less(t, f.Spool().Stats().Bytes, int64(96<<20))

	down.Stop()
	require.NoError(t, f.Store(within(t, patience), largeBatch(t, stored)), "there is room again")
	require.NoError(t, f.Ready())
	drainAll(t, f)
	requireOnce(t, k, stored+1)
	require.NoError(t, f.Close())
	require.NoError(t, f.Spool().Close())
}
