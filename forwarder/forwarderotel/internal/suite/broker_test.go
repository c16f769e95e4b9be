package suite_test

import (
	"bufio"
	"context"
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

// brokerVariable makes this program a broker instead of a test: what it costs is
// then not counted for what is measured.
const brokerVariable = "EVENTFERRYOTEL_COST_BROKER"

// serveKafka writes the variables that lead to a Kafka, then an empty line, and runs
// it until in ends, which it also does when the process at its other end dies.
func serveKafka(in io.Reader, out io.Writer) error {
	k, err := forwardertest.StartKafka()
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

// otherProcess starts an embedded Kafka in a process of its own, which ends with the
// test.
func otherProcess(tb testing.TB) settings.Settings {
	tb.Helper()
	program, err := os.Executable()
	require.NoError(tb, err)
	broker := exec.CommandContext(context.WithoutCancel(tb.Context()), program)
	broker.Env = append(os.Environ(), brokerVariable+"=1")
	broker.Stderr = os.Stderr
	in, err := broker.StdinPipe()
	require.NoError(tb, err)
	out, err := broker.StdoutPipe()
	require.NoError(tb, err)
	require.NoError(tb, broker.Start())
	tb.Cleanup(func() {
		_ = in.Close()
		_ = broker.Wait()
	})
	variables := map[string]string{}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "" {
		name, value, _ := strings.Cut(lines.Text(), "=")
		variables[name] = value
	}
	require.NotEmpty(tb, variables, "the broker's process ended")
	var s settings.Settings
	require.NoError(tb, s.SetFromEnv(func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	}))
	return s
}
