package spoolstore

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// What was to follow a group whose segment has no title is not written when the store closes:
// a start would not find it.
func TestClose_titleNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := disktest.New(1)
		var failing atomic.Bool
		d.Before = func(op disktest.Op) error {
			if failing.Load() && op.Name == controlName {
				return errDisk
			}
			return nil
		}
		s, err := Open(d, small())
		require.NoError(t, err)
		refused := store(t, s, "refused")
		store(t, s, strings.Repeat("x", 20<<10)) // leaves less of its segment than the next one takes
		failing.Store(true)
		require.NoError(t, s.PutAgain(t.Context(), refused)) // the next title waits until the control file says so
		opens, err := s.Add(t.Context(), entry(strings.Repeat("opens", 1000)))
		require.NoError(t, err)
		synctest.Wait() // it waits with that title
		follows, err := s.Add(t.Context(), entry("follows"))
		require.NoError(t, err)
		closeAtOnce(t, s)
		requireUnknown(t, opens)
		requireUnknown(t, follows)

		failing.Store(false)
		s = open(t, d, small())
		assert.Empty(t, s.Damage())
		stop(t, s)
	})
}

// What was to follow a group that could not be written is not written behind it when the store
// closes before the log goes on elsewhere.
func TestClose_logNotContinued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := disktest.New(1)
		var failing atomic.Bool
		d.Before = func(op disktest.Op) error {
			if failing.Load() && strings.HasPrefix(op.Name, segmentPrefix) {
				return errDisk
			}
			return nil
		}
		var holding atomic.Pointer[chan struct{}]
		s, err := Open(segmentWrites{d, func(string) {
			if c := holding.Load(); c != nil {
				<-*c
			}
		}}, small())
		require.NoError(t, err)
		store(t, s, "first")
		held := make(chan struct{})
		holding.Store(&held)
		fails, err := s.Add(t.Context(), entry("fails"))
		require.NoError(t, err)
		synctest.Wait() // it is being written
		follows, err := s.Add(t.Context(), entry("follows"))
		require.NoError(t, err)
		failing.Store(true)
		holding.Store(nil)
		close(held)
		synctest.Wait() // the writer tries again later
		failing.Store(false)
		closeAtOnce(t, s)
		requireUnknown(t, fails)
		requireUnknown(t, follows)

		s = open(t, d, small())
		assert.Empty(t, s.Damage())
		stop(t, s)
	})
}

// closeAtOnce closes a store that cannot write what was added.
func closeAtOnce(t *testing.T, s *Store) {
	t.Helper()
	require.ErrorIs(t, s.Close(ended()), ended().Err())
}

func requireUnknown(t *testing.T, ticket Ticket) {
	t.Helper()
	var unknown *UnknownError
	require.ErrorAs(t, ticket.Wait(t.Context()), &unknown)
}
