package deliver

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAsync_message(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		defer r.Close()
		g := newGroup("3", "a")
		g.Messages[0].Part = "1/2"
		r.Submit(&g.Group)
		keyless := newGroup("", "b")
		r.Submit(&keyless.Group)
		synctest.Wait()
		got := r.sessions[0].messages()
		require.Len(t, got, 2)
		assert.Equal(t, int32(3), got[0].Partition)
		assert.Equal(t, sarama.ByteEncoder("3"), got[0].Key)
		assert.Equal(t, []sarama.RecordHeader{{Key: []byte("eventferry-part"), Value: []byte("1/2")}}, got[0].Headers)
		assert.Nil(t, got[1].Key, "not the empty key")
		assert.Empty(t, got[1].Headers)
		r.sessions[0].ack(got[0])
		synctest.Wait()
		assert.Equal(t, []Result{{Outcome: Acknowledged, Partition: 3, Offset: 1000}}, g.all())
	})
}

// Messages of a partition are handed over in the order of acceptance.
func TestAsync_order(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		defer r.Close()
		for _, v := range []string{"a", "b", "c", "d"} {
			r.Submit(&newGroup("2", v+"1", v+"2").Group)
		}
		synctest.Wait()
		assert.Equal(t, []string{"a1", "a2", "b1", "b2", "c1", "c2", "d1", "d2"}, values(t, r.sessions[0]))
	})
}

// What waits for the partitions to be known comes before what comes later.
func TestAsync_orderAcrossTheFirstMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0, nil)
		defer r.Close()
		r.Submit(&newGroup("2", "a").Group)
		withdrawn := newGroup("2", "b")
		r.Submit(&withdrawn.Group)
		r.Submit(&newGroup("2", "c").Group)
		<-time.After(time.Minute)
		require.Empty(t, r.sessions)
		assert.Equal(t, int32(-1), r.Waiting(time.Second)[0].Partition)
		assert.ErrorIs(t, r.Waiting(time.Second)[0].Cause, sarama.ErrOutOfBrokers)
		partition, first := r.Withdraw(&withdrawn.Group)
		assert.Equal(t, int32(-1), partition)
		assert.Zero(t, first)

		r.client.set(upTo(4), upTo(4), nil)
		<-time.After(10 * time.Second)
		r.Submit(&newGroup("2", "d").Group)
		synctest.Wait()
		assert.Equal(t, []string{"a", "c", "d"}, values(t, r.sessions[0]))
		assert.Zero(t, withdrawn.settled(), "it is the caller's to settle")
	})
}

// The partitions are known, but what waited for them is not placed yet.
func TestAsync_orderBehindTheUnplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0, nil)
		defer r.Close()
		r.Submit(&newGroup("2", "a").Group)
		synctest.Wait() // between two attempts to learn the partitions
		r.cluster.mu.Lock()
		r.cluster.view = view{all: upTo(4), leader: upTo(4)}
		r.cluster.mu.Unlock()
		r.Submit(&newGroup("2", "b").Group)
		r.client.set(upTo(4), upTo(4), nil)
		<-time.After(10 * time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"a", "b"}, values(t, r.sessions[0]))
	})
}

// A message that comes just when the partitions become known is not forgotten.
func TestAsync_whenMetadataArrives(t *testing.T) {
	const callers = 50
	for range 1500 {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, 4, nil)
			defer r.Close()
			for range callers {
				go r.Submit(&newGroup("1", "a").Group)
			}
			synctest.Wait()
			require.Len(t, r.sessions, 1)
			require.Equal(t, callers, len(r.sessions[0].messages()))
		})
	}
}

// What AsyncProducer does not have yet can be taken back.
func TestAsync_withdraw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, func(a *Async) { a.limits.messages = 2 })
		defer r.Close()
		g := newGroup("1", "a", "b", "c")
		r.Submit(&g.Group)
		later := newGroup("1", "d")
		r.Submit(&later.Group)
		synctest.Wait()
		require.Equal(t, []string{"a", "b"}, values(t, r.sessions[0]))

		partition, first := r.Withdraw(&g.Group)
		assert.Equal(t, int32(1), partition)
		assert.Equal(t, 2, first)
		_, first = r.Withdraw(&g.Group)
		assert.Equal(t, 3, first, "a second time there is nothing to take back")

		for _, m := range r.sessions[0].messages() {
			r.sessions[0].ack(m)
		}
		synctest.Wait()
		assert.Equal(t, []string{"a", "b", "d"}, values(t, r.sessions[0]))
		assert.Equal(t, 2, g.settled())
		assert.Equal(t, Acknowledged, g.all()[1].Outcome)
	})
}

// A partition that makes no progress holds up no other, and gets no more than
// a record batch.
func TestAsync_headOfLine(t *testing.T) {
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
		for _, m := range r.sessions[0].messages() {
			counts[m.Partition]++
		}
		assert.Equal(t, map[int32]int{1: 2, 2: 2}, counts)
	})
}

// A message that fills the limit by itself goes alone.
func TestAsync_largestMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		defer r.Close()
		for range 2 {
			r.Submit(&newGroup("1", strings.Repeat("x", 20_000)).Group)
		}
		synctest.Wait()
		require.Len(t, r.sessions[0].messages(), 1)
		r.sessions[0].ack(r.sessions[0].messages()[0])
		synctest.Wait()
		assert.Len(t, r.sessions[0].messages(), 2)
	})
}

func TestAsync_outcomes(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want Outcome
	}{
		"a broker's refusal may follow a success": {sarama.ErrMessageSizeTooLarge, Unknown},
		"authorisation":                          {sarama.ErrTopicAuthorizationFailed, Unknown},
		"retries used up":                        {sarama.ErrNotEnoughReplicas, Unknown},
		"connection":                             {errors.New("EOF"), Unknown},
		"size, checked before the first attempt": {sarama.ConfigurationError("too large"), NotSent},
		"partition, checked before, too":         {sarama.ErrInvalidPartition, NotSent},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 4, nil)
				defer r.Close()
				g := newGroup("1", "a")
				r.Submit(&g.Group)
				synctest.Wait()
				r.sessions[0].fail(r.sessions[0].messages()[0], c.err)
				synctest.Wait()
				assert.Equal(t, []Result{{Outcome: c.want, Partition: 1, Offset: -1, Err: c.err}}, g.all())
			})
		})
	}
}

// AsyncProducer's own marks can come back as errors, without a message of ours.
func TestAsync_foreignError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		defer r.Close()
		synctest.Wait()
		r.sessions[0].errors <- &sarama.ProducerError{Msg: &sarama.ProducerMessage{}, Err: sarama.ErrShuttingDown}
	})
}

func TestAsync_close(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, func(a *Async) { a.limits.messages = 1 })
		g := newGroup("1", "a", "b")
		r.Submit(&g.Group)
		synctest.Wait()
		for range 2 {
			go func() { assert.NoError(t, r.Close()) }()
		}
		require.NoError(t, r.Close())
		for i, want := range []Outcome{Unknown, NotSent} {
			assert.Equal(t, want, g.all()[i].Outcome)
			assert.ErrorIs(t, g.all()[i].Err, ErrClosed)
		}
		assert.Equal(t, 2, g.settled())
		assert.True(t, r.client.closed)

		late := newGroup("1", "c")
		r.Submit(&late.Group)
		assert.Equal(t, []Result{{Outcome: NotSent, Partition: -1, Offset: -1, Err: ErrClosed}}, late.all())
	})
}

// Close ends the pauses between attempts, however long they are.
func TestAsync_closeDuringBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0, nil)
		paused := make(chan time.Duration, 1)
		go func() { paused <- r.config.Producer.Retry.BackoffFunc(1, 2) }()
		synctest.Wait()
		start := time.Now()
		require.NoError(t, r.Close())
		assert.Zero(t, <-paused)
		assert.Zero(t, time.Since(start))
	})
}

// Wall clock at acceptance, never decreasing.
func TestAsync_timestamps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, nil)
		defer r.Close()
		before := time.Now()
		r.Submit(&newGroup("1", "a").Group)
		synctest.Wait()
		r.Async.mu.Lock()
		r.stamp = r.stamp.Add(time.Hour) // as if the clock had been set back by an hour since
		r.Async.mu.Unlock()
		r.Submit(&newGroup("1", "b").Group)
		<-time.After(2 * time.Hour)
		r.Submit(&newGroup("1", "c").Group)
		synctest.Wait()
		var stamps []time.Duration
		for _, m := range r.sessions[0].messages() {
			stamps = append(stamps, m.Timestamp.Sub(before))
		}
		assert.Equal(t, []time.Duration{0, time.Hour, 2 * time.Hour}, stamps)
	})
}

func TestAsync_badPartitioner(t *testing.T) {
	for name, f := range map[string]func(int32) int32{
		"out of range": func(n int32) int32 { return n },
		"negative":     func(int32) int32 { return -2 },
		"panics":       func(int32) int32 { panic("secret") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 4, func(a *Async) { a.choose = byFirstByte{f} })
				defer r.Close()
				synctest.Wait()
				g := newGroup("", "a", "b")
				r.Submit(&g.Group)
				assert.Equal(t, NotSent, g.all()[1].Outcome)
				assert.ErrorContains(t, g.all()[0].Err, "choosing a partition")
				assert.NotContains(t, g.all()[0].Err.Error(), "secret")
			})
		})
	}
}
