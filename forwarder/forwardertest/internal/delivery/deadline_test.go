package delivery

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
)

const patience = 500 * time.Millisecond // of the callers

var outages = map[string]func(*forwardertest.Kafka) *forwardertest.Fault{
	"silent":      func(k *forwardertest.Kafka) *forwardertest.Fault { return k.Silence() },
	"unreachable": func(k *forwardertest.Kafka) *forwardertest.Fault { return k.Unreachable() },
	"leaderless":  func(k *forwardertest.Kafka) *forwardertest.Fault { return k.Leaderless("events") },
}

// ctx ends the wait at its deadline, whatever the brokers do.
func TestDeadline_calls(t *testing.T) {
	both(t, func(t *testing.T, p delivering) {
		for name, start := range outages {
			punctual(t, name, func(t *testing.T, m *measurement) {
				k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
				f := p.open(t, k)
				var l ledger
				l.send(within(t, time.Minute), t, f, 1, 10)
				l.waiting.Wait()
				fault := start(k)
				defer fault.Stop()

				m.start()
				var forward, all, async late
				var calls sync.WaitGroup
				for i := range 100 {
					_, b := l.make(t, int64(i+1), 1000)
					calls.Go(func() {
						forward.call(func(ctx context.Context) {
							assert.ErrorIs(t, f.Forward(ctx, b), context.DeadlineExceeded)
						})
					})
					calls.Go(func() {
						all.call(func(ctx context.Context) {
							for _, err := range f.ForwardAll(ctx, slices.Repeat([]*batch.Batch{b}, 5)) {
								assert.ErrorIs(t, err, context.DeadlineExceeded)
							}
						})
					})
					calls.Add(1)
					deadline := time.Now().Add(patience)
					ctx, cancel := context.WithDeadline(context.Background(), deadline)
					f.ForwardAsync(ctx, b, func(err error) {
						defer calls.Done()
						defer cancel()
						async.add(time.Since(deadline))
						assert.ErrorIs(t, err, context.DeadlineExceeded)
					})
				}
				calls.Wait()
				m.stop()
				m.check(t, &forward, "Forward", 100)
				m.check(t, &all, "ForwardAll", 100)
				m.check(t, &async, "ForwardAsync", 100)

				start := time.Now()
				require.NoError(t, f.Close())
				t.Logf("Close after %v", time.Since(start))
				assert.Less(t, time.Since(start), machine.Allow(time.Second, start))
			})
		}
	})
}

// A full buffer blocks, and ctx ends that, too: not sent.
func TestDeadline_fullBuffer(t *testing.T) {
	long(t)
	both(t, func(t *testing.T, p delivering) {
		for name, start := range outages {
			if p.stock && name != "silent" {
				continue
			}
			punctual(t, name, func(t *testing.T, m *measurement) {
				k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
				s := k.Settings()
				s.Delivery.MaxMessageBytes, s.Delivery.MaxBufferedBytes = 2000, 29_500
				if p.stock {
					s.Delivery.MaxBufferedBytes += 6 * 420 // it holds more of each message
				}
				f := p.start(t, s)
				fault := start(k)
				defer fault.Stop()
				var l ledger
				for i := range 6 { // of about 4,600 bytes of memory each: all that fit
					l.send(within(t, 5*time.Minute), t, f, int64(i+1), 1000)
				}
				m.start()
				var returned, async, shutdown late
				var calls sync.WaitGroup
				for i := range 100 {
					e, b := l.make(t, int64(i+1), 1000)
					calls.Add(2)
					go func() {
						defer calls.Done()
						returned.call(func(ctx context.Context) {
							deadline, _ := ctx.Deadline()
							f.ForwardAsync(ctx, b, func(err error) {
								defer calls.Done()
								async.add(time.Since(deadline))
								assert.ErrorIs(t, err, context.DeadlineExceeded)
								assert.True(t, forwarder.NothingSent(err))
								l.note(e, err)
							})
						})
					}()
				}
				calls.Wait()
				for range 3 {
					shutdown.call(func(ctx context.Context) {
						err := f.Shutdown(ctx)
						assert.ErrorIs(t, err, context.DeadlineExceeded)
						assert.ErrorContains(t, err, "6 messages undecided")
					})
				}
				m.stop()
				m.check(t, &returned, "ForwardAsync on a full buffer returns", 100)
				m.check(t, &async, "ForwardAsync on a full buffer is done", 100)
				m.check(t, &shutdown, "Shutdown", 3)

				fault.Stop()
				require.NoError(t, f.Shutdown(within(t, 60*time.Second)), "all that is undecided is decided")
				l.settle(t.Context())
				assert.Equal(t, tally{acknowledged: 6, notSent: 100}, l.check(t, k, 12))
			})
		}
	})
}

func TestDeadline_newAndPing(t *testing.T) {
	for name, start := range outages {
		punctual(t, name, func(t *testing.T, m *measurement) {
			k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
			f := open(t, k)
			fault := start(k)
			defer fault.Stop()
			m.start()
			var created, ping late
			var calls sync.WaitGroup
			for range 10 {
				calls.Go(func() {
					created.call(func(ctx context.Context) {
						f, err := forwarder.New(ctx, k.Settings(), quiet())
						if err == nil {
							f.Close()
						}
						assert.Error(t, err)
					})
				})
				calls.Go(func() {
					ping.call(func(ctx context.Context) { assert.Error(t, f.Ping(ctx)) })
				})
			}
			calls.Wait()
			m.stop()
			m.check(t, &created, "New", 10)
			m.check(t, &ping, "Ping", 10)
		})
	}
}

// What was handed over when its callers left is decided once the brokers are
// back, in order, nothing twice.
func TestDeadline_thenBack(t *testing.T) {
	both(t, func(t *testing.T, p delivering) {
		for name, start := range outages {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				k := forwardertest.NewKafka(t, forwardertest.WithBrokers(3))
				f := p.open(t, k)
				var l ledger
				for i := range 100 {
					l.send(t.Context(), t, f, int64(i%20+1), 100)
				}
				fault := start(k)
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				for i := range 400 {
					l.send(ctx, t, f, int64(i%20+1), 100)
				}
				<-ctx.Done()
				for i := range 100 { // these go behind
					l.send(t.Context(), t, f, int64(i%20+1), 100)
				}
				fault.Stop()
				require.NoError(t, f.Shutdown(within(t, 90*time.Second)))
				l.settle(t.Context())
				sum := l.check(t, k, 12)
				t.Logf("%+v", sum)
				assert.Zero(t, sum.unknown)
				assert.GreaterOrEqual(t, sum.acknowledged, 200)
			})
		}
	})
}

// A thousand batches of one call, or of as many, and as many partitions that
// wait.
func TestDeadline_many(t *testing.T) {
	both(t, func(t *testing.T, p delivering) {
		punctual(t, "silent", func(t *testing.T, m *measurement) {
			k := forwardertest.NewKafka(t, forwardertest.WithTopic("events", 500))
			f := p.open(t, k)
			var l ledger
			var bs []*batch.Batch
			for i := range 5000 {
				_, b := l.make(t, int64(i+1), 10)
				bs = append(bs, b)
			}
			fault := k.Silence()
			defer fault.Stop()
			m.start()
			var all late
			all.call(func(ctx context.Context) {
				for _, err := range f.ForwardAll(ctx, bs) {
					assert.ErrorIs(t, err, context.DeadlineExceeded)
				}
			})
			m.stop()
			m.check(t, &all, "ForwardAll", 1)
		})
	})
}
