package forwardertest

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/eventferry/eventferry/settings"
)

const (
	adminName       = "forwardertest" // a user of our own, whom tests leave alone
	kfakeIterations = 4096            // what it tells clients, whatever it was given
)

// CreateTopic creates a topic, with leaders as those of [WithTopic]. It fails if
// there is one of that name, or the Kafka is closed.
func (k *Kafka) CreateTopic(name string, partitions int32) error {
	return k.withCluster(func(c *kfake.Cluster) error {
		if err := c.CreateTopic(name, partitions, nil); err != nil {
			return fmt.Errorf("forwardertest: creating topic %s: %w", name, err)
		}
		return placeLeaders(c, topic{name, partitions}, k.opts.brokers)
	})
}

// DeleteTopic deletes a topic and its messages. It fails if there is none of that
// name, or the Kafka is closed.
func (k *Kafka) DeleteTopic(name string) error {
	return k.withCluster(func(c *kfake.Cluster) error {
		if err := c.DeleteTopic(name); err != nil {
			return fmt.Errorf("forwardertest: deleting topic %s: %w", name, err)
		}
		return nil
	})
}

// AddPartitions gives a topic more partitions, n in all. It fails if the topic has
// as many already, or ctx ends first.
func (k *Kafka) AddPartitions(ctx context.Context, topic string, n int) error {
	return k.admin(func(a *kadm.Client) error {
		answers, err := a.UpdatePartitions(ctx, n, topic)
		if err == nil {
			err = answers.Error()
		}
		if err != nil {
			return fmt.Errorf("forwardertest: adding partitions to %s: %w", topic, err)
		}
		return nil
	})
}

// SetPassword changes the user's password for SCRAM, as a rotation of
// credentials does. Connections that are open stay open, and [Kafka.Settings]
// keep the first password.
func (k *Kafka) SetPassword(ctx context.Context, password string) error {
	return k.admin(func(a *kadm.Client) error {
		for _, m := range []kadm.ScramMechanism{kadm.ScramSha256, kadm.ScramSha512} {
			answers, err := a.AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{
				{User: k.opts.userName, Mechanism: m, Iterations: kfakeIterations, Password: password},
			})
			if err == nil {
				err = answers.Error()
			}
			if err != nil {
				return fmt.Errorf("forwardertest: setting a password: %w", err)
			}
		}
		return nil
	})
}

// Client returns a franz-go client of a user who may do everything. Close it.
func (k *Kafka) Client(opts ...kgo.Opt) (*kgo.Client, error) {
	own, err := ClientOptions(k.adminSettings())
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(own, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("forwardertest: %w", err)
	}
	return client, nil
}

func (k *Kafka) adminSettings() settings.Settings {
	s := k.Settings()
	if s.UserName != "" {
		s.UserName, s.Password = adminName, settings.NewSecret(k.adminPassword)
	}
	return s
}

func (k *Kafka) admin(do func(*kadm.Client) error) error {
	client, err := k.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	return do(kadm.NewClient(client))
}
