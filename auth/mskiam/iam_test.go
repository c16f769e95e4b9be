package mskiam_test

import (
	"encoding/base64"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/auth/mskiam"
	"github.com/eventferry/eventferry/auth/oauth"
	"github.com/eventferry/eventferry/settings"
)

var (
	_ auth.Authenticator = (*mskiam.IAM)(nil)
	_ oauth.TokenSource  = (*mskiam.IAM)(nil)
)

// A hidden text must appear in no error.
const hidden = "hidden-secret"

// noAWS takes every way to credentials from the process, and returns the path of a file
// for profiles, which does not exist yet.
func noAWS(t *testing.T) (profiles string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION",
		"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	} {
		t.Setenv(name, "")
	}
	profiles = filepath.Join(dir, "credentials")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", profiles)
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "config"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	return profiles
}

// setKeys gives the process credentials that do not expire.
func setKeys(t *testing.T, id string) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", id)
	t.Setenv("AWS_SECRET_ACCESS_KEY", hidden)
}

// signedURL is what is inside a token.
func signedURL(t *testing.T, token string) *url.URL {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(token)
	require.NoError(t, err)
	u, err := url.Parse(string(text))
	require.NoError(t, err)
	return u
}

// keyOf is the access key that signed the token of i.
func keyOf(t *testing.T, i *mskiam.IAM) string {
	t.Helper()
	token, err := i.Token(t.Context())
	require.NoError(t, err)
	return signingKey(t, token.Reveal())
}

func signingKey(t *testing.T, token string) string {
	t.Helper()
	return keyID.FindString(signedURL(t, token).Query().Get("X-Amz-Credential"))
}

var keyID = regexp.MustCompile(`^[A-Z0-9]+`)

// The token is what MSK documents: a signed URL, in base64url.
func TestIAM_Token(t *testing.T) {
	noAWS(t)
	setKeys(t, "AKIA1")
	t.Setenv("AWS_SESSION_TOKEN", "session")
	before := time.Now().Truncate(time.Second)
	token, err := (&mskiam.IAM{Region: "eu-west-1"}).Token(t.Context())
	require.NoError(t, err)
	u := signedURL(t, token.Reveal())
	assert.Equal(t, "https://kafka.eu-west-1.amazonaws.com/", u.Scheme+"://"+u.Host+u.Path)

	q := u.Query()
	signed, err := time.Parse("20060102T150405Z", q.Get("X-Amz-Date"))
	require.NoError(t, err)
	assert.WithinRange(t, signed, before, time.Now())
	assert.Regexp(t, `^[0-9a-f]{64}$`, q.Get("X-Amz-Signature"))
	q.Del("X-Amz-Signature")
	assert.Equal(t, url.Values{
		"Action":               {"kafka-cluster:Connect"},
		"User-Agent":           {"aws-msk-iam-sasl-signer-go/1.0.4/" + runtime.Version()},
		"X-Amz-Algorithm":      {"AWS4-HMAC-SHA256"},
		"X-Amz-Credential":     {"AKIA1/" + signed.Format("20060102") + "/eu-west-1/kafka-cluster/aws4_request"},
		"X-Amz-Date":           {signed.Format("20060102T150405Z")},
		"X-Amz-Expires":        {"900"},
		"X-Amz-Security-Token": {"session"},
		"X-Amz-SignedHeaders":  {"host"},
	}, q)
}

// Credentials that do not expire are read again for each token, from the profile named.
func TestIAM_Token_profile(t *testing.T) {
	profiles := noAWS(t)
	setKeys(t, "AKIADEFAULT")
	i := &mskiam.IAM{Region: "eu-west-1", Profile: "producer"}
	for _, id := range []string{"AKIA1", "AKIA2"} {
		text := "[other]\naws_access_key_id = AKIA0\naws_secret_access_key = x\n" +
			"[producer]\naws_access_key_id = " + id + "\naws_secret_access_key = x\n"
		require.NoError(t, os.WriteFile(profiles, []byte(text), 0o600))
		assert.Equal(t, id, keyOf(t, i))
	}
}

func TestIAM_Apply(t *testing.T) {
	noAWS(t) // it looks for no credentials
	cfg := sarama.NewConfig()
	cfg.ClientID = "test"
	cfg.Net.TLS.Enable = true
	require.NoError(t, (&auth.SCRAM{UserName: "ann", Password: settings.NewSecret("pencil")}).Apply(cfg))
	require.NoError(t, (&mskiam.IAM{Region: "us-gov-west-1"}).Apply(cfg))
	require.NoError(t, cfg.Validate())
	assert.EqualValues(t, sarama.SASLTypeOAuth, cfg.Net.SASL.Mechanism)
	assert.Empty(t, cfg.Net.SASL.User)
	_, err := cfg.Net.SASL.TokenProvider.Token()
	require.ErrorContains(t, err, "mskiam: no AWS credentials: set AWS_ACCESS_KEY_ID")
}

func TestIAM_Apply_refuses(t *testing.T) {
	const role = "arn:aws:iam::123456789012:role/producer"
	for want, i := range map[string]*mskiam.IAM{
		"IAM.Region is required":                       {},
		`IAM.Region "eu-west-1.evil.com/" is no regio`: {Region: "eu-west-1.evil.com/"},
		"IAM.RoleARN must be such as":                  {Region: "eu-west-1", RoleARN: "producer"},
		"IAM.ExternalID counts only with IAM.RoleARN":  {Region: "eu-west-1", ExternalID: hidden},
		"IAM.RoleSessionName counts only with":         {Region: "eu-west-1", RoleSessionName: "x"},
		"refused without TLS":                          {Region: "eu-west-1", RoleARN: role},
	} {
		cfg := sarama.NewConfig()
		cfg.Net.TLS.Enable = want != "refused without TLS"
		err := i.Apply(cfg)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), hidden)
		assert.False(t, cfg.Net.SASL.Enable)
	}
}
