package contender

import (
	"fmt"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/peer"
	"github.com/eventferry/eventferry/forwarder/forwardertest/peers/internal/work"
)

type confluent struct {
	topic    string
	producer *kafka.Producer
}

func newConfluent(j peer.Job) (contender, error) {
	config := kafka.ConfigMap{
		"bootstrap.servers": j.Servers, "security.protocol": "SASL_SSL", "ssl.ca.location": j.CAFile,
		"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": j.User, "sasl.password": j.Password,
		"acks": "all", "enable.idempotence": true, "partitioner": "murmur2_random",
		"compression.type": j.Codec, "linger.ms": int(linger.Milliseconds()),
		"go.delivery.report.fields": "none", "go.logs.channel.enable": true,
		"queue.buffering.max.messages": 1_000_000, "queue.buffering.max.kbytes": 1 << 20,
	}
	if j.Codec == "zstd" {
		config["compression.level"] = 1
	}
	p, err := kafka.NewProducer(&config)
	if err != nil {
		return nil, fmt.Errorf("contender: %w", err)
	}
	c := &confluent{topic: j.Topic, producer: p}
	go func() {
		for range p.Logs() {
			// Their content does not matter, but they must be received.
		}
	}()
	go func() {
		for e := range p.Events() {
			if m, ok := e.(*kafka.Message); ok {
				m.Opaque.(func(error))(m.TopicPartition.Error) //nolint:errcheck // as start has put it
			}
		}
	}()
	return c, nil
}

func (c *confluent) start(i *work.Item, done func(error)) {
	err := c.producer.Produce(&kafka.Message{
		TopicPartition: kafka.TopicPartition{Topic: &c.topic, Partition: kafka.PartitionAny},
		Key:            i.Key, Value: i.Value, Opaque: done,
	}, nil)
	if err != nil {
		done(err)
	}
}

func (c *confluent) wait(items []*work.Item) error { return starter(c.start).waitAll(items) }

func (c *confluent) close() { c.producer.Close() }
