package batch

import (
	"errors"
	"fmt"

	"github.com/eventferry/eventferry/batch/internal/jsontext"
	"github.com/eventferry/eventferry/batch/internal/splice"
)

// A BulkError says what is wrong with a bulk request. The offsets of its Err are
// those in the request.
type BulkError struct {
	Index      int // of the batch, from 0; -1: the request as a whole
	Start, End int // the batch is data[Start:End], if it is JSON; else both are 0
	Err        *Error
}

// Error names the batch, if it is about one, by its position.
func (e *BulkError) Error() string {
	if e.Index < 0 {
		return e.Err.Error()
	}
	return fmt.Sprintf("batch: [%d]%s", e.Index, e.Err.Error()[len("batch"):])
}

// Unwrap returns Err.
func (e *BulkError) Unwrap() error { return e.Err }

// ParseBulk reads a bulk request of mParticle's Events API: one JSON array of
// batches with nothing but white space around it. It keeps data, which must not
// change from then on, and which all batches share.
//
// The first result has an entry for each element of the array, in order. The
// entry of one that is JSON and that [Parse] refuses is nil, and the second result
// says why, in order of the elements; else that is nil. Elements may nest as deep
// as a batch alone. The slice can be given to ForwardAll as it is: see there.
//
// It refuses data as a whole, with a [*BulkError], if that is no JSON array, and
// where the array has more than maxBatches elements: nothing behind those is
// looked at. 0 stands for no limit. An empty array is a request for nothing, which
// is no error here.
func ParseBulk(data []byte, maxBatches int) ([]*Batch, []*BulkError, error) {
	elements, err := bulkSpans(data, maxBatches)
	if err != nil {
		return nil, nil, err
	}
	bs := make([]*Batch, len(elements))
	var bad []*BulkError
	for i, e := range elements {
		b, err := Parse(data[e.start:e.end:e.end])
		if refused, ok := errors.AsType[*Error](err); ok {
			refused.Offset += int64(e.start)
			bad = append(bad, &BulkError{Index: i, Start: int(e.start), End: int(e.end), Err: refused})
		}
		bs[i] = b
	}
	return bs, bad, nil
}

// bulkSpans returns where the elements of the array are that data holds.
func bulkSpans(data []byte, most int) ([]span, error) {
	whole := func(offset int, reason string) error {
		return &BulkError{Index: -1, Err: &Error{Offset: int64(offset), Reason: reason}}
	}
	if len(data) > splice.MaxText {
		return nil, whole(splice.MaxText, "longer than 2 GiB")
	}
	i := jsontext.SkipSpace(data, 0)
	if jsontext.ByteAt(data, i) != '[' {
		return nil, whole(i, "not a JSON array")
	}
	var elements []span
	i = jsontext.SkipSpace(data, i+1)
	for more := jsontext.ByteAt(data, i) != ']'; more; {
		if most > 0 && len(elements) == most {
			return nil, whole(i, fmt.Sprintf("more than %d batches", most))
		}
		p := parser{text: data, indexer: indexer{depth: noWatch}}
		end := p.value(i)
		if end < 0 {
			bad := explain(data[i:], ^end-i)
			bad.Offset += int64(i)
			return nil, &BulkError{Index: len(elements), Err: bad}
		}
		elements = append(elements, span{int32(i), int32(end)})
		i = jsontext.SkipSpace(data, end)
		if more = jsontext.ByteAt(data, i) == ','; more {
			i = jsontext.SkipSpace(data, i+1)
		}
	}
	switch {
	case i == len(data):
		return nil, whole(i, "unexpected end")
	case data[i] != ']':
		return nil, whole(i, "neither a comma nor the end of the array")
	}
	if i = jsontext.SkipSpace(data, i+1); i < len(data) {
		return nil, whole(i, "data after the array")
	}
	return elements, nil
}
