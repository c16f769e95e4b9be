package batch

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Only a drop and nothing else is one: what it is joined with would be lost.
func TestDropReason(t *testing.T) {
	drop := Drop("not in production")
	for _, err := range []error{
		drop,
		fmt.Errorf("wrapped: %w", drop),
		fmt.Errorf("twice: %w", fmt.Errorf("wrapped: %w", drop)),
		errors.Join(nil, drop),
		fmt.Errorf("wrapped: %w", errors.Join(drop, nil)),
	} {
		reason, ok := DropReason(err)
		assert.True(t, ok, "%v", err)
		assert.Equal(t, "not in production", reason)
	}
	for _, err := range []error{
		nil,
		io.EOF,
		fmt.Errorf("wrapped: %w", io.EOF),
		errors.Join(io.EOF, drop),
		errors.Join(drop, io.EOF),
		errors.Join(drop, Drop("nor in a test")),
		fmt.Errorf("wrapped: %w", errors.Join(drop, io.EOF)),
		fmt.Errorf("%w: %w", io.EOF, drop),
	} {
		reason, ok := DropReason(err)
		assert.False(t, ok, "%v", err)
		assert.Empty(t, reason)
	}
}
