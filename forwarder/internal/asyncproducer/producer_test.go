package asyncproducer

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder/internal/producer"
)

func TestProducer_message(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		defer r.Close()
		g := newGroup("3", "a")
		g.Messages[0].Part = "1/2"
		g.Messages[0].Headers = []producer.Header{{Key: "a", Value: []byte("b")}, {Key: "c"}}
		r.Submit(&g.Group)
		synctest.Wait()
		keyless := newGroup("", "b")
		r.Submit(&keyless.Group)
		synctest.Wait()
		got := r.started[0].messages()
		require.Len(t, got, 2)
		assert.Equal(t, int32(3), got[0].Partition)
		assert.Equal(t, sarama.ByteEncoder("3"), got[0].Key)
		assert.Equal(t, []sarama.RecordHeader{
			{Key: []byte("eventferry-part"), Value: []byte("1/2")}, {Key: []byte("a"), Value: []byte("b")}, {Key: []byte("c"), Value: []byte{}},
		}, got[0].Headers)
		assert.Nil(t, got[1].Key, "not the empty key")
		assert.Empty(t, got[1].Headers)
		r.started[0].ack(got[0])
		synctest.Wait()
		assert.Equal(t, []producer.Result{{Outcome: producer.Acknowledged, Partition: 3, Offset: 1000}}, g.all())
	})
}

// Messages of a partition are handed over in the order of acceptance.
func TestProducer_order(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		defer r.Close()
		for _, v := range []string{"a", "b", "c", "d"} {
			r.Submit(&newGroup("2", v+"1", v+"2").Group)
		}
		synctest.Wait()
		assert.Equal(t, []string{"a1", "a2", "b1", "b2", "c1", "c2", "d1", "d2"}, values(t, r.started[0]))
	})
}

// What waits for the partitions to be known comes before what comes later.
func TestProducer_orderAcrossTheFirstMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0, nil)
		defer r.Close()
		r.Submit(&newGroup("2", "a").Group)
		withdrawn := newGroup("2", "b")
		r.Submit(&withdrawn.Group)
		r.Submit(&newGroup("2", "c").Group)
		<-time.After(time.Minute)
		require.Empty(t, r.started)
		assert.Equal(t, int32(-1), r.Waiting(time.Second)[0].Partition)
		assert.ErrorIs(t, r.Waiting(time.Second)[0].Cause, sarama.ErrOutOfBrokers)
		partition, first := r.Withdraw(&withdrawn.Group)
		assert.Equal(t, int32(-1), partition)
		assert.Zero(t, first)

		r.client.set(upTo(4), upTo(4), nil)
		<-time.After(10 * time.Second)
		r.Submit(&newGroup("2", "d").Group)
		synctest.Wait()
		assert.Equal(t, []string{"a", "c", "d"}, values(t, r.started[0]))
		assert.Zero(t, withdrawn.settled(), "it is the caller's to settle")
	})
}

// The partitions are known, but what waited for them is not placed yet.
func TestProducer_orderBehindTheUnplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0, nil)
		defer r.Close()
		r.Submit(&newGroup("2", "a").Group)
		synctest.Wait() // between two attempts to learn the partitions
		r.metadata.mu.Lock()
		r.metadata.last = partitions{upTo(4), upTo(4)}
		r.metadata.mu.Unlock()
		r.Submit(&newGroup("2", "b").Group)
		r.client.set(upTo(4), upTo(4), nil)
		<-time.After(10 * time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"a", "b"}, values(t, r.started[0]))
	})
}

// A message that comes just when the partitions become known is not forgotten.
func TestProducer_whenMetadataArrives(t *testing.T) {
	const callers = 50
	for range 1500 {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, 4, nil)
			defer r.Close()
			for range callers {
				go r.Submit(&newGroup("1", "a").Group)
			}
			synctest.Wait()
			require.Len(t, r.started, 1)
			require.Equal(t, callers, len(r.started[0].messages()))
		})
	}
}

// What AsyncProducer does not have yet can be taken back.
func TestProducer_withdraw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, func(a *Producer) { a.limits.messages = 2 })
		defer r.Close()
		g := newGroup("1", "a", "b", "c")
		r.Submit(&g.Group)
		later := newGroup("1", "d")
		r.Submit(&later.Group)
		synctest.Wait()
		require.Equal(t, []string{"a", "b"}, values(t, r.started[0]))

		partition, first := r.Withdraw(&g.Group)
		assert.Equal(t, int32(1), partition)
		assert.Equal(t, 2, first)
		_, first = r.Withdraw(&g.Group)
		assert.Equal(t, 3, first, "a second time there is nothing to take back")

		for _, m := range r.started[0].messages() {
			r.started[0].ack(m)
		}
		synctest.Wait()
		assert.Equal(t, []string{"a", "b", "d"}, values(t, r.started[0]))
		assert.Equal(t, 2, g.settled())
		assert.Equal(t, producer.Acknowledged, g.all()[1].Outcome)
	})
}

// A partition that makes no progress holds up no other, and gets no more than
// a record batch.
func TestProducer_headOfLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil) // of 10,000 bytes
		defer r.Close()
		large := strings.Repeat("x", 4000)
		for range 10 {
			r.Submit(&newGroup("1", large).Group)
		}
		for range 2 {
			r.Submit(&newGroup("2", "y").Group)
		}
		synctest.Wait()
		counts := map[int32]int{}
		for _, m := range r.started[0].messages() {
			counts[m.Partition]++
		}
		assert.Equal(t, map[int32]int{1: 2, 2: 2}, counts)
	})
}

// A message that fills the limit by itself goes alone.
func TestProducer_largestMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		defer r.Close()
		for range 2 {
			r.Submit(&newGroup("1", strings.Repeat("x", 20_000)).Group)
		}
		synctest.Wait()
		require.Len(t, r.started[0].messages(), 1)
		r.started[0].ack(r.started[0].messages()[0])
		synctest.Wait()
		assert.Len(t, r.started[0].messages(), 2)
	})
}

func TestProducer_outcomes(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want producer.Outcome
	}{
		"a broker's refusal may follow a success": {sarama.ErrMessageSizeTooLarge, producer.Unknown},
		"authorisation":                          {sarama.ErrTopicAuthorizationFailed, producer.Unknown},
		"retries used up":                        {sarama.ErrNotEnoughReplicas, producer.Unknown},
		"connection":                             {errors.New("EOF"), producer.Unknown},
		"size, checked before the first attempt": {sarama.ConfigurationError("too large"), producer.NotSent},
		"partition, checked before, too":         {sarama.ErrInvalidPartition, producer.NotSent},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 4, nil)
				defer r.Close()
				g := newGroup("1", "a")
				r.Submit(&g.Group)
				synctest.Wait()
				r.started[0].fail(r.started[0].messages()[0], c.err)
				synctest.Wait()
				assert.Equal(t, []producer.Result{{Outcome: c.want, Partition: 1, Offset: -1, Err: c.err}}, g.all())
			})
		})
	}
}

// AsyncProducer's own marks can come back as errors, without a message of ours.
func TestProducer_foreignError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		defer r.Close()
		synctest.Wait()
		r.started[0].errors <- &sarama.ProducerError{Msg: &sarama.ProducerMessage{}, Err: sarama.ErrShuttingDown}
	})
}

// A broker that has the message already does not tell its offset.
func TestProducer_duplicate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		defer r.Close()
		g := newGroup("1", "a")
		r.Submit(&g.Group)
		synctest.Wait()
		p := r.started[0]
		p.successes <- p.messages()[0]
		synctest.Wait()
		assert.Equal(t, []producer.Result{{Outcome: producer.Acknowledged, Partition: 1, Offset: -1}}, g.all())
		p.take(p.messages()[0])
	})
}

// Close ends the pauses between attempts, however long they are.
func TestAdapt_backoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cfg := sarama.NewConfig()
		cfg.Producer.Retry.BackoffFunc = func(retries, most int) time.Duration { return time.Duration(retries*most) * time.Hour }
		adapt(ctx, cfg)
		start := time.Now()
		assert.Zero(t, cfg.Producer.Retry.BackoffFunc(1, 2))
		assert.Equal(t, 2*time.Hour, time.Since(start))
		paused := make(chan time.Duration, 1)
		go func() { paused <- cfg.Producer.Retry.BackoffFunc(1, 2) }()
		synctest.Wait()
		cancel()
		assert.Zero(t, <-paused)
		assert.Equal(t, 2*time.Hour, time.Since(start))
	})
}

// Wall clock at acceptance, never decreasing.
func TestProducer_timestamps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		defer r.Close()
		before := time.Now()
		r.Submit(&newGroup("1", "a").Group)
		synctest.Wait()
		r.Producer.mu.Lock()
		r.clock.Next(before.Add(time.Minute)) // as if the clock had been set back by a minute since
		r.Producer.mu.Unlock()
		r.Submit(&newGroup("1", "b").Group)
		<-time.After(2 * time.Hour)
		r.Submit(&newGroup("1", "c").Group)
		synctest.Wait()
		var stamps []time.Duration
		for _, m := range r.started[0].messages() {
			stamps = append(stamps, m.Timestamp.Sub(before))
		}
		assert.Equal(t, []time.Duration{0, time.Minute, 2 * time.Hour}, stamps)
	})
}

// A hash that fails fails its batch alone, also after a wait for the partitions.
func TestProducer_badHash(t *testing.T) {
	for _, known := range []int32{0, 4} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, known, func(a *Producer) { a.hash = func([]byte, int32) int32 { panic("secret") } })
			defer r.Close()
			synctest.Wait()
			g := newGroup("1", "a", "b")
			r.Submit(&g.Group)
			r.client.set(upTo(4), upTo(4), nil)
			<-time.After(time.Minute)
			assert.Equal(t, producer.NotSent, g.all()[1].Outcome)
			assert.ErrorContains(t, g.all()[0].Err, "choosing a partition")
			assert.NotContains(t, g.all()[0].Err.Error(), "secret")
			_, first := r.Withdraw(&g.Group)
			assert.Equal(t, 2, first)
			r.Submit(&newGroup("", "c").Group)
			synctest.Wait()
			assert.Equal(t, []string{"c"}, values(t, r.started[0]))
		})
	}
}
