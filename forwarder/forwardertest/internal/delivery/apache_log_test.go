package delivery

import (
	"crypto/tls"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/eventferry/eventferry/auth"
	"github.com/eventferry/eventferry/forwarder/forwardertest/apachekafka"
	"github.com/eventferry/eventferry/forwarder/forwardertest/internal/machinelock"
	engines "github.com/eventferry/eventferry/forwarder/internal/engine"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/saramaconfig"
	"github.com/eventferry/eventferry/settings"
)

// A record batch was written, its process has died without knowing that, and the
// next one sends a part of it, as it does with what closes connections. Apache Kafka
// answers that the part is out of sequence. Who may read the topic finds the whole in the log;
// for who may not, it is unknown.
func TestApacheLog(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Apache Kafka, and -short is set")
	}
	machinelock.Lock(t)
	for _, version := range []string{apachekafka.Version28, apachekafka.Version39, apachekafka.Version43} {
		t.Run(version, func(t *testing.T) {
			k := apachekafka.New(t, apachekafka.WithVersion(version), apachekafka.WithACLs(),
				apachekafka.WithUser(readsToo, logPassword, settings.SCRAMSHA512), apachekafka.WithUser(writesOnly, logPassword, settings.SCRAMSHA512))
			for user, want := range map[string]producer.Outcome{readsToo: producer.Acknowledged, writesOnly: producer.Unknown} {
				t.Run(user, func(t *testing.T) { testLogOf(t, k, user, want) })
			}
		})
	}
}

const readsToo, writesOnly, logPassword = "reads-too", "writes-only", "pencil"

func testLogOf(t *testing.T, k *apachekafka.Cluster, user string, want producer.Outcome) {
	t.Helper()
	ctx := within(t, time.Minute)
	topic := "log-of-" + user
	require.NoError(t, k.CreateTopic(ctx, topic, 1, nil))
	require.NoError(t, k.Grant(ctx, user, topic, kadm.OpWrite))
	if user == readsToo {
		require.NoError(t, k.Grant(ctx, user, topic, kadm.OpRead))
	}
	s := k.Settings(topic)
	s.UserName, s.Password = user, settings.NewSecret(logPassword)

	before := startLogLife(t, s, nil)
	before.engine.Submit(before.group(1, 3)) // so that neither numbers nor offsets begin with 0
	before.await(t, 3)
	before.engine.Submit(before.group(4, 10))
	before.await(t, 13)
	require.NoError(t, before.engine.Close())
	require.Len(t, before.journal.intents, 2)

	cut := before.journal.intents[1]
	require.Equal(t, []producer.NumberRange{{First: 4, Next: 14}}, cut.Messages)
	cut.Whole, cut.Messages = cut.Messages, []producer.NumberRange{{First: 4, Next: 8}}
	r := producer.Recovered{Intent: cut}
	after := newLogLife()
	for n := uint64(4); n < 14; n++ {
		if g := after.group(n, 1); n < 8 {
			r.Groups = append(r.Groups, g)
		} else {
			r.Rest = append(r.Rest, g)
		}
	}
	after.start(t, s, []producer.Recovered{r})
	after.await(t, 10)
	require.NoError(t, after.engine.Close())
	for n, one := range after.results {
		assert.Equal(t, want, one.Outcome, "message %d: %v", n, one.Err)
		if want == producer.Acknowledged {
			assert.Equal(t, int64(n-1), one.Offset) //nolint:gosec // few
		}
	}
	require.Len(t, after.journal.ends, 1)
	if end := after.journal.ends[0]; want == producer.Acknowledged {
		assert.Equal(t, producer.IntentEnd{Outcome: producer.Written, Offset: 3, Done: cut.Whole}, end)
	} else {
		assert.Equal(t, producer.Doubtful, end.Outcome)
		assert.Equal(t, cut.Whole, end.InDoubt)
	}
	got := k.Messages(t, topic)
	require.Len(t, got, 13, "nothing is there twice")
	for i, m := range got {
		assert.Equal(t, strconv.Itoa(i+1), string(m.Value))
	}
}

// A logLife is an engine with a journal, and what became of its messages by their
// numbers.
type logLife struct {
	engine  *engines.Engine
	journal *notedJournal

	mu      sync.Mutex
	results map[uint64]producer.Result
}

func newLogLife() *logLife {
	return &logLife{journal: &notedJournal{}, results: map[uint64]producer.Result{}}
}

func startLogLife(t *testing.T, s settings.Settings, r []producer.Recovered) *logLife {
	t.Helper()
	l := newLogLife()
	l.start(t, s, r)
	return l
}

func (l *logLife) start(t *testing.T, s settings.Settings, r []producer.Recovered) {
	t.Helper()
	s = s.WithDefaults()
	tc, err := s.TLS.Config()
	require.NoError(t, err)
	cfg, err := saramaconfig.Config(s, &tls.Dialer{Config: tc}, &auth.SCRAM{UserName: s.UserName, Password: s.Password})
	require.NoError(t, err)
	l.engine, err = engines.New(engines.Config{
		Servers: s.Servers(), Topic: s.TopicName, Sarama: cfg, Journal: l.journal, Recovered: r, RefuseDoubtful: true,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.engine.Close()) })
}

// group makes n messages whose numbers begin with first.
func (l *logLife) group(first uint64, n int) *producer.Group {
	g := &producer.Group{Owner: logOwner{l, first}, First: first, Fixed: 1}
	for i := range n {
		g.Messages = append(g.Messages, producer.Message{Key: []byte("key"), Value: fmt.Append(nil, first+uint64(i))}) //nolint:gosec // few
	}
	return g
}

func (l *logLife) await(t *testing.T, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.results) == n
	}, time.Minute, time.Millisecond)
}

type logOwner struct {
	life  *logLife
	first uint64
}

func (o logOwner) Settle(i int, r producer.Result) {
	o.life.mu.Lock()
	defer o.life.mu.Unlock()
	o.life.results[o.first+uint64(i)] = r //nolint:gosec // few
}

// A notedJournal keeps what it is told in memory.
type notedJournal struct {
	mu      sync.Mutex
	intents []producer.Intent
	ends    []producer.IntentEnd
}

func (j *notedJournal) Intend(list []producer.Intent) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.intents = append(j.intents, list...)
	return nil
}

func (j *notedJournal) End(e producer.IntentEnd) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ends = append(j.ends, e)
}
