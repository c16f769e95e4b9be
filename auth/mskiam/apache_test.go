package mskiam_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/auth/mskiam"
	"github.com/eventferry/eventferry/auth/oauth"
	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/settings"
)

// validated is the one access key that the brokers' validator knows; its secret is hidden.
const validated = "AKIAVALIDATED"

// TestApacheKafka: brokers that compute the signature of each token, by code that is not
// AWS's, take it, also under load while sessions end after four seconds. Nothing is lost,
// doubled or overtaken. They refuse tokens that have expired, are signed by another
// owner, for another region, or for another action.
func TestApacheKafka(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache Kafka, and -short is set")
	}
	source, err := os.ReadFile("testdata/SignedURLValidator.java")
	require.NoError(t, err)
	listener := apachekafka.Listener{Name: "IAM", Properties: map[string]string{
		"sasl.enabled.mechanisms":                        "OAUTHBEARER",
		"oauthbearer.sasl.jaas.config":                   "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;",
		"oauthbearer.sasl.server.callback.handler.class": "SignedURLValidator",
		"oauthbearer.connections.max.reauth.ms":          "4000",
	}}
	k := apachekafka.New(t, apachekafka.WithListener(listener), apachekafka.WithJavaClass("SignedURLValidator", string(source)))
	require.NoError(t, k.CreateTopic(t.Context(), "events", 6, nil))
	s := k.Settings("events")
	s.BootstrapServers = strings.Join(k.Servers(listener.Name), ",")
	s.AuthenticationMethod, s.UserName, s.Password = "", "", settings.Secret{}
	noAWS(t)
	setKeys(t, validated)
	iam := &mskiam.IAM{Region: "eu-west-1"}

	t.Run("sessions end under load", func(t *testing.T) { reauthenticateUnderLoad(t, k, s, iam) })
	const refused = "refused a client with OAUTHBEARER: the token has expired, or the broker's jaas configuration does not accept its issuer, audience or scope"
	for name, tt := range map[string]struct {
		authenticator auth.Authenticator
		want          string // empty: it is taken
	}{
		"as it should be": {signedAt(t, time.Now(), validated, "kafka-cluster:Connect"), ""},
		"expired":         {signedAt(t, time.Now().Add(-16*time.Minute), validated, "kafka-cluster:Connect"), refused},
		"another owner":   {signedAt(t, time.Now(), "AKIAOTHER", "kafka-cluster:Connect"), refused},
		"another region":  {&mskiam.IAM{Region: "us-east-1"}, refused},
		"another action": {
			signedAt(t, time.Now(), validated, "kafka-cluster:ReadData"),
			"refused a client with OAUTHBEARER: the token lacks the scope that the broker's jaas configuration requires",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := forwarder.New(t.Context(), s, forwarder.WithAuthenticator(tt.authenticator))
			if tt.want == "" {
				require.NoError(t, err)
				require.NoError(t, f.Close())
				return
			}
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), hidden)
		})
	}
	t.Run("another secret", func(t *testing.T) {
		t.Setenv("AWS_SECRET_ACCESS_KEY", "other-secret")
		_, err := forwarder.New(t.Context(), s, forwarder.WithAuthenticator(iam))
		require.ErrorContains(t, err, refused)
	})
}

// signedAt sends a token that is signed like those of IAM, at another time, or by
// another owner, or for another action.
func signedAt(t *testing.T, at time.Time, keyID, action string) *oauth.Bearer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://kafka.eu-west-1.amazonaws.com/?Action="+action+"&X-Amz-Expires=900", nil)
	require.NoError(t, err)
	const emptyBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	keys := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: hidden}
	signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), keys, r, emptyBody, "kafka-cluster", "eu-west-1", at)
	require.NoError(t, err)
	token := settings.NewSecret(base64.RawURLEncoding.EncodeToString([]byte(signed)))
	return &oauth.Bearer{Tokens: oauth.TokenFunc(func(context.Context) (settings.Secret, error) { return token, nil })}
}

// A counted authenticator counts the tokens that clients ask for.
type counted struct {
	auth.Authenticator
	asked atomic.Int64
}

func (c *counted) Apply(cfg *sarama.Config) error {
	if err := c.Authenticator.Apply(cfg); err != nil {
		return err
	}
	cfg.Net.SASL.TokenProvider = countedTokens{cfg.Net.SASL.TokenProvider, c}
	return nil
}

type countedTokens struct {
	sarama.AccessTokenProvider
	of *counted
}

func (c countedTokens) Token() (*sarama.AccessToken, error) {
	c.of.asked.Add(1)
	return c.AccessTokenProvider.Token()
}

// reauthenticateUnderLoad forwards until several sessions have ended, and each has got a
// token of its own.
func reauthenticateUnderLoad(t *testing.T, k *apachekafka.Cluster, s settings.Settings, iam *mskiam.IAM) {
	t.Helper()
	a := &counted{Authenticator: iam}
	var dialled atomic.Int64
	f, err := forwarder.New(t.Context(), s, forwarder.WithAuthenticator(a),
		forwarder.WithDialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
			dialled.Add(1)
			return new(net.Dialer).DialContext(ctx, network, addr)
		}))
	require.NoError(t, err)
	defer f.Close()
	const users = 6
	var sent [users][]string
	stop := make(chan struct{})
	var work sync.WaitGroup
	for user := range users {
		work.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
				}
				id := fmt.Sprintf("%d-%d", user, n)
				b, err := batch.Parse(fmt.Appendf(nil, `{"batch_id":"%s","mpid":%d,"events":[]}`, id, user+1))
				if !assert.NoError(t, err) || !assert.NoError(t, f.Forward(t.Context(), b)) {
					return
				}
				sent[user] = append(sent[user], id)
			}
		})
	}
	require.Eventually(t, func() bool { return a.asked.Load() >= dialled.Load()+3 }, 2*time.Minute, 10*time.Millisecond,
		"a token for each connection, and more for those whose session has ended")
	close(stop)
	work.Wait()
	require.NoError(t, f.Shutdown(t.Context()))
	t.Logf("%d connections, %d tokens", dialled.Load(), a.asked.Load())

	messages := k.Messages(t, s.TopicName)
	var all []string
	for _, ids := range sent {
		all = append(all, ids...)
	}
	id := forwardertest.Member("batch_id")
	forwardertest.NoLoss(t, messages, all, id)
	forwardertest.NoDuplicates(t, messages, id)
	there := map[string][]string{}
	for _, m := range messages {
		there[string(m.Key)] = append(there[string(m.Key)], id(m))
	}
	for user, ids := range sent {
		assert.Equal(t, ids, there[fmt.Sprint(user+1)], "in order")
	}
}
