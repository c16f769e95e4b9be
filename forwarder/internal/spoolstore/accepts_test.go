package spoolstore

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
)

// While the disk takes nothing, nothing is accepted, with the disk's error; and no
// longer.
func TestAccepts_whileTheDiskFails(t *testing.T) {
	d := disktest.New(1)
	cause := errors.New("input/output error")
	var broken atomic.Bool
	d.Before = func(disktest.Op) error {
		if broken.Load() {
			return cause
		}
		return nil
	}
	s := open(t, d, small())
	store(t, s, "a")
	require.NoError(t, s.Accepts())
	broken.Store(true)
	ticket, err := s.Add(t.Context(), entry("b"))
	require.NoError(t, err)
	var unknown *UnknownError
	require.ErrorAs(t, ticket.Wait(t.Context()), &unknown)
	err = s.Accepts()
	require.ErrorAs(t, err, new(*FullError))
	require.ErrorIs(t, err, cause)
	broken.Store(false)
	eventually(t, func() bool { return s.Accepts() == nil })
	store(t, s, "c")
}
