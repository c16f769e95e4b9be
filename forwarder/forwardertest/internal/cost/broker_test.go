//go:build unix

package cost

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// brokerVariable makes this program the broker instead of the benchmark.
const brokerVariable = "EVENTFERRY_COST_BROKER"

func TestMain(m *testing.M) {
	if os.Getenv(brokerVariable) == "" {
		m.Run()
		return
	}
	if err := serve(os.Stdin, os.Stdout, clusters[os.Getenv(brokerVariable)]...); err != nil {
		fmt.Fprintln(os.Stderr, err) // the benchmark misses the variables
	}
}

// The values of brokerVariable.
const (
	oneBroker       = "one broker"
	routesBrokers   = "brokers for routes"
	middlingCluster = "a middling cluster"
	largeCluster    = "a large cluster"
)

// clusters are the options of the Kafkas.
var clusters = map[string][]forwardertest.KafkaOption{
	oneBroker:       nil,
	routesBrokers:   routesCluster(),
	middlingCluster: middling.options(),
	largeCluster:    large.options(),

	growthCluster(1): growthTopics(1),
	growthCluster(2): growthTopics(2),
	growthCluster(3): growthTopics(3),
}

// serve writes the variables that lead to a Kafka, then an empty line, and runs
// it until in ends, which it also does when the process at its other end dies.
func serve(in io.Reader, out io.Writer, opts ...forwardertest.KafkaOption) error {
	k, err := forwardertest.StartKafka(opts...)
	if err != nil {
		return err
	}
	defer k.Close()
	s := k.Settings()
	for name, value := range map[string]string{
		"BOOTSTRAP_SERVERS":     s.BootstrapServers,
		"TOPIC_NAME":            s.TopicName,
		"AUTHENTICATION_METHOD": string(s.AuthenticationMethod),
		"USER_NAME":             s.UserName,
		"PASSWORD":              s.Password.Reveal(), // made up for this run
		"TLS_CA_FILE":           s.TLS.CAFile,
	} {
		fmt.Fprintf(out, "EVENTFERRY_%s=%s\n", name, value)
	}
	fmt.Fprintln(out)
	_, err = io.Copy(io.Discard, in)
	return err
}

// otherProcess starts an embedded Kafka, one of clusters, in a process of its own,
// which ends with the benchmark.
func otherProcess(b testing.TB, cluster string) settings.Settings {
	s, _ := startBrokers(b, cluster)
	return s
}

// startBrokers is otherProcess, and returns the process.
func startBrokers(b testing.TB, cluster string) (settings.Settings, *os.Process) {
	program, err := os.Executable()
	require.NoError(b, err)
	broker := exec.CommandContext(b.Context(), program)
	broker.Env = append(os.Environ(), brokerVariable+"="+cluster)
	broker.Stderr = os.Stderr
	in, err := broker.StdinPipe()
	require.NoError(b, err)
	out, err := broker.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, broker.Start())
	b.Cleanup(func() {
		_ = in.Close()
		_ = broker.Wait()
	})
	variables := map[string]string{}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "" {
		name, value, _ := strings.Cut(lines.Text(), "=")
		variables[name] = value
	}
	require.NotEmpty(b, variables, "the broker's process ended")
	var s settings.Settings
	require.NoError(b, s.SetFromEnv(func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	}))
	return s, broker.Process
}
