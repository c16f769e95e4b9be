package batch

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A mark adds the method that forwarder.Permanent looks for, and nothing else.
func TestMarkPermanent(t *testing.T) {
	marked := fmt.Errorf("origin: %w", MarkPermanent(fmt.Errorf("reading: %w", io.ErrUnexpectedEOF)))
	assert.EqualError(t, marked, "origin: reading: unexpected EOF")
	require.ErrorIs(t, marked, io.ErrUnexpectedEOF)
	says, ok := errors.AsType[interface {
		error
		Permanent() bool
	}](marked)
	require.True(t, ok)
	assert.True(t, says.Permanent())
	assert.NoError(t, MarkPermanent(nil))
}

// A decision stays one, and an error beside it stays an error.
func TestMarkPermanent_drop(t *testing.T) {
	reason, ok := DropReason(MarkPermanent(Drop("not in production")))
	assert.True(t, ok)
	assert.Equal(t, "not in production", reason)
	_, ok = DropReason(MarkPermanent(errors.Join(Drop("not in production"), io.EOF)))
	assert.False(t, ok)
	_, ok = DropReason(errors.Join(Drop("not in production"), MarkPermanent(io.EOF)))
	assert.False(t, ok)
}
