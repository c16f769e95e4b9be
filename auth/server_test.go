package auth

import (
	"hash"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/xdg-go/scram"

	"github.com/eventferry/eventferry/settings"
)

// A server is a broker's side of SCRAM, which can be made to misbehave.
type server struct {
	*scram.Server
	first func(message string) string // change what the server says, if set
	final func(message string) string
}

const salt = "salt of the test"

// newServer returns a server that knows one user.
func newServer(t *testing.T, h Hash, userName, password string, iterations int) server {
	t.Helper()
	_, generator, err := h.resolve()
	require.NoError(t, err)
	client, err := generator.NewClientUnprepped(userName, password, "")
	require.NoError(t, err)
	stored, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: salt, Iters: iterations})
	require.NoError(t, err)
	s, err := generator.NewServer(func(string) (scram.StoredCredentials, error) { return stored, nil })
	require.NoError(t, err)
	return server{Server: s}
}

// authenticate lets the two talk as Sarama does, and returns what the client
// sent.
func (s server) authenticate(c sarama.SCRAMClient) (sent []string, err error) {
	if err := c.Begin("", "", ""); err != nil {
		return nil, err
	}
	talk := s.NewConversation()
	message, err := c.Step("")
	for err == nil && !c.Done() {
		sent = append(sent, message)
		answer, problem := talk.Step(message)
		if problem != nil && answer == "" {
			return sent, problem
		}
		switch change := []func(string) string{s.first, s.final}[len(sent)-1]; {
		case change != nil:
			answer = change(answer)
		}
		message, err = c.Step(answer)
	}
	return sent, err
}

// connect returns what Sarama authenticates one connection with.
func connect(t *testing.T, s *SCRAM) *conversation {
	t.Helper()
	cfg := sarama.NewConfig()
	cfg.Net.TLS.Enable = true
	require.NoError(t, s.Apply(cfg))
	require.NoError(t, cfg.Validate())
	c, ok := cfg.Net.SASL.SCRAMClientGeneratorFunc().(*conversation)
	require.True(t, ok)
	return c
}

// count makes s count the hashes it computes for its user. Deriving a key takes
// at least as many as it has iterations.
func count(t *testing.T, s *SCRAM) *atomic.Int64 {
	t.Helper()
	_, generator, err := s.Hash.resolve()
	require.NoError(t, err)
	var hashes atomic.Int64
	counting := scram.HashGeneratorFcn(func() hash.Hash { return countingHash{generator(), &hashes} })
	k, err := s.keysOf(login{s.UserName, s.Password})
	require.NoError(t, err)
	client, err := counting.NewClientUnprepped(s.UserName, s.Password.Reveal(), "")
	require.NoError(t, err)
	k.client = func() *scram.Client { return client }
	return &hashes
}

type countingHash struct {
	hash.Hash
	n *atomic.Int64
}

func (h countingHash) Sum(b []byte) []byte {
	h.n.Add(1)
	return h.Hash.Sum(b)
}

// noProof says whether the client kept its proof to itself.
func noProof(sent []string) bool {
	for _, message := range sent {
		if strings.Contains(message, ",p=") {
			return false
		}
	}
	return true
}

const password = "pass=word, \U0001f511"

func user() *SCRAM {
	return &SCRAM{UserName: "user", Password: settings.NewSecret(password)}
}
