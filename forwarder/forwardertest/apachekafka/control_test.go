package apachekafka_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// victimEnv names the variable that turns TestApacheKafka_victim into a
// program that is killed.
const victimEnv = "EVENTFERRY_TEST_APACHE_VICTIM"

func TestApacheKafka_control(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache Kafka, and -short is set")
	}
	k := apachekafka.New(t, apachekafka.WithBrokers(3))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	require.Equal(t, []int{1, 2, 3}, k.Brokers())
	require.NoError(t, k.CreateTopic(ctx, "events", 1, nil))
	n := 0
	write := func(k *apachekafka.Cluster) {
		n++
		require.NoError(t, produce(t, k.Settings("events"), &kgo.Record{Value: []byte("{}")}))
	}
	leader := func() int {
		id, err := k.Leader(ctx, "events", 0)
		require.NoError(t, err)
		return id
	}
	moved := func(from int) {
		assert.Eventually(t, func() bool {
			id, err := k.Leader(ctx, "events", 0)
			return err == nil && id != from
		}, time.Minute, 100*time.Millisecond)
	}
	write(k)
	deleted(ctx, t, k)

	killed := leader()
	k.Kill(killed)
	moved(killed)
	write(k)
	require.NoError(t, k.Restart(ctx, killed))

	paused := leader()
	require.NoError(t, k.Pause(paused))
	moved(paused)
	require.NoError(t, k.Resume(paused))
	write(k)

	k.StopAll()
	for _, id := range k.Brokers() {
		assert.NotEmpty(t, k.LogTail(id))
	}
	require.NoError(t, k.RestartAll(ctx))
	write(k)
	assert.Len(t, k.Messages(t, "events"), n)
}

// deleted: to a topic that was deleted no broker writes any more.
func deleted(ctx context.Context, t *testing.T, k *apachekafka.Cluster) {
	t.Helper()
	require.NoError(t, k.CreateTopic(ctx, "short-lived", 3, nil))
	byName := kversion.Stable()
	byName.SetMaxKeyVersion(kmsg.Produce.Int16(), 9) // later ones name topics by their ids
	client, err := k.Client(kgo.MaxVersions(byName))
	require.NoError(t, err)
	defer client.Close()
	refusals := func() (all []error) {
		for _, id := range k.Brokers() {
			req := kmsg.NewPtrProduceRequest()
			req.Acks, req.TimeoutMillis = -1, 1000
			topic := kmsg.NewProduceRequestTopic()
			topic.Topic = "short-lived"
			nothing := kmsg.NewProduceRequestTopicPartition()
			nothing.Records = []byte{}
			topic.Partitions = append(topic.Partitions, nothing)
			req.Topics = append(req.Topics, topic)
			resp, err := req.RequestWith(ctx, client.Broker(id))
			require.NoError(t, err)
			all = append(all, kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode))
		}
		return all
	}
	require.NotContains(t, refusals(), kerr.UnknownTopicOrPartition)
	require.NoError(t, k.DeleteTopic(ctx, "short-lived"))
	for _, err := range refusals() {
		assert.ErrorIs(t, err, kerr.UnknownTopicOrPartition)
	}
}

func TestApacheKafka_badProperty(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache Kafka, and -short is set")
	}
	c, err := apachekafka.Start(t.Context(), apachekafka.WithBrokerConfig("ssl.truststore.location", "/no/such/file"))
	if err == nil {
		c.Close()
	}
	require.Error(t, err)
	if !strings.Contains(err.Error(), "end of its log") {
		apachekafka.SkipOrFail(t, err)
	}
	assert.Contains(t, err.Error(), "/no/such/file", "the broker's own words")
}

// A program that starts Apache Kafka with a paused broker and waits.
func TestApacheKafka_victim(t *testing.T) {
	if os.Getenv(victimEnv) == "" {
		t.Skip("a part of TestApacheKafka_endsWithParent")
	}
	k := apachekafka.New(t, apachekafka.WithBrokers(2))
	require.NoError(t, k.Pause(2))
	_, err := fmt.Fprintln(os.Stdout, "ready", strings.Join(k.Servers(apachekafka.ListenerSASL), " "), filepath.Dir(k.CAFile()))
	require.NoError(t, err)
	<-t.Context().Done()
}

func TestApacheKafka_endsWithParent(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache Kafka, and -short is set")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.v", "-test.run=^TestApacheKafka_victim$")
	cmd.Env = append(os.Environ(), victimEnv+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	ready := readyLine(t, out)
	var conns []net.Conn // end with the brokers' processes, also that of a paused one
	for _, address := range ready[1:3] {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", address)
		require.NoError(t, err)
		defer conn.Close()
		conns = append(conns, conn)
	}
	folder := ready[3]
	require.DirExists(t, folder)

	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	for i, conn := range conns {
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
		_, err := conn.Read(make([]byte, 1))
		assert.True(t, errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET), "broker %d outlives its killed parent: %v", i+1, err)
	}

	next := apachekafka.New(t)
	assert.NoDirExists(t, folder, "what the killed one left behind")
	assert.DirExists(t, filepath.Dir(next.CAFile()))
}

// readyLine waits for the line that the victim prints.
func readyLine(t *testing.T, out io.Reader) []string {
	t.Helper()
	var said strings.Builder
	lines := bufio.NewScanner(io.TeeReader(out, &said))
	for lines.Scan() {
		if words := strings.Fields(lines.Text()); len(words) == 4 && words[0] == "ready" {
			return words
		}
	}
	if strings.Contains(said.String(), "--- SKIP") {
		t.Skip(said.String())
	}
	t.Fatal(said.String())
	return nil
}

func TestApacheKafka_missing(t *testing.T) {
	run := func(env ...string) (out string, err error) {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^TestApacheKafka_badProperty$")
		cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
			return strings.HasPrefix(v, "PATH=") || strings.HasPrefix(v, apachekafka.RequireEnv+"=")
		}), env...)
		text, err := cmd.CombinedOutput()
		return string(text), err
	}
	const why = "no java on PATH; install OpenJDK 17 or newer (Debian: openjdk-17-jre-headless)"
	out, err := run()
	require.NoError(t, err, out)
	assert.Contains(t, out, "APACHE KAFKA SUITES SKIPPED: "+why)
	out, err = run(apachekafka.RequireEnv + "=1")
	require.Error(t, err)
	assert.Contains(t, out, why)
	assert.Contains(t, out, "--- FAIL")
}
