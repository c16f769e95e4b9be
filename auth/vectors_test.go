package auth

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/settings"
)

// A vector is one conversation, or the messages of a hostile server in one.
type vector struct {
	Label       string  `json:"label"`
	Digest      string  `json:"digest"`
	User        string  `json:"user"`
	Password    string  `json:"password"`
	ClientNonce string  `json:"client_nonce"`
	Iterations  int64   `json:"iterations"`
	ClientFirst string  `json:"client_first"`
	ServerFirst *string `json:"server_first"`
	ClientFinal string  `json:"client_final"`
	ServerFinal *string `json:"server_final"`
	Must        string  `json:"must"`
}

// readVectors reads data that is not part of the project.
func readVectors(t *testing.T) (good, negative []vector) {
	t.Helper()
	dir := os.Getenv("EVENTFERRY_TESTDATA")
	if dir == "" {
		t.Skip("1 file skipped: EVENTFERRY_TESTDATA does not say where scram.json is")
	}
	data, err := os.ReadFile(filepath.Join(dir, "scram.json"))
	require.NoError(t, err)
	var all struct{ Good, Negative []vector }
	require.NoError(t, json.Unmarshal(data, &all))
	require.NotEmpty(t, all.Good)
	require.NotEmpty(t, all.Negative)
	return all.Good, all.Negative
}

// start returns the client of v, which sends v's nonce, and a count of the
// hashes it computes.
func (v vector) start(t *testing.T) (client *conversation, hashes func() int64) {
	t.Helper()
	h := map[string]Hash{"SHA-256": SHA256, "SHA-512": SHA512}[v.Digest]
	s := &SCRAM{Hash: h, UserName: v.User, Password: settings.NewSecret(v.Password)}
	counted := count(t, s)
	s.keys.client().WithNonceGenerator(func() string { return v.ClientNonce })
	client = connect(t, s)
	require.NoError(t, client.Begin("", "", ""))
	return client, counted.Load
}

func TestVectors_conversations(t *testing.T) {
	good, _ := readVectors(t)
	for _, v := range good {
		if v.Digest == "SHA-1" {
			continue // Kafka has no such mechanism
		}
		t.Run(v.Label, func(t *testing.T) {
			client, hashes := v.start(t)
			first, err := client.Step("")
			require.NoError(t, err)
			assert.Equal(t, v.ClientFirst, first)
			final, err := client.Step(*v.ServerFirst)
			require.NoError(t, err)
			assert.Equal(t, v.ClientFinal, final)
			assert.False(t, client.Done())
			last, err := client.Step(*v.ServerFinal)
			require.NoError(t, err)
			assert.Empty(t, last)
			assert.True(t, client.Done())
			assert.Greater(t, hashes(), v.Iterations, "the hashes are not counted")
		})
	}
}

func TestVectors_hostileServers(t *testing.T) {
	good, negative := readVectors(t)
	var client7677 vector
	for _, v := range good {
		if strings.HasPrefix(v.Label, "RFC 7677") {
			client7677 = v
		}
	}
	for _, v := range negative {
		t.Run(v.Label, func(t *testing.T) {
			client, hashes := client7677.start(t)
			_, err := client.Step("")
			require.NoError(t, err)
			if v.ServerFirst != nil {
				proof, err := client.Step(*v.ServerFirst)
				require.Error(t, err, v.Must)
				t.Log(v.Must, "->", err)
				assert.Empty(t, proof)
				assert.Zero(t, hashes(), "a key was derived")
			} else {
				_, err := client.Step(*client7677.ServerFirst)
				require.NoError(t, err)
				_, err = client.Step(*v.ServerFinal)
				require.Error(t, err, v.Must)
				t.Log(v.Must, "->", err)
			}
			assert.False(t, client.Done())
			_, err = client.Step(*client7677.ServerFinal)
			assert.Error(t, err, "the conversation goes on")
		})
	}
}
