package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xdg-go/scram"

	"github.com/eventferry/eventferry/settings"
)

func TestSCRAM_authenticates(t *testing.T) {
	for _, h := range []Hash{SHA256, SHA512} {
		for _, c := range []struct {
			userName, password string
			iterations         int
		}{
			{"user", "pencil", 4096},
			{"user", "pencil", 16384},
			{"a,b=c,r=d", "p,w=d", 4096},
			{"user\x7f", "\u2163\u00a0\u00ad", 4096}, // SASLprep would change this password
			{"\x01\t", "\t\U0001f511", 4096},         // and refuse this one
		} {
			t.Run(fmt.Sprintf("%v %q %d", h, c.userName, c.iterations), func(t *testing.T) {
				s := &SCRAM{Hash: h, UserName: c.userName, Password: settings.NewSecret(c.password)}
				client := connect(t, s)
				sent, err := newServer(t, h, c.userName, c.password, c.iterations).authenticate(client)
				require.NoError(t, err)
				assert.Len(t, sent, 2)
				assert.True(t, client.Done())

				_, err = client.Step("")
				assert.ErrorContains(t, err, "not under way", "a step too many")
				_, err = newServer(t, h, c.userName, "wrong", c.iterations).authenticate(connect(t, s))
				assert.Error(t, err, "wrong password")
			})
		}
	}
}

func TestSCRAM_derivesKeysOnce(t *testing.T) {
	const iterations = 4096
	s := user()
	hashes := count(t, s)
	srv := newServer(t, SHA512, "user", password, iterations)

	// All brokers at the same time, each with a configuration of its own.
	var all sync.WaitGroup
	for range 8 {
		client := connect(t, s)
		all.Go(func() {
			_, err := srv.authenticate(client)
			assert.NoError(t, err)
		})
	}
	all.Wait()
	first := hashes.Load()
	assert.GreaterOrEqual(t, first, int64(iterations), "nothing was counted")
	assert.Less(t, first, int64(3*iterations), "keys were derived more than once")

	_, err := srv.authenticate(connect(t, s))
	require.NoError(t, err)
	assert.Less(t, hashes.Load()-first, int64(20), "keys were derived anew")
}

func TestSCRAM_followsChangedCredentials(t *testing.T) {
	password := "old"
	s := &SCRAM{Credentials: func(context.Context) (string, settings.Secret, error) {
		return "user", settings.NewSecret(password), nil
	}}
	before, after := newServer(t, SHA512, "user", "old", 4096), newServer(t, SHA512, "user", "new", 4096)
	client := connect(t, s)
	_, err := before.authenticate(client)
	require.NoError(t, err)
	keys := s.keys

	_, err = before.authenticate(client) // Sarama's own, for a session that is nearly over
	require.NoError(t, err)
	assert.Same(t, keys, s.keys, "the same credentials, asked for again")

	password = "new"
	_, err = after.authenticate(client)
	require.NoError(t, err)
	assert.NotSame(t, keys, s.keys)
}

func TestSCRAM_asksAtEachConnection(t *testing.T) {
	errVault := errors.New("vault is sealed")
	asked := 0
	s := &SCRAM{Credentials: func(ctx context.Context) (string, settings.Secret, error) {
		asked++
		_, bounded := ctx.Deadline()
		assert.True(t, bounded, "the context has no end")
		switch asked {
		case 1:
			return "user", settings.NewSecret(password), nil
		case 2:
			return "", settings.Secret{}, errVault
		default:
			return "user", settings.Secret{}, nil
		}
	}}
	client := connect(t, s)
	assert.Zero(t, asked, "no connection, no question")

	assert.NoError(t, client.Begin("", "", ""))
	assert.Equal(t, 1, asked)
	err := client.Begin("", "", "")
	require.ErrorIs(t, err, errVault)
	assert.EqualError(t, err, "auth: SCRAM-SHA-512: asking for credentials: vault is sealed")
	assert.EqualError(t, client.Begin("", "", ""), "auth: SCRAM-SHA-512: password is empty")
}

// TestCredentials_have30Seconds holds the package comment to its word.
func TestCredentials_have30Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		never := func(ctx context.Context) (string, settings.Secret, error) {
			<-ctx.Done()
			return "", settings.Secret{}, ctx.Err()
		}
		_, err := loginSource{mechanism: sarama.SASLTypePlaintext, ask: never}.resolve()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 30*time.Second, time.Since(began))
	})
}

func TestSCRAM_keepsFewKeys(t *testing.T) {
	s := user()
	srv := newServer(t, SHA512, "user", "another", 4096)
	for i := range 3 * maxKnown {
		srv.first = func(first string) string {
			nonce, _, _ := strings.Cut(first, ",s=")
			return fmt.Sprintf("%s,s=%s,i=4096", nonce, strings.Repeat("QUJD", 1+i))
		}
		_, err := srv.authenticate(connect(t, s))
		require.Error(t, err)
		assert.Len(t, s.keys.known, 1+i%maxKnown)
	}
}

// Password and keys are behind functions, where not even printers that follow
// pointers find them.
func TestSCRAM_printsNoSecret(t *testing.T) {
	s := user()
	srv := newServer(t, SHA512, "user", password, 4096)
	client := connect(t, s)
	_, err := srv.authenticate(client)
	require.NoError(t, err)
	stored, err := s.keys.client().GetStoredCredentialsWithError(scram.KeyFactors{Salt: salt, Iters: 4096})
	require.NoError(t, err)

	for name, printed := range map[string]string{
		"the authenticator": difference(s, user()),
		"a conversation":    difference(client, connect(t, s)),
		"its keys":          fmt.Sprintf("%+v %#v", s.keys, client),
	} {
		assert.Contains(t, printed, "user", "%s: nothing was printed", name)
		hexadecimal := fmt.Sprintf("%#x", stored.ServerKey[:8])
		for _, secret := range []string{password, fmt.Sprint(stored.ServerKey), hexadecimal} {
			assert.NotContains(t, printed, secret, name)
		}
	}
}

// difference is what testify has to say when got is not want: it prints both,
// past all methods, through pointers.
func difference[T any](got, want T) string {
	var r recorder
	assert.Equal(&r, want, got)
	return r.String()
}

type recorder struct{ strings.Builder }

func (r *recorder) Errorf(format string, args ...any) {
	_, _ = fmt.Fprintf(r, format, args...)
}

func TestConversation_beforeBegin(t *testing.T) {
	c := connect(t, user())
	assert.False(t, c.Done())
	_, err := c.Step("")
	assert.ErrorContains(t, err, "not under way")
	assert.False(t, c.Done())
}
