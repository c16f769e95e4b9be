package engine

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

// What is below the high watermark was written, and nothing else is concluded.
func TestLogQuery_written(t *testing.T) {
	q := logQuery{firstSequence: 100, smallest: 4, largest: 10}
	for name, c := range map[string]struct {
		answer logAnswer
		want   int
	}{
		"nothing":                         {logAnswer{highWatermark: 90, lastSequence: noSequence}, 0},
		"only its last number":            {logAnswer{highWatermark: 90, lastSequence: 109}, 0},
		"all":                             {logAnswer{true, 50, 10, 60, 109}, 10},
		"all, of a producer not known":    {logAnswer{true, 50, 10, 60, noSequence}, 10},
		"the leader only":                 {logAnswer{true, 50, 10, 59, 109}, 0},
		"the leader only, far":            {logAnswer{true, 50, 10, 0, 109}, 0},
		"a part":                          {logAnswer{true, 50, 4, 60, 103}, 4},
		"a larger part":                   {logAnswer{true, 50, 7, 60, 106}, 7},
		"a part of a producer not known":  {logAnswer{true, 50, 4, 60, noSequence}, 0},
		"a part, and there is more":       {logAnswer{true, 50, 4, 60, 109}, 0},
		"less than was ever sent":         {logAnswer{true, 50, 3, 60, 102}, 0},
		"more than was ever sent":         {logAnswer{true, 50, 11, 90, 110}, 0},
		"no records":                      {logAnswer{true, 50, 0, 60, 109}, 0},
		"fewer than none":                 {logAnswer{true, 50, -10, 60, 109}, 0},
		"a negative offset":               {logAnswer{true, -1, 10, 60, 109}, 0},
		"the largest offset":              {logAnswer{true, math.MaxInt64, 10, math.MaxInt64, 109}, 0},
		"the smallest high watermark":     {logAnswer{true, 50, 10, math.MinInt64, 109}, 0},
		"the smallest possible watermark": {logAnswer{true, math.MinInt64, 10, math.MinInt64, 109}, 0},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, q.written(&c.answer)) })
	}
	assert.Zero(t, (&logQuery{firstSequence: 100, smallest: 4, largest: 10}).written(&logAnswer{}), "no answer")
}

func TestLogQuery_appended(t *testing.T) {
	for name, c := range map[string]struct {
		first, last int32
		want        bool
	}{
		"not known":             {0, noSequence, false},
		"the one before":        {100, 99, false},
		"the first":             {100, 100, true},
		"the last":              {100, 109, true},
		"the one behind":        {100, 110, false},
		"before the largest":    {math.MaxInt32 - 4, math.MaxInt32 - 5, false},
		"the largest":           {math.MaxInt32 - 4, math.MaxInt32, true},
		"behind the largest":    {math.MaxInt32 - 4, 4, true},
		"too far behind it":     {math.MaxInt32 - 4, 5, false},
		"the one before zero":   {0, math.MaxInt32, false},
		"a number of no record": {0, math.MinInt32, false},
	} {
		t.Run(name, func(t *testing.T) {
			q := logQuery{firstSequence: c.first, largest: 10}
			assert.Equal(t, c.want, q.appended(c.last))
		})
	}
	assert.Equal(t, int32(4), (&logQuery{firstSequence: math.MaxInt32 - 4}).sequence(9))
}
