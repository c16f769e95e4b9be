package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/examples/internal/doctor"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// setEnv has the environment describe a Kafka.
func setEnv(t *testing.T, s settings.Settings) {
	t.Helper()
	for name, value := range map[string]string{
		"BOOTSTRAP_SERVERS": s.BootstrapServers, "TOPIC_NAME": s.TopicName, "AUTHENTICATION_METHOD": string(s.AuthenticationMethod),
		"USER_NAME": s.UserName, "PASSWORD": s.Password.Reveal(), "TLS_CA_FILE": s.TLS.CAFile,
	} {
		t.Setenv("EVENTFERRY_"+name, value)
	}
}

// TestRun: each exit status, and the partitions of a user.
func TestRun(t *testing.T) {
	k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3), forwardertest.WithBrokerConfig("min.insync.replicas", "2"))
	setEnv(t, k.Settings())
	var out strings.Builder
	status, err := run(t.Context(), &out, []string{"-user-id", "7346244611012968789"})
	require.NoError(t, err)
	assert.Equal(t, doctor.ExitOK, status, out.String())
	assert.Regexp(t, `\nok +topic +"events" +12 partitions `, out.String())
	assert.Contains(t, out.String(), "user 7346244611012968789 is in partition\n  9   by delivery.partitioner murmur2\n")
	assert.NotContains(t, out.String(), k.Settings().Password.Reveal())

	t.Setenv("EVENTFERRY_DELIVERY_MAX_MESSAGE_BYTES", "2000000")
	out.Reset()
	status, err = run(t.Context(), &out, nil)
	require.NoError(t, err)
	assert.Equal(t, doctor.ExitWarnings, status, out.String())
	assert.Contains(t, out.String(), "-> raise the topic's max.message.bytes, or lower delivery.max_message_bytes\n")

	file := filepath.Join(t.TempDir(), "settings.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"topic_name":"evnets"}`), 0o600))
	t.Setenv("EVENTFERRY_TOPIC_NAME", "")
	out.Reset()
	status, err = run(t.Context(), &out, []string{"-settings", file, "-user-id", "1"})
	require.NoError(t, err)
	assert.Equal(t, doctor.ExitFailed, status, out.String())
	assert.Contains(t, out.String(), ` has no topic "evnets": `)
	assert.Contains(t, out.String(), "-> create it, or correct topic_name\n")
	assert.Contains(t, out.String(), "user 1: the number of partitions is not known\n")
}

func TestRun_json(t *testing.T) {
	k := forwardertest.NewKafka(t)
	setEnv(t, k.Settings())
	var out strings.Builder
	status, err := run(t.Context(), &out, []string{"-json", "-user-id", "1"})
	require.NoError(t, err)
	assert.Equal(t, doctor.ExitWarnings, status, "one replica: %s", &out)
	var got struct {
		Report struct {
			Status     string
			Partitions int
			Checks     []struct{ Step, Status, Found string }
		}
		Users map[string]int `json:"user_partitions"`
	}
	require.NoError(t, json.Unmarshal([]byte(out.String()), &got))
	assert.Equal(t, "warning", got.Report.Status)
	assert.Equal(t, 12, got.Report.Partitions)
	assert.Equal(t, "settings", got.Report.Checks[0].Step)
	assert.Len(t, got.Users, 3)
}

func TestRun_mistakes(t *testing.T) {
	var out strings.Builder
	for _, args := range [][]string{{"-user-id", "x"}, {"-settings", "no-such-file"}, {"-no-such-flag"}} {
		status, err := run(t.Context(), &out, args)
		assert.Error(t, err)
		assert.Equal(t, doctor.ExitFailed, status)
	}
	status, err := run(t.Context(), &out, []string{"-h"})
	require.NoError(t, err)
	assert.Equal(t, doctor.ExitOK, status)
	assert.Contains(t, out.String(), "-user-id")
	status, err = run(t.Context(), &out, nil) // no settings at all
	require.NoError(t, err)
	assert.Equal(t, doctor.ExitFailed, status)
	assert.Regexp(t, `\nfailed +settings +bootstrap_servers `, out.String())
}
