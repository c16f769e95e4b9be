package filters

import (
	"context"

	"github.com/eventferry/eventferry/batch"
)

// A brokenFilter stands for a filter whose arguments are mistaken. It lets nothing
// pass.
type brokenFilter struct {
	mistakes mistakeList
	err      error
}

// Filter returns the mistakes.
func (f *brokenFilter) Filter(context.Context, *batch.Batch) error { return f.err }
