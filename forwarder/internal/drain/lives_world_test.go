package drain

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/eventferry/eventferry/forwarder/internal/disktest"
	"github.com/eventferry/eventferry/forwarder/internal/producer"
	"github.com/eventferry/eventferry/forwarder/internal/spoolstore"
)

// A livesWorld is what outlasts a process: the disk, Kafka, and what callers were told.
type livesWorld struct {
	rand   *rand.Rand
	mood   livesMood
	defect livesDefect
	disk   *disktest.Disk
	life   int

	mu       sync.Mutex
	topics   []*livesTopic
	messages []*livesMessage // by their ids
	step     int             // of the life
	trace    []livesEvent
	found    string // the first thing that is not as promised
	user     string // whose messages that is about
	happened map[string]int
	largest  int64 // bytes of the largest entry
	open     int   // messages that are not in Kafka, and may be stored
}

// A livesTopic is what Kafka has of a topic, and what it is to get.
type livesTopic struct {
	name    string
	count   int32 // of partitions
	written map[livesBatchID][]uint64
	waiting map[string][]*livesMessage // of each user, in the order in which they were accepted
}

// A livesBatchID is what a broker recognises a record batch by.
type livesBatchID struct {
	partition int32
	producer  int64
	sequence  int32
}

// A livesMessage is one message of one topic.
type livesMessage struct {
	id       int
	topic    int
	user     string // empty: none
	stored   bool   // a caller was told so, or a later life has found it
	appended bool   // to the log
	gone     bool   // it was not stored
}

// A livesEvent is a line of the trace.
type livesEvent struct {
	life, step int
	what       string
	topic      int // -1: none, or several
	partition  int32
	user       string // empty: it matters to all
	number     uint64
}

func (e *livesEvent) String() string {
	switch {
	case e.topic < 0 && e.number == 0:
		return fmt.Sprintf("life %d, step %d: %s", e.life, e.step, e.what)
	case e.topic < 0:
		return fmt.Sprintf("life %d, step %d: entry %d of %q %s", e.life, e.step, e.number, e.user, e.what)
	}
	return fmt.Sprintf("life %d, step %d: %s: message %d of %q to topic %d, partition %d", e.life, e.step, e.what, e.number, e.user, e.topic, e.partition)
}

func newLivesWorld(seed uint64, defect livesDefect) *livesWorld {
	r := rand.New(rand.NewPCG(seed, 6)) //nolint:gosec // repeatable
	w := &livesWorld{rand: r, mood: newLivesMood(r), defect: defect, disk: disktest.New(r.Uint64()), happened: map[string]int{}}
	if defect.jumps { // this needs topics that become known far apart
		w.mood.topics, w.mood.late, w.mood.alike, w.mood.learns = 3, 2000, 30, 30
	}
	for i := range w.mood.topics {
		w.topics = append(w.topics, &livesTopic{
			name: fmt.Sprint("topic ", i), count: 1 + r.Int32N(w.mood.partitions),
			written: map[livesBatchID][]uint64{}, waiting: map[string][]*livesMessage{},
		})
	}
	return w
}

// note adds a line to the trace.
func (w *livesWorld) note(e livesEvent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noteLocked(e)
}

func (w *livesWorld) noteLocked(e livesEvent) {
	e.life, e.step = w.life, w.step
	w.trace = append(w.trace, e)
	what := e.what
	if at := strings.IndexAny(what, ",;:0123456789"); at >= 0 {
		what = strings.TrimRight(what[:at], " ")
	}
	w.happened[what]++
}

// say is note of what matters to all.
func (w *livesWorld) say(format string, args ...any) {
	w.note(livesEvent{what: fmt.Sprintf(format, args...), topic: -1})
}

// fault notes what is not as promised. Only the first counts.
func (w *livesWorld) fault(user, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faultLocked(user, format, args...)
}

func (w *livesWorld) faultLocked(user, format string, args ...any) {
	if w.found == "" {
		w.found, w.user = fmt.Sprintf(format, args...), user
		w.noteLocked(livesEvent{what: "FAULT " + w.found, topic: -1})
	}
}

func (w *livesWorld) failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.found != ""
}

// story is the last lines of what happened to the user whom the fault is about.
func (w *livesWorld) story(last int) string {
	var lines []string
	for _, e := range w.trace {
		if e.user == "" || w.user == "" || e.user == w.user {
			lines = append(lines, e.String())
		}
	}
	return strings.Join(lines[max(0, len(lines)-last):], "\n")
}

// newEntry makes an entry for some topics, and notes that it may be stored.
func (w *livesWorld) newEntry(r *rand.Rand, user string, topics []int) (e *spoolstore.Entry, list []*livesMessage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e = &spoolstore.Entry{Topic: w.topics[topics[0]].name}
	if user != "" {
		e.Key = []byte(user)
	}
	size := int64(0)
	for _, topic := range topics {
		for range 1 + r.IntN(w.mood.messages) {
			m := &livesMessage{id: len(w.messages), topic: topic, user: user}
			w.messages = append(w.messages, m)
			list = append(list, m)
			if t := w.topics[topic]; user != "" {
				t.waiting[user] = append(t.waiting[user], m)
			}
			stored := spoolstore.Message{Value: []byte(fmt.Sprint(m.id, " ", strings.Repeat("x", r.IntN(w.mood.bytes))))}
			if topic != topics[0] {
				stored.Topic = w.topics[topic].name
			}
			size += int64(len(stored.Value)+len(user)+producer.Overhead) + messageMemory
			e.Messages = append(e.Messages, stored)
		}
	}
	w.largest = max(w.largest, size)
	w.open += len(list)
	return e, list
}

// livesID is the id of the message with a value; -1: the value is not one of these.
func livesID(value []byte) int {
	digits, _, _ := bytes.Cut(value, []byte(" "))
	id, err := strconv.Atoi(string(digits))
	if err != nil {
		return -1
	}
	return id
}

// stored notes that messages are on the disk for good.
func (w *livesWorld) stored(list []*livesMessage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range list {
		m.stored = true
	}
}

// write appends a record batch to its log, unless it is there.
func (w *livesWorld) write(topic int, b *livesBatch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.topics[topic]
	id := livesBatchID{b.intent.Partition, b.intent.ProducerID, b.intent.FirstSequence}
	var numbers []uint64
	for i := range b.records {
		numbers = append(numbers, b.records[i].number())
	}
	if was, ok := t.written[id]; ok {
		w.noteLocked(livesEvent{what: "is written already", topic: topic, partition: id.partition, user: b.records[0].user(), number: numbers[0]})
		if !slices.Equal(was, numbers) {
			w.faultLocked("", "numbers: %v was written, and is %v now", was, numbers)
		}
		return
	}
	t.written[id] = numbers
	for i := range b.records {
		w.appendLocked(t, id.partition, &b.records[i])
	}
}

func (w *livesWorld) appendLocked(t *livesTopic, partition int32, r *livesRecord) {
	id := livesID(r.message().Value)
	if id < 0 || id >= len(w.messages) || id != r.id {
		w.faultLocked(r.user(), "memory: message %d has other bytes than when it was submitted", r.number())
		return
	}
	m := w.messages[id]
	w.noteLocked(livesEvent{what: "is written", topic: m.topic, partition: partition, user: m.user, number: r.number()})
	if w.topics[m.topic] != t {
		w.faultLocked(m.user, "topic: message %d is in %s", r.number(), t.name)
		return
	}
	if m.appended {
		w.faultLocked(m.user, "twice: message %d of %q", r.number(), m.user)
		return
	}
	m.appended = true
	w.open--
	if m.user == "" {
		return
	}
	switch at := slices.Index(t.waiting[m.user], m); {
	case at > 0:
		w.faultLocked(m.user, "order: message %d of %q is written to %s, partition %d, before %d earlier ones", r.number(), m.user, t.name, partition, at)
	case at < 0:
		w.faultLocked(m.user, "model: message %d of %q was not stored", r.number(), m.user)
	default:
		t.waiting[m.user] = t.waiting[m.user][1:]
	}
}

// reconcile notes what a start has found on the disk, where what a caller was told to be
// stored must be.
func (w *livesWorld) reconcile(pending map[int]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.messages {
		switch {
		case m.appended || m.gone:
		case pending[m.id]:
			m.stored = true
		case m.stored:
			w.faultLocked(m.user, "lost: message with the id %d of %q", m.id, m.user)
		default:
			m.gone = true
			w.open--
		}
	}
	for _, t := range w.topics {
		for user, list := range t.waiting {
			t.waiting[user] = slices.DeleteFunc(list, func(m *livesMessage) bool { return m.gone })
		}
	}
}

// left is how many messages are not in Kafka, and may be stored.
func (w *livesWorld) left() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open
}

// oneEach is how many bytes an entry of each topic takes at most.
func (w *livesWorld) oneEach() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.largest * int64(len(w.topics))
}
