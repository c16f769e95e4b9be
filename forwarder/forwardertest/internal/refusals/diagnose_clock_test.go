package refusals

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/eventferry/eventferry/forwarder"
)

// TestDiagnose_clock compares this host's clock with what the controller says of its
// own, as Kafka 3.3 and newer do.
func TestDiagnose_clock(t *testing.T) {
	const ok, warning, skipped = forwarder.CheckOK, forwarder.CheckWarning, forwarder.CheckSkipped
	for name, tt := range map[string]struct {
		off       time.Duration // the controller's clock
		code      *kerr.Error
		release   string
		status    forwarder.CheckStatus
		found, do string
	}{
		"alike":       {0, nil, "v3.7", ok, `^this host is [\d.]+m?s (ahead of|behind) the controller \(give or take [\d.]+m?s\)$`, ""},
		"ahead":       {-time.Hour, nil, "v4.3", warning, `^this host is (59m59\.\d+|1h0m[\d.]+)s ahead of the controller `, "set the clocks: messages are stamped by this host's"},
		"behind":      {time.Hour, nil, "v3.7", warning, `^this host is (59m59\.\d+|1h0m[\d.]+)s behind the controller `, "set the clocks: messages are stamped by this host's"},
		"not granted": {0, kerr.ClusterAuthorizationFailed, "v3.7", skipped, `^the user may not see the controller's time$`, "grant DESCRIBE on the cluster to have it compared"},
		"old":         {0, nil, "v3.2", skipped, `^the broker tells no time: needs Kafka 3.3 or newer, with KRaft$`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startDevious(t, "", answers{
				kmsg.ApiVersions: ofRelease(tt.release, kmsg.DescribeQuorum),
				kmsg.DescribeQuorum: answering(func(req *kmsg.DescribeQuorumRequest, resp *kmsg.DescribeQuorumResponse) {
					if tt.code != nil {
						resp.ErrorCode = tt.code.Code
						return
					}
					quorumAt(req, resp, time.Now().Add(tt.off))
				}),
			})
			report := forwarder.Diagnose(t.Context(), s)
			c := check(t, report, "clock", "")
			assert.Equal(t, tt.status, c.Status, report)
			assert.Regexp(t, tt.found, c.Found)
			assert.Equal(t, tt.do, c.Do)
		})
	}
}

// quorumAt answers as a controller at this time, whose one follower fetched a second
// ago and whose one observer never did.
func quorumAt(req *kmsg.DescribeQuorumRequest, resp *kmsg.DescribeQuorumResponse, now time.Time) {
	for _, asked := range req.Topics {
		topic := kmsg.NewDescribeQuorumResponseTopic()
		topic.Topic = asked.Topic
		for _, p := range asked.Partitions {
			part := kmsg.NewDescribeQuorumResponseTopicPartition()
			part.Partition, part.LeaderID, part.HighWatermark = p.Partition, 1, 7
			for id, at := range []int64{now.UnixMilli(), now.Add(-time.Second).UnixMilli(), -1} {
				state := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
				state.ReplicaID, state.LogEndOffset, state.LastFetchTimestamp, state.LastCaughtUpTimestamp = int32(id+1), 7, at, at
				if at < 0 {
					part.Observers = append(part.Observers, state)
				} else {
					part.CurrentVoters = append(part.CurrentVoters, state)
				}
			}
			topic.Partitions = append(topic.Partitions, part)
		}
		resp.Topics = append(resp.Topics, topic)
	}
}

// ofRelease answers with the versions of a release of Kafka, and these requests if it
// has KRaft.
func ofRelease(name string, kraft ...kmsg.Key) func(kmsg.Request) kmsg.Response {
	return answering(func(_ *kmsg.ApiVersionsRequest, resp *kmsg.ApiVersionsResponse) {
		versions := kversion.FromString(name)
		if name > "v3.2" {
			for _, key := range kraft {
				versions.SetMaxKeyVersion(int16(key), 1)
			}
		}
		versions.EachMaxKeyVersion(func(key, version int16) {
			k := kmsg.NewApiVersionsResponseApiKey()
			k.ApiKey, k.MaxVersion = key, version
			resp.ApiKeys = append(resp.ApiKeys, k)
		})
	})
}
