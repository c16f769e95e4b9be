package refusals

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/settings"
)

// refused asserts that New and Ping refuse s within a second, with this text, in
// which SERVER stands for the first bootstrap server, and for these causes.
func refused(t *testing.T, s settings.Settings, want string, causes ...error) {
	t.Helper()
	want = strings.ReplaceAll(want, "SERVER", s.Servers()[0])
	err := quickly(t, func() error {
		f, err := forwarder.New(t.Context(), s)
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

	f, err := forwarder.New(t.Context(), s, forwarder.WithoutProbe())
	require.NoError(t, err)
	defer f.Close()
	requireText(t, quickly(t, func() error { return f.Ping(t.Context()) }), want)
}

// quickly asserts that do takes less than a second. A busy machine gets a second
// and a third chance.
func quickly(t *testing.T, do func() error) (err error) {
	t.Helper()
	var took time.Duration
	for range 3 {
		start := time.Now()
		err = do()
		if took = time.Since(start); took < time.Second {
			break
		}
	}
	assert.Less(t, took, time.Second)
	return err
}

// requireText compares the whole text, unless want ends where a cause begins
// that is not always the same. TIME stands for any time.
func requireText(t *testing.T, err error, want string) {
	t.Helper()
	require.Error(t, err)
	got := anyTime.ReplaceAllString(err.Error(), "TIME")
	t.Log(got)
	assert.True(t, documented(t, got), "package forwarder's comment lists all texts")
	if strings.HasSuffix(want, ": ") {
		require.Truef(t, strings.HasPrefix(got, want), "got  %s\nwant %s", got, want)
		return
	}
	require.Equal(t, want, got)
}

var anyTime = regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ?`)

// unreached is refused for what is tried until a deadline. A busy machine gets
// a second and a third chance to keep it.
func unreached(t *testing.T, s settings.Settings, want string) {
	t.Helper()
	var (
		err  error
		late time.Duration
	)
	for range 3 {
		var f *forwarder.Forwarder
		deadline := time.Now().Add(900 * time.Millisecond)
		ctx, cancel := context.WithDeadline(t.Context(), deadline)
		f, err = forwarder.New(ctx, s)
		late = time.Since(deadline)
		cancel()
		assert.Nil(t, f)
		if late < 50*time.Millisecond {
			break
		}
	}
	requireText(t, err, strings.ReplaceAll(want, "SERVER", s.Servers()[0]))
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Positive(t, late, "it must try until the end")
	assert.Less(t, late, 50*time.Millisecond)
}
