package auth

import (
	"regexp"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xdg-go/scram"

	"github.com/eventferry/eventferry/settings"
)

// What a first message must look like at least, written down another way.
var serverFirst = regexp.MustCompile(`^r=ours[!-+\--~]+,s=[A-Za-z0-9+/]+={0,2},i=[1-9][0-9]{3,4}(,[A-Za-z]=[^,]+)*$`)

// What the parser accepts, the scram package must understand as we do.
func FuzzServerFirst(f *testing.F) {
	for _, seed := range []string{
		"r=ours+theirs,s=c2FsdA==,i=4096",
		"r=ours/theirs,s=c2FsdA==,i=16384,x=1",
		"r=ours,s=,i=4095", "m=ext,r=ourstheirs,s=c2FsdA==,i=-1", "e=other-error", "",
		"r=ours\xff,s=c2Fs\ndA==,i=99999999999999999999,,",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		factors, err := parseServerFirst(message, "ours")
		if err != nil {
			assert.Less(t, len(err.Error()), 6*maxServerError, "the server fills our log")
			return
		}
		assert.Regexp(t, serverFirst, message)
		assert.NotEmpty(t, factors.Salt)
		assert.GreaterOrEqual(t, factors.Iters, minIterations)
		assert.LessOrEqual(t, factors.Iters, maxIterations)

		client, err := scram.SHA256.NewClientUnprepped("user", "pencil", "")
		require.NoError(t, err)
		talk := client.WithNonceGenerator(func() string { return "ours" }).NewConversation()
		_, err = talk.Step("")
		require.NoError(t, err)
		_, err = talk.Step(message)
		assert.NoError(t, err)
	})
}

// Whatever a server says last, only the right signature ends a conversation.
func FuzzServerFinal(f *testing.F) {
	k, err := newKeys(SHA256, login{"user", settings.NewSecret("pencil")})
	require.NoError(f, err)
	k.client().WithNonceGenerator(func() string { return "ours" })
	const (
		first = "r=ourstheirs,s=c2FsdA==,i=4096"
		right = "v=EANxccO0mG9RIzgBBYV3afo+4Ik5akKf2N2CpPu0+fc="
	)
	for _, seed := range []string{right, right + ",x=1", "x=1," + right, right + "," + right, "v=", "v=AAAA", "e=invalid-proof", "", "m=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, final string) {
		c := &conversation{mechanism: sarama.SASLTypeSCRAMSHA256, begin: func() (*keys, error) { return k, nil }}
		require.NoError(t, c.Begin("", "", ""))
		for _, message := range []string{"", first} {
			_, err := c.Step(message)
			require.NoError(t, err)
		}
		response, err := c.Step(final)
		assert.Empty(t, response)
		assert.Equal(t, err == nil, c.Done())
		if signature, _, _ := strings.Cut(final, ","); signature != right {
			assert.Error(t, err)
		}
		if final == right {
			assert.NoError(t, err)
		}
	})
}
