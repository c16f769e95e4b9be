package connect

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWorst(t *testing.T) {
	silence := fmt.Errorf("broker 1: %w", &silenceError{"b1:9093", authenticating})
	failure, later := errors.New("connection refused"), errors.New("connection reset")
	refusal := fmt.Errorf("broker 3: %w", refusef("wrong password"))
	for name, c := range map[string]struct {
		errs []error
		want error
	}{
		"none":                       {nil, nil},
		"none has failed":            {[]error{nil, nil}, nil},
		"silence alone":              {[]error{nil, silence}, silence},
		"a failure, not the silence": {[]error{silence, nil, failure, later}, failure},
		"the first failure":          {[]error{failure, silence, later}, failure},
		"the refusal":                {[]error{silence, failure, refusal}, refusal},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, mostTelling(c.errs)) })
	}
}
