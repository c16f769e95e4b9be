package refusals

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/settings"
)

// refused asserts that New and Ping refuse s within a second, with this text, in
// which SERVER stands for the first bootstrap server, and for these causes, and that
// Diagnose finds it.
func refused(t *testing.T, s settings.Settings, want string, causes ...error) {
	t.Helper()
	refusedWith(t, s, nil, want, causes...)
}

// refusedWith is refused with options.
func refusedWith(t *testing.T, s settings.Settings, opts []forwarder.Option, want string, causes ...error) {
	t.Helper()
	want = strings.NewReplacer("SERVER", s.Servers()[0], "CAFILE", strconv.Quote(s.TLS.CAFile), "CERTFILE", strconv.Quote(s.TLS.CertFile)).Replace(want)
	limit := time.Second
	if slices.Contains(causes, error(sarama.ErrUnknownTopicOrPartition)) {
		limit += topicConfirmation
	}
	err := within(t, limit, func() error {
		f, err := forwarder.New(t.Context(), s, opts...)
		assert.Nil(t, f)
		return err
	})
	requireText(t, err, want)
	assert.NotErrorIs(t, err, context.DeadlineExceeded)
	if s.Password.IsSet() {
		assert.NotContains(t, err.Error(), s.Password.Reveal())
	}
	assert.False(t, forwarder.Permanent(err), "an operator can change it")
	for _, cause := range causes {
		assert.ErrorIs(t, err, cause)
	}

	f, err := forwarder.New(t.Context(), s, append(slices.Clone(opts), forwarder.WithoutProbe())...)
	require.NoError(t, err)
	defer f.Close()
	requireText(t, within(t, limit, func() error { return f.Ping(t.Context()) }), want)
	assertDiagnosed(t.Context(), t, s, opts, want)
}

// quickly asserts that do takes less than a second on a machine at rest.
func quickly(t *testing.T, do func() error) error {
	t.Helper()
	return within(t, time.Second, do)
}

// topicConfirmation is how long brokers are asked again for a topic that is
// missing.
const topicConfirmation = 1500 * time.Millisecond

// within asserts that do takes less than limit on a machine at rest.
func within(t *testing.T, limit time.Duration, do func() error) (err error) {
	t.Helper()
	assert.True(t, machine.InTime(limit, func() { err = do() }), "more than %v", limit)
	return err
}

// requireText compares the whole text, unless want ends where a cause begins
// that is not always the same. TIME stands for any time.
func requireText(t *testing.T, err error, want string) {
	t.Helper()
	require.Error(t, err)
	got := anyTime.ReplaceAllString(err.Error(), "TIME")
	t.Log(got)
	assert.True(t, documented(t, got), "forwarder/REFUSALS.md lists all texts")
	if strings.HasSuffix(want, ": ") {
		require.Truef(t, strings.HasPrefix(got, want), "got  %s\nwant %s", got, want)
		return
	}
	require.Equal(t, want, got)
}

var anyTime = regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ?`)

// unreached is refused for what is tried until a deadline.
func unreached(t *testing.T, s settings.Settings, want string) {
	t.Helper()
	want = strings.ReplaceAll(want, "SERVER", s.Servers()[0])
	triedUntilEnd(t, want, func(ctx context.Context) error {
		f, err := forwarder.New(ctx, s)
		assert.Nil(t, f)
		return err
	})
	f, err := forwarder.New(t.Context(), s, forwarder.WithoutProbe())
	require.NoError(t, err)
	defer f.Close()
	triedUntilEnd(t, want, f.Ping)
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second) // of which servers that say nothing take half
	defer cancel()
	assertDiagnosed(ctx, t, s, nil, want)
}

// triedUntilEnd asserts that try fails with this text at the end of its context, and
// not before.
func triedUntilEnd(t *testing.T, want string, try func(context.Context) error) {
	t.Helper()
	const margin = 50 * time.Millisecond
	var err error
	for limit := 900 * time.Millisecond; ; limit *= 2 { // what a busy machine does not reach in time it reaches later
		start := time.Now()
		deadline := start.Add(limit)
		ctx, cancel := context.WithDeadline(t.Context(), deadline)
		err = try(ctx)
		late := time.Since(deadline)
		cancel()
		require.Error(t, err)
		assert.Positive(t, late, "it must try until the end")
		allowed := machine.Allow(margin, start)
		if late < allowed && err.Error() == want {
			break
		}
		if limit > 5*time.Second {
			assert.Less(t, late, allowed)
			break
		}
	}
	requireText(t, err, want)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}
