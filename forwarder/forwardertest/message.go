package forwardertest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/eventferry/eventferry/settings"
)

// readPatience bounds the read-back of tests.
const readPatience = 2 * time.Minute

// A Message is what Kafka stored.
type Message struct {
	Partition int32
	Offset    int64
	Key       []byte // nil: none, which is not the empty key
	Value     []byte
	Headers   []Header // in their order
	Timestamp time.Time
}

// A Header is one of a message's headers.
type Header struct {
	Key   string
	Value []byte
}

// Messages reads topic as [Read] does, and fails the test when it cannot
// within two minutes. Where it cannot for a certificate of [WithCertificate],
// Read with settings that suit it can.
func (k *Kafka) Messages(t testing.TB, topic string) []Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), readPatience)
	defer cancel()
	s := k.adminSettings()
	s.TopicName = topic
	messages, err := Read(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	return messages
}

// Read returns all messages that the topic of s holds when Read is called,
// ordered by partition and then offset. It reads with franz-go, which shares
// no code with the client that forwards, from any Kafka that s reaches, and
// blocks until it has them all or ctx ends.
func Read(ctx context.Context, s settings.Settings) ([]Message, error) {
	messages, err := read(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("forwardertest: reading topic %s: %w", s.TopicName, err)
	}
	return messages, nil
}

func read(ctx context.Context, s settings.Settings) ([]Message, error) {
	opts, err := ClientOptions(s)
	if err != nil {
		return nil, err
	}
	ends, err := span(ctx, opts, s.TopicName)
	if err != nil || len(ends) == 0 {
		return nil, err
	}
	from := map[int32]kgo.Offset{}
	for p := range ends {
		from[p] = kgo.NewOffset().AtStart()
	}
	client, err := kgo.NewClient(append(opts,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{s.TopicName: from}),
		kgo.KeepControlRecords(), // a partition may end with one
	)...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	var messages []Message
	for len(ends) > 0 {
		fetched := client.PollFetches(ctx)
		if err := fetched.Err(); err != nil {
			return nil, err
		}
		fetched.EachRecord(func(r *kgo.Record) {
			end, wanted := ends[r.Partition]
			if wanted && r.Offset < end && !r.Attrs.IsControl() {
				messages = append(messages, message(r))
			}
			if wanted && r.Offset >= end-1 {
				delete(ends, r.Partition)
			}
		})
	}
	slices.SortFunc(messages, func(a, b Message) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	return messages, nil
}

// span returns where the partitions that hold something end.
func span(ctx context.Context, opts []kgo.Opt, topic string) (map[int32]int64, error) {
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, err
	}
	offsets, err := admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		return nil, err
	}
	ends := map[int32]int64{}
	offsets.Each(func(o kadm.ListedOffset) {
		if start, ok := starts.Lookup(topic, o.Partition); ok && o.Offset > start.Offset {
			ends[o.Partition] = o.Offset
		}
	})
	return ends, nil
}

func message(r *kgo.Record) Message {
	m := Message{Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value, Timestamp: r.Timestamp}
	for _, h := range r.Headers {
		m.Headers = append(m.Headers, Header(h))
	}
	return m
}

// ClientOptions connect a client of franz-go to where s points, with its TLS
// and credentials.
func ClientOptions(s settings.Settings) ([]kgo.Opt, error) {
	tc, err := s.TLS.Config()
	if err != nil {
		return nil, err
	}
	opts := []kgo.Opt{kgo.SeedBrokers(s.Servers()...), kgo.DialTLSConfig(tc)}
	if s.UserName == "" {
		return opts, nil
	}
	m, err := clientMechanism(s)
	if err != nil {
		return nil, err
	}
	return append(opts, kgo.SASL(m)), nil
}

func clientMechanism(s settings.Settings) (sasl.Mechanism, error) {
	password, err := s.ReadPassword()
	if err != nil {
		return nil, err
	}
	user, pass := s.UserName, password.Reveal()
	switch m := s.WithDefaults().AuthenticationMethod; m {
	case settings.SCRAMSHA256:
		return scram.Auth{User: user, Pass: pass}.AsSha256Mechanism(), nil
	case settings.SCRAMSHA512:
		return scram.Auth{User: user, Pass: pass}.AsSha512Mechanism(), nil
	case settings.Plain:
		return plain.Auth{User: user, Pass: pass}.AsMechanism(), nil
	default:
		return nil, fmt.Errorf("no client for %s", m)
	}
}
