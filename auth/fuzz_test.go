package auth

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xdg-go/scram"
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
