package connect

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A beginningSCRAM calls begin; Sarama would go on with Step.
type beginningSCRAM struct{ begin func() error }

func (c beginningSCRAM) Begin(_, _, _ string) error { return c.begin() }
func (beginningSCRAM) Step(string) (string, error)  { return "", nil }
func (beginningSCRAM) Done() bool                   { return false }

// TestProgressSCRAM: while credentials are asked for, no broker keeps the
// connection waiting; afterwards the broker does.
func TestProgressSCRAM(t *testing.T) {
	sealed := errors.New("vault is sealed")
	for _, want := range []error{nil, sealed} {
		var at progress
		at.set(authenticating)
		at.answered.Store(true)
		err := progressSCRAM{beginningSCRAM{func() error {
			assert.Equal(t, preparing, at.get())
			return want
		}}, &at}.Begin("", "", "")
		assert.Equal(t, authenticating, at.get())
		assert.ErrorIs(t, err, want)
		assert.Equal(t, want != nil, errors.Is(err, classNoCredentials))
	}
}
