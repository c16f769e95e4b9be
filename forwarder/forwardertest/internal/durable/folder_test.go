package durable

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/forwarder/spool"
	"github.com/eventferry/eventferry/settings"
)

const lockedVariable = "EVENTFERRY_TEST_LOCKED_FOLDER"

// A second process gets a LockedError.
func TestFolder_locked(t *testing.T) {
	if dir := os.Getenv(lockedVariable); dir != "" { // the second process
		_, err := spool.Open(t.Context(), dir, small())
		var locked *spool.LockedError
		require.ErrorAs(t, err, &locked)
		assert.Equal(t, dir, locked.Dir)
		return
	}
	dir := t.TempDir()
	s := openSpool(t, dir, small())
	second := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFolder_locked$") //nolint:gosec // this program
	second.Env = append(os.Environ(), lockedVariable+"="+dir)
	out, err := second.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, s.Close())
	openSpool(t, dir, small())
}

// A folder with pending messages of another topic is refused, and taken once they
// are delivered.
func TestFolder_otherTopic(t *testing.T) {
	k, dir := forwardertest.NewKafka(t, forwardertest.WithTopic("events", 3), forwardertest.WithTopic("others", 3)), t.TempDir()
	down := k.Unreachable()
	s := openSpool(t, dir, small())
	f := start(t, k, s)
	storeSome(t, f, 0, 5)
	require.NoError(t, f.Close())

	others := k.Settings()
	others.TopicName = "others"
	_, err := forwarder.New(t.Context(), others, forwarder.WithSpool(s), forwarder.WithoutProbe())
	var wrong *spool.TopicError
	require.ErrorAs(t, err, &wrong)
	assert.Equal(t, spool.TopicError{Dir: dir, Topic: "events", Messages: 5}, *wrong)

	down.Stop()
	f = start(t, k, s)
	drainAll(t, f)
	g, err := forwarder.New(t.Context(), others, forwarder.WithSpool(s), forwarder.WithLogger(quiet))
	require.NoError(t, err)
	defer g.Close()
	require.NoError(t, g.Forward(t.Context(), makeBatch(t, 0)))
	require.NoError(t, g.Close())
	assert.Len(t, k.Messages(t, "others"), 1)
	requireOnce(t, k, 5)
}

// A topic of the same name in another cluster is another one: what may have been written to
// the former is in doubt, and goes out under other numbers, since the new brokers may know
// the old ones from somebody else.
func TestFolder_otherCluster(t *testing.T) {
	before, after, dir := forwardertest.NewKafka(t), forwardertest.NewKafka(t), t.TempDir()
	lost := before.LoseAnswers(forwardertest.Produce, forwardertest.UntilStopped)
	s := openSpool(t, dir, small())
	f := start(t, before, s)
	storeSome(t, f, 0, 1)
	require.NoError(t, lost.Wait(within(t, patience), 1))
	require.NoError(t, f.Close())
	require.NoError(t, s.Close())

	for range 3 { // so that ids are the same there as they were here
		g := start(t, after, openSpool(t, t.TempDir(), small()))
		require.NoError(t, g.Forward(t.Context(), makeBatch(t, 7)))
		require.NoError(t, g.Close())
	}
	s = openSpool(t, dir, small())
	doubts := make(chan forwarder.DoubtInfo, 2)
	f = start(t, after, s, forwarder.WithObserver(forwarder.Observer{
		Doubted: func(_ context.Context, i forwarder.DoubtInfo) { doubts <- i },
	}))
	storeSome(t, f, 1, 5)
	drainAll(t, f)
	require.Len(t, doubts, 1)
	assert.Equal(t, 1, (<-doubts).Messages)
	requireOnce(t, before, 1)
	count := map[string]int{}
	for _, m := range after.Messages(t, "events") {
		count[member(m)]++
	}
	assert.Equal(t, map[string]int{"7": 3, "0": 1, "1": 1, "2": 1, "3": 1, "4": 1}, count)
}

// One forwarder uses a spool at a time.
func TestFolder_twoForwarders(t *testing.T) {
	k := forwardertest.NewKafka(t)
	s := openSpool(t, t.TempDir(), small())
	f := start(t, k, s)
	_, err := forwarder.New(t.Context(), k.Settings(), forwarder.WithSpool(s))
	require.ErrorContains(t, err, "in use by another forwarder")
	require.NoError(t, f.Close())
	start(t, k, s)
}

// A damaged segment costs the batches that lay there, and no others.
func TestFolder_damaged(t *testing.T) {
	k, dir := forwardertest.NewKafka(t), t.TempDir()
	down := k.Unreachable()
	s := openSpool(t, dir, small())
	f := start(t, k, s)
	storeSome(t, f, 0, 100)
	require.NoError(t, f.Close())
	require.NoError(t, s.Close())
	damageOneByte(t, dir, `{"n":50}`)

	down.Stop()
	s = openSpool(t, dir, small())
	f = start(t, k, s)
	drainAll(t, f)
	messages := k.Messages(t, "events")
	assert.Len(t, messages, 99)
	forwardertest.NoDuplicates(t, messages, member)
	forwardertest.OrderedPerUser(t, messages, member)
	damage := s.Damage()
	require.Len(t, damage, 1)
	assert.Equal(t, 1, damage[0].Messages)
	assert.Positive(t, damage[0].Offset)
	assert.NotContains(t, damage[0].Error(), "custom_event")
}

// damageOneByte changes one byte of the text in the file that has it.
func damageOneByte(t *testing.T, dir, text string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	for _, name := range files {
		data, err := os.ReadFile(name) //nolint:gosec // in a folder of the test
		require.NoError(t, err)
		if at := strings.Index(string(data), text); at >= 0 {
			data[at+2] ^= 0xff
			require.NoError(t, os.WriteFile(name, data, 0o600))
			return
		}
	}
	require.Fail(t, "no file has "+text)
}

// Without its control file a folder does not know what was sent: all goes out
// again, or, with Hold, moves to the refused part. This is also the control of
// requireOnce: it finds what is twice.
func TestFolder_withoutControlFile(t *testing.T) {
	for name, c := range map[string]struct {
		doubt   spool.Doubt
		refused int
		total   int
	}{
		"SendAgain": {spool.SendAgain, 0, 20},
		"Hold":      {spool.Hold, 10, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, dir, o := forwardertest.NewKafka(t), t.TempDir(), small()
			s := openSpool(t, dir, o)
			f := start(t, k, s)
			storeSome(t, f, 0, 10)
			drainAll(t, f)
			require.NoError(t, s.Close())
			require.NoError(t, os.Remove(filepath.Join(dir, "control")))

			o.OnDoubt = c.doubt
			doubts := make(chan forwarder.DoubtInfo, 2)
			s = openSpool(t, dir, o)
			f = start(t, k, s, forwarder.WithObserver(forwarder.Observer{
				Doubted: func(_ context.Context, i forwarder.DoubtInfo) { doubts <- i },
			}))
			drainAll(t, f)
			require.Len(t, doubts, 1)
			info := <-doubts
			require.ErrorContains(t, info.Cause, "what was sent is damaged or missing")
			assert.Equal(t, forwarder.DoubtInfo{Partition: -1, Messages: 10, Held: c.doubt == spool.Hold, Cause: info.Cause}, info)
			assert.Equal(t, c.refused, s.Stats().Refused)
			messages := k.Messages(t, "events")
			assert.Len(t, messages, c.total)
			assert.Equal(t, c.total == 10, forwardertest.NoDuplicates(new(silent), messages, member))
			for m, err := range s.Refused() {
				require.NoError(t, err)
				assert.Contains(t, m.Reason, "may be in Kafka already")
				assert.Equal(t, "events", m.Topic)
				require.NoError(t, m.Discard())
				require.ErrorIs(t, m.Discard(), spool.ErrNotRefused)
				require.ErrorIs(t, m.PutAgain(t.Context()), spool.ErrNotRefused)
			}
			assert.Zero(t, s.Stats().Refused)
		})
	}
}

// silent takes the failures of a check that is to fail.
type silent struct{ testing.TB }

func (*silent) Helper()                   {}
func (*silent) Errorf(string, ...any)     {}
func (*silent) Error(...any)              {}
func (*silent) Logf(string, ...any)       {}
func (*silent) Fatalf(f string, _ ...any) { panic(f) }

// New refuses what cannot go together.
func TestNew_mistakes(t *testing.T) {
	k := forwardertest.NewKafka(t)
	s := openSpool(t, t.TempDir(), small())
	withDir := k.Settings()
	withDir.Spool.Dir = t.TempDir()
	for name, c := range map[string]struct {
		settings settings.Settings
		options  []forwarder.Option
		want     string
	}{
		"nil":                                {k.Settings(), []forwarder.Option{forwarder.WithSpool(nil)}, "the spool is nil"},
		"two":                                {withDir, []forwarder.Option{forwarder.WithSpool(s)}, "WithSpool replaces the setting spool.dir"},
		"Sarama's producer":                  {k.Settings(), []forwarder.Option{forwarder.WithSpool(s), forwarder.WithSaramaProducer()}, "WithSaramaProducer"},
		"Sarama's producer, by the settings": {withDir, []forwarder.Option{forwarder.WithSaramaProducer()}, "WithSaramaProducer"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := forwarder.New(t.Context(), c.settings, c.options...)
			require.ErrorContains(t, err, c.want)
		})
	}
	start(t, k, s) // nothing has kept it
}

// Without a spool there is nothing to store in.
func TestStore_withoutSpool(t *testing.T) {
	k := forwardertest.NewKafka(t)
	f, err := forwarder.New(t.Context(), k.Settings(), forwarder.WithLogger(quiet))
	require.NoError(t, err)
	defer f.Close()
	err = f.Store(t.Context(), makeBatch(t, 0))
	require.ErrorIs(t, err, forwarder.ErrNoSpool)
	assert.True(t, forwarder.NothingSent(err))
	assert.False(t, forwarder.Kept(err))
	assert.Nil(t, f.Spool())
}
