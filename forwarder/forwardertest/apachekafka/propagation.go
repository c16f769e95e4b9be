package apachekafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// answerTimeout is how long a broker may take to answer before it counts as paused.
const answerTimeout = 10 * time.Second

// awaitBrokers waits until each broker knows of a change: the controller has it when
// it is answered, and brokers read it from the controller's log a moment later.
// Brokers that do not answer, being down or paused, are not waited for. knows
// asks one broker, and what names the change.
func (c *Cluster) awaitBrokers(ctx context.Context, what string, knows func(context.Context, *kgo.Broker) (bool, error)) error {
	client, err := c.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	for _, id := range c.Brokers() {
		if err := awaitBroker(ctx, client.Broker(id), knows); err != nil {
			return fmt.Errorf("apachekafka: broker %d of Apache Kafka %s has not heard of %s: %w", id, c.opts.version, what, err)
		}
	}
	return nil
}

// awaitBroker asks one broker again and again. A refusal, which is an answer too, is an
// error.
func awaitBroker(ctx context.Context, b *kgo.Broker, knows func(context.Context, *kgo.Broker) (bool, error)) error {
	for {
		asking, cancel := context.WithTimeout(ctx, answerTimeout)
		known, err := knows(asking, b)
		cancel()
		_, refused := errors.AsType[*kerr.Error](err)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case refused:
			return err
		case known, err != nil:
			return nil //nolint:nilerr // it does not answer
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(poll):
		}
	}
}
