package delivery

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/settings"
)

const (
	rotatingUser  = "rotating"
	firstPassword = "pencil"
)

// rotating is a listener that wants a client certificate and a user, and whose
// certificates change while it is open.
var rotating = apachekafka.Listener{Name: "ROTATING", Properties: map[string]string{"ssl.client.auth": "required"}}

// apacheRotation: the user's password, the client's certificate with its authority, and
// the brokers' certificate with theirs are replaced under load, one after the other.
// Connections are renewed each second, so that each step is soon proven.
func apacheRotation(t *testing.T, k *apachekafka.Cluster) {
	ctx := within(t, 4*time.Minute)
	const topic = "rotation"
	require.NoError(t, k.CreateTopic(ctx, topic, 12, nil))
	files := newClientFiles(t, k.CA())
	s := k.Settings(topic)
	s.BootstrapServers = strings.Join(k.Servers(rotating.Name), ",")
	s.UserName, s.Password, s.PasswordFile = rotatingUser, settings.Secret{}, files.password
	s.TLS = files.tls
	s.Delivery.MaxConnectionAge = 3 * time.Second // time for messages on each of them, also on a busy machine
	var told log
	var conns countedConns
	f := engine.start(t, s, told.option(), conns.option())
	w := startLoad(t, f)
	w.topic = topic
	renewed := func(step string) {
		conns.mark(t, 3)
		conns.awaitClosed(t, 3)
		w.awaitMore(t, 100)
		t.Logf("%s: %d batches, %d connections so far", step, w.acknowledged.Load(), conns.dialled())
	}
	before := files.copied(t, s)
	renewed("before")

	require.NoError(t, k.SetPassword(ctx, rotatingUser, "crayon", settings.SCRAMSHA512))
	files.replace(t, map[string][]byte{"password": []byte("crayon\n")})
	refused(ctx, t, before, "wrong password")
	renewed("another password")
	before = files.copied(t, s)

	other, err := forwardertest.NewCA()
	require.NoError(t, err)
	client, err := other.IssueClient("renewed")
	require.NoError(t, err)
	both := filepath.Join(t.TempDir(), "both.pem")
	require.NoError(t, os.WriteFile(both, slices.Concat(k.CA().PEM(), other.PEM()), 0o600))
	alterRotating(ctx, t, k, map[string]string{"ssl.truststore.location": both})
	files.replace(t, map[string][]byte{"tls.crt": client.CertPEM, "tls.key": client.KeyPEM})
	renewed("a client certificate of another authority")
	onlyOther, err := other.WriteFile(t.TempDir())
	require.NoError(t, err)
	alterRotating(ctx, t, k, map[string]string{"ssl.truststore.location": onlyOther})
	refused(ctx, t, before, "client certificate")
	renewed("which is the only one")
	before = files.copied(t, s)

	server, err := other.IssueServer()
	require.NoError(t, err)
	files.replace(t, map[string][]byte{"ca.pem": slices.Concat(k.CA().PEM(), other.PEM())})
	alterRotating(ctx, t, k, map[string]string{
		"ssl.keystore.type": "PEM", "ssl.keystore.certificate.chain": string(server.CertPEM), "ssl.keystore.key": string(server.KeyPEM),
	})
	refused(ctx, t, before, "is signed by an authority that is not trusted")
	files.replace(t, map[string][]byte{"ca.pem": other.PEM()})
	renewed("a broker's certificate of another authority")
	w.stop()
	assert.NotContains(t, told.text(), "cannot be used", told.text())
	assert.Equal(t, tally{acknowledged: len(w.entries)}, w.check(t, k, 12))
}

// A plainRotation is a load of a user of PLAIN, whose password brokers change only when
// they are started again.
type plainRotation struct {
	kafka  *apachekafka.Cluster
	load   *load
	file   string
	causes chan string
}

// beginPlainRotation starts the load, and changes the password for brokers that are
// started from then on.
func beginPlainRotation(ctx context.Context, t *testing.T, k *apachekafka.Cluster) plainRotation {
	t.Helper()
	const topic = "plain-rotation"
	require.NoError(t, k.CreateTopic(ctx, topic, 12, nil))
	s := k.SettingsFor(topic, settings.Plain)
	s.UserName, s.Password, s.PasswordFile = rotatingUser, settings.Secret{}, filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(s.PasswordFile, []byte(firstPassword), 0o600))
	r := plainRotation{kafka: k, file: s.PasswordFile, causes: make(chan string, 10_000)}
	r.load = startLoad(t, engine.start(t, s, forwarder.WithObserver(forwarder.Observer{
		Waiting: func(_ context.Context, i forwarder.WaitInfo) { r.causes <- i.Cause.Error() },
	})))
	r.load.topic = topic
	r.load.awaitMore(t, 100)
	require.NoError(t, k.SetPlainPassword(rotatingUser, "chalk"))
	return r
}

// finish is called when all brokers were started again. What has waited meanwhile is
// delivered as soon as the file has the new password.
func (r plainRotation) finish(t *testing.T) {
	t.Helper()
	awaitCause(t, r.causes, `wrong password (file "`+r.file+`")`)
	require.NoError(t, os.WriteFile(r.file, []byte("chalk"), 0o600))
	r.load.awaitMore(t, 100)
	r.load.stop()
	assert.Equal(t, tally{acknowledged: len(r.load.entries)}, r.load.check(t, r.kafka, 12))
}

// clientFiles are what a forwarder reads, in a folder as Kubernetes mounts a secret:
// links into the folder that the link ..data names.
type clientFiles struct {
	dir      string
	tls      settings.TLS
	password string
}

func newClientFiles(t *testing.T, ca *forwardertest.CA) clientFiles {
	t.Helper()
	dir := t.TempDir()
	f := clientFiles{
		dir: dir, password: filepath.Join(dir, "password"),
		tls: settings.TLS{CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "tls.crt"), KeyFile: filepath.Join(dir, "tls.key")},
	}
	client, err := ca.IssueClient("first")
	require.NoError(t, err)
	f.replace(t, map[string][]byte{"ca.pem": ca.PEM(), "tls.crt": client.CertPEM, "tls.key": client.KeyPEM, "password": []byte(firstPassword)})
	for _, name := range []string{"ca.pem", "tls.crt", "tls.key", "password"} {
		require.NoError(t, os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)))
	}
	return f
}

// replace gives some files another content, all in one step.
func (f clientFiles) replace(t *testing.T, contents map[string][]byte) {
	t.Helper()
	data := filepath.Join(f.dir, "..data")
	next, err := os.MkdirTemp(f.dir, "..version-") //nolint:usetesting // the link is relative
	require.NoError(t, err)
	if _, err := os.Lstat(data); err == nil {
		require.NoError(t, os.CopyFS(next, os.DirFS(data)))
	}
	for name, content := range contents {
		require.NoError(t, os.WriteFile(filepath.Join(next, name), content, 0o600))
	}
	link := filepath.Join(f.dir, "..data_tmp")
	require.NoError(t, os.Symlink(filepath.Base(next), link))
	require.NoError(t, os.Rename(link, data))
}

// copied returns s with files that stay as they are now.
func (f clientFiles) copied(t *testing.T, s settings.Settings) settings.Settings {
	t.Helper()
	dir := t.TempDir()
	for _, file := range []*string{&s.TLS.CAFile, &s.TLS.CertFile, &s.TLS.KeyFile, &s.PasswordFile} {
		content, err := os.ReadFile(*file)
		require.NoError(t, err)
		*file = filepath.Join(dir, filepath.Base(*file))
		require.NoError(t, os.WriteFile(*file, content, 0o600))
	}
	return s
}

// refused waits until all brokers refuse these settings, which are those of before: a
// step that they survive proves nothing. Brokers learn of a change a moment later.
func refused(ctx context.Context, t *testing.T, s settings.Settings, text string) {
	t.Helper()
	for _, server := range s.Servers() {
		s.BootstrapServers = server
		for {
			f, err := forwarder.New(ctx, s, quiet())
			if err == nil {
				require.NoError(t, f.Close())
			}
			if err != nil && strings.Contains(err.Error(), text) {
				break
			}
			require.NoError(t, ctx.Err(), "%s accepts what was replaced: %v", server, err)
			<-time.After(50 * time.Millisecond)
		}
	}
}

// alterRotating changes properties of the listener on all brokers, as kafka-configs
// does. Connections that are open stay open.
func alterRotating(ctx context.Context, t *testing.T, k *apachekafka.Cluster, change map[string]string) {
	t.Helper()
	client, err := k.InternalClient()
	require.NoError(t, err)
	defer client.Close()
	var configs []kadm.AlterConfig
	for key, value := range change {
		name := fmt.Sprintf("listener.name.%s.%s", strings.ToLower(rotating.Name), key)
		configs = append(configs, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: &value})
	}
	var brokers []int32
	for _, id := range k.Brokers() {
		brokers = append(brokers, int32(id)) //nolint:gosec // few
	}
	answers, err := kadm.NewClient(client).AlterBrokerConfigs(ctx, configs, brokers...)
	require.NoError(t, err)
	for _, a := range answers {
		require.NoError(t, a.Err, a.ErrMessage)
	}
}
