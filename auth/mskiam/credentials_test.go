package mskiam_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/auth/mskiam"
)

const role = "arn:aws:iam::123456789012:role/producer"

// assumed is how STS answers an AssumeRole.
const assumed = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/producer/x</Arn><AssumedRoleId>A:x</AssumedRoleId></AssumedRoleUser>
<Credentials><AccessKeyId>ASIA%d</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
<SessionToken>session</SessionToken><Expiration>%s</Expiration></Credentials>
</AssumeRoleResult></AssumeRoleResponse>`

const refusal = `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code>
<Message>the request was x-amz-security-token:` + hidden + `</Message></Error></ErrorResponse>`

// An sts stands in for AWS's service that lets roles be assumed.
type sts struct {
	life    time.Duration // of the credentials it gives
	refusal string        // its error code, or none
	asked   []string      // "ARN session external" of each request
}

func newSTS(t *testing.T) *sts {
	t.Helper()
	s := &sts{life: time.Hour}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.NoError(t, r.ParseForm())
		s.asked = append(s.asked, fmt.Sprint(r.Form.Get("RoleArn"), r.Form.Get("RoleSessionName"), r.Form.Get("ExternalId")))
		w.Header().Set("Content-Type", "text/xml")
		if s.refusal != "" {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, refusal, s.refusal)
			return
		}
		fmt.Fprintf(w, assumed, len(s.asked), time.Now().Add(s.life).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL_STS", server.URL)
	return s
}

// The credentials of a role are kept while they last, and replaced before their end.
func TestIAM_Token_role(t *testing.T) {
	noAWS(t)
	setKeys(t, "AKIA1")
	s := newSTS(t)
	i := &mskiam.IAM{Region: "eu-west-1", RoleARN: role, RoleSessionName: "name", ExternalID: "-id"}
	s.life = 4 * time.Minute // less than is kept
	assert.Equal(t, "ASIA1", keyOf(t, i))
	assert.Equal(t, "ASIA2", keyOf(t, i))
	s.refusal = "AccessDenied"
	assert.Equal(t, "ASIA2", keyOf(t, i), "what is held serves until its end")
	s.refusal, s.life = "", time.Hour
	want := keyOf(t, i)
	asked := len(s.asked)
	assert.Equal(t, fmt.Sprintf("ASIA%d", asked), want)
	for range 3 {
		assert.Equal(t, want, keyOf(t, i))
	}
	assert.Len(t, s.asked, asked, "STS is not asked for each token")
	for _, request := range s.asked {
		assert.Equal(t, role+"name-id", request)
	}
}

// Errors say what is missing, by AWS's error codes, and nothing else of what AWS wrote.
func TestIAM_Token_errors(t *testing.T) {
	profiles := noAWS(t)
	s := newSTS(t)
	fails := func(ctx context.Context, i *mskiam.IAM, want string) {
		t.Helper()
		_, err := i.Token(ctx)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), hidden)
		t.Log(err)
	}
	fails(t.Context(), &mskiam.IAM{}, "IAM.Region is required")
	fails(t.Context(), &mskiam.IAM{Region: "eu-west-1"}, "no AWS credentials: set AWS_ACCESS_KEY_ID")
	fails(t.Context(), &mskiam.IAM{Region: "eu-west-1", Profile: "absent"}, `have no profile "absent"`)

	require.NoError(t, os.WriteFile(profiles, []byte("[empty]\n[half]\naws_access_key_id = "+hidden+"\n"), 0o600))
	for _, profile := range []string{"empty", "half"} {
		fails(t.Context(), &mskiam.IAM{Region: "eu-west-1", Profile: profile}, "profile \""+profile+"\" gives no credentials")
	}

	setKeys(t, "AKIA1")
	i := &mskiam.IAM{Region: "eu-west-1", RoleARN: role}
	for _, code := range []string{"AccessDenied", "SignatureDoesNotMatch"} {
		s.refusal = code
		fails(t.Context(), i, "STS AssumeRole refused ("+code+"): check that the credentials are good and may assume "+role)
	}
	s.refusal = "not a code: " + hidden
	fails(t.Context(), i, "STS AssumeRole refused (unknown code)")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	fails(ended, i, "looking for credentials: context canceled")

	t.Setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	fails(t.Context(), i, "STS AssumeRole: dial tcp 127.0.0.1:1: connect: connection refused")
}
