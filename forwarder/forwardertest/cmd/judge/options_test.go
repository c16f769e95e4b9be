package main

import (
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/judge"
)

func TestOptions_defaults(t *testing.T) {
	for _, level := range []string{judge.LevelEmbedded, judge.LevelApache} {
		want, err := judge.Defaults(level)
		require.NoError(t, err)
		o, err := options([]string{"-level", level}, io.Discard)
		require.NoError(t, err)
		want.Seed = o.Seed
		assert.Equal(t, want, o)
		assert.Equal(t, judge.ProducerEngine, o.Producer)
	}
}

func TestOptions_given(t *testing.T) {
	want, err := judge.Defaults(judge.LevelApache)
	require.NoError(t, err)
	want.Producer, want.Seed, want.Goals.Events, want.Goals.Limit = judge.ProducerSarama, 7, 12, time.Hour
	o, err := options(strings.Fields("-seed 7 -producer sarama -events 12 -level apache -limit 1h"), io.Discard)
	require.NoError(t, err)
	assert.Equal(t, want, o)
}

func TestOptions_spool(t *testing.T) {
	want, err := judge.Defaults(judge.LevelApache)
	require.NoError(t, err)
	want = want.WithSpool()
	want.Seed, want.Goals.Crashes = 7, 200
	o, err := options(strings.Fields("-spool -crashes 200 -seed 7 -level apache"), io.Discard)
	require.NoError(t, err)
	assert.Equal(t, want, o)
	assert.True(t, o.Spool)
	assert.Equal(t, 5, o.Goals.BrokerKills)
}

func TestOptions_window(t *testing.T) {
	o, err := options(strings.Fields("-spool -window 2s"), io.Discard)
	require.NoError(t, err)
	assert.Equal(t, 2*time.Second, o.Window)
	assert.True(t, o.Spool)
}

func TestOptions_door(t *testing.T) {
	want, err := judge.Defaults(judge.LevelApache)
	require.NoError(t, err)
	want = want.Behind(judge.WebhookDoor)
	want.Seed, want.Goals.Crashes = 7, 9
	o, err := options(strings.Fields("-seed 7 -door webhook -crashes 9 -level apache"), io.Discard)
	require.NoError(t, err)
	assert.Equal(t, want, o)
	_, err = options([]string{"-door", "back"}, io.Discard)
	require.ErrorContains(t, err, `no door "back"`)
}

func TestOptions_doorOnSpool(t *testing.T) {
	want, err := judge.Defaults(judge.LevelEmbedded)
	require.NoError(t, err)
	want = want.WithSpool().Behind(judge.WebhookDoor)
	want.Seed = 7
	for _, args := range []string{"-door webhook -spool -seed 7", "-spool -seed 7 -door webhook"} {
		o, err := options(strings.Fields(args), io.Discard)
		require.NoError(t, err)
		assert.Equal(t, want, o)
	}
	assert.Equal(t, 60, want.Goals.Crashes)
	assert.Equal(t, 1, want.Seeds)
}

func TestOptions_wrong(t *testing.T) {
	_, err := options([]string{"-producer", "franz"}, io.Discard)
	require.ErrorContains(t, err, `no producer "franz"`)
	_, err = options([]string{"-level", "moon"}, io.Discard)
	require.ErrorContains(t, err, `no level "moon"`)

	var usage strings.Builder
	_, err = options([]string{"-h"}, &usage)
	require.ErrorIs(t, err, flag.ErrHelp)
	assert.Contains(t, usage.String(), `engine or sarama: what the forwarder delivers with (default "engine")`)
}

func TestOptions_routes(t *testing.T) {
	want, err := judge.Defaults(judge.LevelApache)
	require.NoError(t, err)
	want = want.WithSpool()
	want.Seed, want.Routes = 7, 3
	o, err := options(strings.Fields("-routes 3 -spool -seed 7 -level apache"), io.Discard)
	require.NoError(t, err)
	assert.Equal(t, want, o)
}
