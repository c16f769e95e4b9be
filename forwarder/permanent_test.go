package forwarder

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
)

// saying is an error that says itself whether it is permanent.
type saying bool

func (s saying) Error() string   { return "says so" }
func (s saying) Permanent() bool { return bool(s) }

func failing(messages int, failures ...Failure) *DeliveryError {
	return &DeliveryError{Messages: messages, Failures: failures}
}

func TestPermanent(t *testing.T) {
	_, bad := batch.Parse([]byte(`{"mpid":1.5}`))
	tooLarge := Failure{Outcome: Unknown, Err: sarama.ErrMessageSizeTooLarge}
	deadline := Failure{Outcome: Unknown, Err: context.DeadlineExceeded}
	waiting := fmt.Errorf("%w: delivery waits: %w", context.DeadlineExceeded, sarama.ErrMessageSizeTooLarge)
	text, err := batch.Parse([]byte(`{"user_attributes":"gold"}`))
	require.NoError(t, err)
	notSet := text.At("user_attributes", "origin").Set("web")
	require.Error(t, notSet)
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"nil":                              {nil, false},
		"bad user id":                      {bad, true},
		"bad user id, wrapped":             {fmt.Errorf("line 3: %w", bad), true},
		"too large":                        {&TooLargeError{}, true},
		"the codec or the message format":  {failing(1, Failure{Err: sarama.ErrUnsupportedForMessageFormat}), false},
		"closed":                           {ErrClosed, false},
		"closed while sending":             {&closedError{sarama.ErrMessageSizeTooLarge}, false},
		"deadline":                         {context.DeadlineExceeded, false},
		"refused by the broker":            {failing(1, tooLarge), true},
		"refused, with what was sent":      {failing(3, tooLarge), true},
		"refused, and another":             {failing(2, tooLarge, deadline), false},
		"deadline while something waits":   {failing(1, Failure{Err: waiting}), false},
		"authorisation":                    {failing(1, Failure{Err: sarama.ErrTopicAuthorizationFailed}), false},
		"credentials":                      {failing(1, Failure{Err: sarama.ErrSASLAuthenticationFailed}), false},
		"timestamp, which will be another": {failing(1, Failure{Err: sarama.ErrInvalidTimestamp}), false},
		"filter":                           {&FilterError{Err: errors.New("no")}, false},
		"filter that says so":              {&FilterError{Err: fmt.Errorf("consent: %w", saying(true))}, true},
		"filter that says no":              {&FilterError{Err: saying(false)}, false},
		"filter with a permanent error":    {&FilterError{Err: &TooLargeError{}}, false},
		"filter with several that say so":  {&FilterError{Err: errors.Join(saying(true), fmt.Errorf("and %w", saying(true)))}, true},
		"filter, one of several says so":   {&FilterError{Err: errors.Join(saying(true), errors.New("no"))}, false},
		"filter, one of several says no":   {&FilterError{Err: errors.Join(saying(true), saying(false))}, false},
		"filter that cannot set":           {&FilterError{Err: notSet}, false},
		"filter that marks it":             {&FilterError{Err: fmt.Errorf("origin: %w", batch.MarkPermanent(notSet))}, true},
		"filter that marks two":            {&FilterError{Err: errors.Join(batch.MarkPermanent(notSet), batch.MarkPermanent(notSet))}, true},
		"filter that marks one of two":     {&FilterError{Err: errors.Join(batch.MarkPermanent(notSet), notSet)}, false},
		"filter that panics with a mark":   {failed("origin", &panicError{value: batch.MarkPermanent(notSet)}), true},
		"headers that panic with a mark":   {headersFailed(0, &panicError{value: batch.MarkPermanent(notSet)}), true},
		"several":                          {errors.Join(&TooLargeError{}, failing(1, tooLarge)), true},
		"several, one not":                 {errors.Join(&TooLargeError{}, ErrClosed), false},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, Permanent(c.err)) })
	}
}

func TestNothingSent(t *testing.T) {
	_, bad := batch.Parse([]byte(`{`))
	notSent := Failure{Outcome: NotSent, Err: context.DeadlineExceeded}
	unknown := Failure{Outcome: Unknown, Err: context.DeadlineExceeded}
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"nil":                         {nil, false},
		"bad batch":                   {bad, true},
		"too large":                   {fmt.Errorf("x: %w", &TooLargeError{}), true},
		"closed":                      {ErrClosed, true},
		"closed, wrapped":             {fmt.Errorf("x: %w", ErrClosed), true},
		"filter":                      {&FilterError{Err: errors.New("no")}, true},
		"filter with a delivery":      {&FilterError{Err: failing(1, unknown)}, true},
		"deadline of another context": {context.DeadlineExceeded, false},
		"all not sent":                {failing(2, notSent, notSent), true},
		"one acknowledged":            {failing(2, notSent), false},
		"one unknown":                 {failing(2, notSent, unknown), false},
		"closed, one unknown":         {failing(1, Failure{Outcome: Unknown, Err: ErrClosed}), false},
		"several":                     {errors.Join(failing(1, notSent), ErrClosed), true},
		"several, one of them unsure": {errors.Join(failing(1, notSent), failing(1, unknown)), false},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, NothingSent(c.err)) })
	}
}
