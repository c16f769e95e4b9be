package apachekafka

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/jvm"
)

// javaTool is a console program of Kafka's and how it takes its options, which
// Kafka 4 renamed.
type javaTool struct{ class, config, property string }

func (c *Cluster) consoleConsumer() javaTool {
	const class = "org.apache.kafka.tools.consumer.ConsoleConsumer"
	switch {
	case c.before("3.8"):
		return javaTool{"kafka.tools.ConsoleConsumer", "--consumer.config", "--property"}
	case c.before("4.0"):
		return javaTool{class, "--consumer.config", "--property"}
	default:
		return javaTool{class, "--command-config", "--formatter-property"}
	}
}

func (c *Cluster) consoleProducer() javaTool {
	if c.before("4.0") {
		return javaTool{"kafka.tools.ConsoleProducer", "--producer.config", "--property"}
	}
	return javaTool{"org.apache.kafka.tools.ConsoleProducer", "--command-config", "--reader-property"}
}

// before compares the major and minor numbers of versions.
func (c *Cluster) before(version string) bool {
	var major, minor, wantMajor, wantMinor int
	_, _ = fmt.Sscanf(c.opts.version, "%d.%d", &major, &minor) // what is no number is old
	_, _ = fmt.Sscanf(version, "%d.%d", &wantMajor, &wantMinor)
	return major < wantMajor || major == wantMajor && minor < wantMinor
}

// clientProperties are for Java's clients: the cluster's own user through the
// listener that forwarders use.
func (c *Cluster) clientProperties() properties {
	var p properties
	u := c.opts.users[0]
	module, mechanism := "scram.ScramLoginModule", "SCRAM-SHA-512"
	if c.opts.documented {
		module, mechanism = "plain.PlainLoginModule", "PLAIN"
	}
	p.set("security.protocol", protocolSASL)
	p.set("sasl.mechanism", mechanism)
	p.setf("sasl.jaas.config", "org.apache.kafka.common.security.%s required username=%s password=%s;", module, jaasQuote(u.name), jaasQuote(u.password))
	p.set("ssl.truststore.type", "PEM")
	p.set("ssl.truststore.location", c.caFile)
	return p
}

// run runs a console program with lines for its standard input and returns
// what it prints.
func (c *Cluster) run(ctx context.Context, tool javaTool, stdin []byte, topic string, props []string, args ...string) ([]byte, error) {
	file := filepath.Join(c.folder.Path, "client.properties")
	if err := os.WriteFile(file, c.clientProperties().text(), 0o600); err != nil {
		return nil, fmt.Errorf("apachekafka: %w", err)
	}
	all := append([]string{
		"--bootstrap-server", strings.Join(c.Servers(ListenerSASL), ","), "--topic", topic, tool.config, file,
	}, args...)
	for _, p := range props {
		all = append(all, tool.property, p)
	}
	cmd := c.java.Command(ctx, c.classpath, toolFlags(), tool.class, all...)
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := jvm.Output(cmd)
	if err != nil {
		return out, fmt.Errorf("apachekafka: %w", err)
	}
	return out, nil
}

const (
	tab     = "\t"
	noValue = "\x01none\x01" // what the consumer prints for null; no JSON holds it
)

// JavaMessages reads n messages of a topic, from its beginning, with Java's
// console consumer, by partition and offset. It takes a few seconds, and waits
// until ctx ends for messages that are not there. Keys, values and headers
// must not hold tabs or line ends; headers come without their values' types,
// timestamps not at all.
func (c *Cluster) JavaMessages(ctx context.Context, topic string, n int) ([]forwardertest.Message, error) {
	props := []string{
		"print.partition=true", "print.offset=true", "print.headers=true", "print.key=true",
		"key.separator=" + tab, "null.literal=" + noValue,
	}
	out, err := c.run(ctx, c.consoleConsumer(), nil, topic, props, "--from-beginning", "--max-messages", strconv.Itoa(n))
	if err != nil {
		return nil, err
	}
	var messages []forwardertest.Message
	for line := range bytes.Lines(out) {
		m, err := parseConsumed(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	if len(messages) != n {
		return nil, fmt.Errorf("apachekafka: the console consumer printed %d of %d messages", len(messages), n)
	}
	slices.SortFunc(messages, func(a, b forwardertest.Message) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	return messages, nil
}

// parseConsumed reads a line such as
//
//	Partition:2	Offset:0	NO_HEADERS	key	value
func parseConsumed(line []byte) (forwardertest.Message, error) {
	fields := bytes.SplitN(line, []byte(tab), 5)
	if len(fields) != 5 {
		return forwardertest.Message{}, fmt.Errorf("apachekafka: the console consumer printed %d fields, not 5", len(fields))
	}
	partition, err := number(fields[0], "Partition:")
	if err != nil {
		return forwardertest.Message{}, err
	}
	offset, err := number(fields[1], "Offset:")
	if err != nil {
		return forwardertest.Message{}, err
	}
	m := forwardertest.Message{Partition: int32(partition), Offset: offset, Key: nullable(fields[3]), Value: nullable(fields[4])}
	if headers := string(fields[2]); headers != "NO_HEADERS" {
		for h := range strings.SplitSeq(headers, ",") {
			key, value, _ := strings.Cut(h, ":")
			m.Headers = append(m.Headers, forwardertest.Header{Key: key, Value: nullable([]byte(value))})
		}
	}
	return m, nil
}

func number(field []byte, name string) (int64, error) {
	text, ok := strings.CutPrefix(string(field), name)
	n, err := strconv.ParseInt(text, 10, 32)
	if !ok || err != nil {
		return 0, fmt.Errorf("apachekafka: the console consumer printed no %s", name)
	}
	return n, nil
}

func nullable(field []byte) []byte {
	if string(field) == noValue {
		return nil
	}
	return field
}

// JavaPartitions returns the partition that Java's own producer chooses for
// each key, of as many as given: it has the console producer write the keys to
// a topic of its own and reads them back. It takes a few seconds.
func (c *Cluster) JavaPartitions(ctx context.Context, topic string, partitions int32, keys []string) (map[string]int32, error) {
	if err := c.CreateTopic(ctx, topic, partitions, nil); err != nil {
		return nil, err
	}
	var lines bytes.Buffer
	for _, key := range keys {
		lines.WriteString(key + tab + "{}\n")
	}
	props := []string{"parse.key=true", "key.separator=" + tab}
	if _, err := c.run(ctx, c.consoleProducer(), lines.Bytes(), topic, props); err != nil {
		return nil, err
	}
	written, err := forwardertest.Read(ctx, c.Settings(topic))
	if err != nil {
		return nil, err
	}
	if len(written) != len(keys) {
		return nil, fmt.Errorf("apachekafka: the console producer wrote %d of %d keys", len(written), len(keys))
	}
	chosen := make(map[string]int32, len(keys))
	for _, m := range written {
		chosen[string(m.Key)] = m.Partition
	}
	return chosen, nil
}
