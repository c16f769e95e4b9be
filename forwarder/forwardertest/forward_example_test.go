package forwardertest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/forwarder/forwardertest"
	"github.com/eventferry/eventferry/settings"
)

// A broker hangs for longer than the caller has time. What became of the batch
// is unknown then; Wait waits on, and sends nothing.
func ExampleKafka_Silence() {
	k, f := begin(settings.Default)
	defer k.Close()
	defer f.Close()

	fmt.Println("at first:", f.Forward(context.Background(), event(0)))
	silence := k.Silence()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	err := f.Forward(ctx, event(1))
	fmt.Println("deadline:", errors.Is(err, context.DeadlineExceeded))
	fmt.Println("nothing sent:", forwarder.NothingSent(err), "permanent:", forwarder.Permanent(err))

	silence.Stop()
	if d, ok := errors.AsType[*forwarder.DeliveryError](err); ok {
		fmt.Println("in the end:", d.Wait(context.Background()))
	}
	fmt.Print(whatKafkaHas(k))
	// Output:
	// at first: <nil>
	// deadline: true
	// nothing sent: false permanent: false
	// in the end: <nil>
	// 42: {"mpid":42,"events":[{"event_type":"custom_event","data":{"n":0}}]}
	// 42: {"mpid":42,"events":[{"event_type":"custom_event","data":{"n":1}}]}
}

// One goroutine that does not wait keeps the order of its calls, also when an
// answer is lost on the way. Shutdown waits for all of them.
func ExampleStartKafka_pipelining() {
	k, f := begin(settings.Default)
	defer k.Close()
	defer f.Close()

	ctx := context.Background()
	k.LoseAnswers(forwardertest.Produce, 1)
	for n := range 3 {
		f.ForwardAsync(ctx, event(n), func(err error) {
			if err != nil {
				log.Print(err)
			}
		})
	}
	fmt.Println(f.Shutdown(ctx))
	fmt.Print(whatKafkaHas(k))
	// Output:
	// <nil>
	// 42: {"mpid":42,"events":[{"event_type":"custom_event","data":{"n":0}}]}
	// 42: {"mpid":42,"events":[{"event_type":"custom_event","data":{"n":1}}]}
	// 42: {"mpid":42,"events":[{"event_type":"custom_event","data":{"n":2}}]}
}

// With send_as_batch off each event is a message, in the envelope of its batch.
func ExampleStartKafka_messagePerEvent() {
	k, f := begin(settings.Off)
	defer k.Close()
	defer f.Close()

	b := parse(`{"mpid":42,"events":[{"event_type":"session_start"},{"event_type":"screen_view"}],"environment":"production"}`)
	fmt.Println(f.Forward(context.Background(), b))
	fmt.Print(whatKafkaHas(k))
	// Output:
	// <nil>
	// 42: {"mpid":42,"events":[{"event_type":"session_start"}],"environment":"production"}
	// 42: {"mpid":42,"events":[{"event_type":"screen_view"}],"environment":"production"}
}

// begin starts a Kafka, and a forwarder to it with send_as_batch set.
func begin(sendAsBatch settings.Toggle) (*forwardertest.Kafka, *forwarder.Forwarder) {
	k, err := forwardertest.StartKafka()
	if err != nil {
		panic(err)
	}
	to := k.Settings()
	to.SendAsBatch = sendAsBatch
	f, err := forwarder.New(context.Background(), to)
	if err != nil {
		panic(err)
	}
	return k, f
}

func event(n int) *batch.Batch {
	return parse(fmt.Sprintf(`{"mpid":42,"events":[{"event_type":"custom_event","data":{"n":%d}}]}`, n))
}

func parse(text string) *batch.Batch {
	b, err := batch.Parse([]byte(text))
	if err != nil {
		panic(err)
	}
	return b
}

// whatKafkaHas lists the messages by key and value.
func whatKafkaHas(k *forwardertest.Kafka) string {
	messages, err := forwardertest.Read(context.Background(), k.Settings())
	if err != nil {
		panic(err)
	}
	var text strings.Builder
	for _, m := range messages {
		fmt.Fprintf(&text, "%s: %s\n", m.Key, m.Value)
	}
	return text.String()
}
