package filters_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
)

func parse(tb testing.TB, data string) *batch.Batch {
	tb.Helper()
	b, err := batch.Parse([]byte(data))
	require.NoError(tb, err, data)
	return b
}

// outcome is what a filter made of a batch: its text, and why events and all of
// it were dropped.
type outcome struct {
	text    string
	dropped string // the reason by which the whole batch was dropped
	events  []batch.DroppedEvents
}

func filtered(tb testing.TB, f batch.Filter, b *batch.Batch) outcome {
	tb.Helper()
	own := b.Clone()
	err := f.Filter(tb.Context(), own)
	reason, drop := batch.DropReason(err)
	if !drop {
		require.NoError(tb, err)
	}
	return outcome{string(own.AppendJSON(nil)), reason, own.Dropped()}
}

// point is the JSON of a data point for a custom event of type other, whose
// custom attributes are these only.
func point(name string, attributes ...string) string {
	return fmt.Sprintf(`{"match":{"type":"custom_event","criteria":{"event_name":%q,"custom_event_type":"other"}},`+
		`"validator":{"type":"json_schema","definition":{"properties":{"data":{"additionalProperties":true,`+
		`"properties":{"custom_attributes":%s}}}}}}`, name, closedTo(attributes...))
}

// closedTo is the JSON schema of an object that may have these members only.
func closedTo(names ...string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = fmt.Sprintf(`%q:{"type":"string"}`, name)
	}
	return `{"additionalProperties":false,"properties":{` + strings.Join(list, ",") + `}}`
}

// planOf is the JSON of version 2 of a plan with these data points.
func planOf(points ...string) []byte {
	return []byte(`{"data_plan_id":"p","version":2,"version_document":{"data_points":[` + strings.Join(points, ",") + `]}}`)
}

// both runs filters one after the other.
type both []batch.Filter

func (list both) Filter(ctx context.Context, b *batch.Batch) error {
	for _, f := range list {
		if err := f.Filter(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func nothing(context.Context, *batch.Batch) error { return nil }
