package forwardertest

import (
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/faultconn"
	"github.com/eventferry/eventferry/settings"
)

// failRecords has brokers answer with an error code for each partition of a
// topic whose record batch matches, so many times each.
func (k *Kafka) failRecords(topic string, code int16, times int, matches func(records []byte) bool) *Fault {
	refusal, id := kafkaError(code), k.topicID(topic)
	var faults []kfake.Fault
	for _, p := range k.partitions(topic, nil) {
		faults = append(faults, kfake.Fault{
			Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Partitions: []int32{p},
			Err: refusal, Count: times,
			When: func(r kmsg.Request) bool {
				req, ok := r.(*kmsg.ProduceRequest)
				return ok && anyRecords(req, func(t *kmsg.ProduceRequestTopic, partition int32, records []byte) bool {
					named := t.Topic == topic || t.Topic == "" && t.TopicID == id // since version 13 of requests
					return named && partition == p && len(records) >= batchHeader && matches(records)
				})
			},
		})
	}
	return k.fail(faults...)
}

// topicID returns the id of a topic, or zeros if there is none of that name.
func (k *Kafka) topicID(topic string) (id [16]byte) {
	_ = k.withCluster(func(c *kfake.Cluster) error {
		if info := c.TopicInfo(topic); info != nil {
			id = info.TopicID
		}
		return nil
	})
	return id
}

// FailCodecs has brokers refuse to write record batches of these codecs with an
// error code, such as UNSUPPORTED_FOR_MESSAGE_FORMAT (43) or
// UNSUPPORTED_COMPRESSION_TYPE (76). It panics for code 0, as [Kafka.Fail] does.
func (k *Kafka) FailCodecs(topic string, code int16, codecs ...settings.Compression) *Fault {
	return k.failRecords(topic, code, UntilStopped, func(records []byte) bool {
		return slices.Contains(codecs, codecOf(records))
	})
}

// ForgetProducerIDs has brokers refuse with an error code, such as
// INVALID_PRODUCER_ID_MAPPING (49) or UNKNOWN_PRODUCER_ID (59), what is written
// to a topic with a producer id that was given out before. It panics for code 0, as
// [Kafka.Fail] does.
func (k *Kafka) ForgetProducerIDs(topic string, code int16) *Fault {
	var mu sync.Mutex
	fresh := map[uint64]bool{}
	learn := k.answers.add(&rule{request: InitProducerID, left: UntilStopped, change: func(a *faultconn.Answer) bool {
		if resp, ok := parseAnswer(a).(*kmsg.InitProducerIDResponse); ok && resp.ErrorCode == 0 {
			mu.Lock()
			defer mu.Unlock()
			fresh[uint64(resp.ProducerID)] = true //nolint:gosec // as the protocol has it
		}
		return false
	}})
	f := k.failRecords(topic, code, UntilStopped, func(records []byte) bool {
		mu.Lock()
		defer mu.Unlock()
		return !fresh[binary.BigEndian.Uint64(records[producerIDAt:])]
	})
	return f.alsoStop(learn.Stop)
}

// clockTolerance is how far a record may be ahead of a broker's clock: the
// default of message.timestamp.after.max.ms since Kafka 3.6.
const clockTolerance = time.Hour

// ShiftClock sets the brokers' clocks off by d. They refuse records that are
// more than an hour ahead of them with INVALID_TIMESTAMP (32), so many times for
// each partition of a topic: after minus two hours all that is stamped now.
func (k *Kafka) ShiftClock(topic string, d time.Duration, times int) *Fault {
	return k.failRecords(topic, kerr.InvalidTimestamp.Code, times, func(records []byte) bool {
		stamp := time.UnixMilli(int64(binary.BigEndian.Uint64(records[maxTimestampAt:]))) //nolint:gosec // as the protocol has it
		return stamp.After(time.Now().Add(d + clockTolerance))
	})
}

// CutOff cuts a broker off from the controllers, but not from its clients:
// others lead its partitions of a topic now, and it does not know. It answers
// metadata as it was, and REQUEST_TIMED_OUT (7) to what is written to
// partitions that it believes to lead, which is not kept. After [Fault.Stop] it
// knows as much as the others.
func (k *Kafka) CutOff(topic string, broker int) (*Fault, error) {
	type view struct{ leader, epoch int32 }
	before, led := map[int32]view{}, []int32(nil)
	err := k.withCluster(func(c *kfake.Cluster) error {
		for _, p := range c.PartitionInfos(topic) {
			before[p.Partition] = view{p.Leader, p.Epoch}
			if int(p.Leader) == broker {
				led = append(led, p.Partition)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	stale := k.answers.add(&rule{request: Metadata, brokers: []int{broker}, left: UntilStopped, change: func(a *faultconn.Answer) bool {
		resp, ok := parseAnswer(a).(*kmsg.MetadataResponse)
		if !ok {
			return false
		}
		for i := range resp.Topics {
			t := &resp.Topics[i]
			if t.Topic == nil || *t.Topic != topic {
				continue
			}
			for j := range t.Partitions {
				if v, ok := before[t.Partitions[j].Partition]; ok {
					t.Partitions[j].Leader, t.Partitions[j].LeaderEpoch = v.leader, v.epoch
				}
			}
		}
		replaceAnswer(a, resp)
		return true
	}})
	f := k.fail(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Produce}, Nodes: []int32{int32(broker)}, Topic: topic, Partitions: led, //nolint:gosec // small
		Err: kerr.RequestTimedOut, Count: UntilStopped,
	})
	for i, p := range led {
		others := k.opts.brokers - 1
		if others == 0 {
			break
		}
		if err := k.MoveLeader(topic, p, (broker+1+i%others)%k.opts.brokers); err != nil {
			return nil, err
		}
	}
	return f.alsoStop(stale.Stop), nil
}

// ThrottleAnswers has brokers answer each request with a throttle time of d and
// then take nothing more on that connection for as long, as a quota does. No
// brokers means all.
func (k *Kafka) ThrottleAnswers(r Request, d time.Duration, brokers ...int) *Fault {
	return k.remember(k.answers.add(&rule{request: r, brokers: brokers, left: UntilStopped, change: func(a *faultconn.Answer) bool {
		resp := parseAnswer(a)
		throttled, ok := resp.(kmsg.SetThrottleResponse)
		if !ok {
			return false
		}
		throttled.SetThrottle(int32(d.Milliseconds())) //nolint:gosec // small
		replaceAnswer(a, resp)
		a.Throttle = d
		return true
	}}))
}

// AnyRequest stands for all requests, where a fault takes one.
const AnyRequest = anyRequest

const answerHeader = 8 // size and correlation id

// parseAnswer returns nil for what it does not understand.
func parseAnswer(a *faultconn.Answer) kmsg.Response {
	req := kmsg.RequestForKey(a.Request)
	if req == nil || len(a.Frame) < answerHeader {
		return nil
	}
	req.SetVersion(a.Version)
	resp := req.ResponseKind()
	body := a.Frame[answerHeader:]
	if hasTags(resp) {
		body = body[1:] // there are none
	}
	if resp.ReadFrom(body) != nil {
		return nil
	}
	return resp
}

func replaceAnswer(a *faultconn.Answer, resp kmsg.Response) {
	frame := slices.Clone(a.Frame[:answerHeader])
	if hasTags(resp) {
		frame = append(frame, 0)
	}
	frame = resp.AppendTo(frame)
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4)) //nolint:gosec // small
	a.Frame = frame
}

// hasTags reports whether the header of an answer has tags: that of ApiVersions
// never has, since clients do not know the version yet.
func hasTags(resp kmsg.Response) bool {
	return resp.IsFlexible() && resp.Key() != int16(kmsg.ApiVersions)
}
