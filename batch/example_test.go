package batch_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/eventferry/eventferry/batch"
)

// filtered runs a filter on a copy of a batch and returns what is left.
func filtered(f batch.FilterFunc, text string) string {
	b, err := batch.Parse([]byte(text))
	if err != nil {
		return err.Error()
	}
	c := b.Clone()
	if err := f(context.Background(), c); err != nil {
		return err.Error()
	}
	return string(c.AppendJSON(nil))
}

// Drop the events named "ping".
func dropPings(_ context.Context, b *batch.Batch) error {
	b.DropEvents("ping", func(e batch.Event) bool { return e.Name() == "ping" })
	return nil
}

func ExampleFilterFunc_dropEvents() {
	fmt.Println(filtered(dropPings, `{"events":[
  {"data":{"event_name":"ping"},"event_type":"custom_event"},
  {"data":{"event_name":"order"},"event_type":"custom_event"}
],"mpid":7}`))
	// Output:
	// {"events":[
	//   {"data":{"event_name":"order"},"event_type":"custom_event"}
	// ],"mpid":7}
}

// Keep only what comes from production.
func onlyProduction(_ context.Context, b *batch.Batch) error {
	if environment, _ := b.At("environment").Text(); environment != "production" {
		return batch.Drop("not from production")
	}
	return nil
}

func ExampleDrop() {
	fmt.Println(filtered(onlyProduction, `{"environment":"production","mpid":7}`))
	fmt.Println(filtered(onlyProduction, `{"environment":"development","mpid":7}`))
	// Output:
	// {"environment":"production","mpid":7}
	// batch: dropped: not from production
}

// Hash the email address wherever it stands.
func hashEmail(_ context.Context, b *batch.Batch) (err error) {
	for kind, id := range b.Identities() {
		if text, ok := id.Text(); ok && kind == "email" {
			err = errors.Join(err, id.Set(hash(text)))
		}
	}
	return err
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(text)))
	return hex.EncodeToString(sum[:4])
}

func ExampleBatch_Identities() {
	fmt.Println(filtered(hashEmail, `{"user_identities":{"customer_id":"c1","email":"Ann@example.com"}}`))
	fmt.Println(filtered(hashEmail, `{"user_identities":[{"identity_type":"email","identity":"ann@example.com"}]}`))
	fmt.Println(filtered(hashEmail, `{"events":[{"event_type":"user_identity_change","data":{"new":{"identity_type":"email","identity":"ann@example.com"},"old":null}}]}`))
	// Output:
	// {"user_identities":{"customer_id":"c1","email":"71d4f55f"}}
	// {"user_identities":[{"identity_type":"email","identity":"71d4f55f"}]}
	// {"events":[{"event_type":"user_identity_change","data":{"new":{"identity_type":"email","identity":"71d4f55f"},"old":null}}]}
}

// Keep one user in ten, always the same ones.
func oneInTen(_ context.Context, b *batch.Batch) error {
	sum := fnv.New32a()
	id, _ := b.UserID()
	if fmt.Fprint(sum, id); sum.Sum32()%10 != 0 {
		return batch.Drop("not in the sample")
	}
	return nil
}

func ExampleBatch_UserID() {
	kept := 0
	for id := range 1000 {
		b, _ := batch.Parse(fmt.Appendf(nil, `{"mpid":%d}`, id))
		if oneInTen(context.Background(), b) == nil {
			kept++
		}
	}
	fmt.Println(kept)
	// Output: 104
}

// Say of every user where the data went through.
func addRegion(_ context.Context, b *batch.Batch) error {
	return b.At("user_attributes", "region").Set("eu")
}

func ExampleBatch_At() {
	fmt.Println(filtered(addRegion, `{"user_attributes":{"plan":"gold"},"mpid":7}`))
	fmt.Println(filtered(addRegion, `{"user_attributes":null,"mpid":7}`))
	// Output:
	// {"user_attributes":{"plan":"gold","region":"eu"},"mpid":7}
	// {"user_attributes":{"region":"eu"},"mpid":7}
}

// Say of every user where the data came from. What is wrong with a batch does not
// pass, so a caller that sends it again would never be done.
func addOrigin(_ context.Context, b *batch.Batch) error {
	return batch.MarkPermanent(b.At("user_attributes", "origin").Set("web"))
}

func ExampleMarkPermanent() {
	fmt.Println(filtered(addOrigin, `{"user_attributes":{"plan":"gold"},"mpid":7}`))
	fmt.Println(filtered(addOrigin, `{"user_attributes":"gold","mpid":7}`))
	// Output:
	// {"user_attributes":{"plan":"gold","origin":"web"},"mpid":7}
	// batch: set: what should hold the member is not an object
}

func ExampleParse() {
	b, err := batch.Parse([]byte(`{
  "mpid": 7346244611012968789,
  "environment": "production",
  "events": [
    {"event_type": "CUSTOM_EVENT", "data": {"event_name": "order", "custom_attributes": {"total": "12.50"}}},
    {"event_type": "session_end", "data": {"session_duration_ms": 4200}}
  ]
}`))
	if err != nil {
		panic(err)
	}
	user, known := b.UserID()
	environment, _ := b.At("environment").Text()
	fmt.Println(user, known, environment)
	for i, e := range b.Events() {
		total, _ := e.At("data", "custom_attributes", "total").Text()
		duration, _ := e.At("data", "session_duration_ms").Int64()
		fmt.Printf("%d %s %q %q %d\n", i, e.Type(), e.Name(), total, duration)
	}
	// Output:
	// 7346244611012968789 true production
	// 0 custom_event "order" "12.50" 0
	// 1 session_end "" "" 4200
}

func ExampleError() {
	_, err := batch.Parse([]byte(`{"mpid":7,"events":[{"event_type":"profile"},{"data":{}}]}`))
	if bad, ok := errors.AsType[*batch.Error](err); ok {
		fmt.Printf("%s: %s, at byte %d\n", bad.Member, bad.Reason, bad.Offset)
	}
	// Output:
	// events[1].event_type: missing, at byte 45
}

func ExampleValue_Remove() {
	b, err := batch.Parse([]byte(`{"ip":"203.0.113.9","context":{"location":{"latitude":1},"data_plan":{}},"ip":"203.0.113.10"}`))
	if err != nil {
		panic(err)
	}
	for _, path := range [][]string{{"ip"}, {"context", "location"}, {"not", "there"}} {
		if err := b.At(path...).Remove(); err != nil {
			panic(err)
		}
	}
	fmt.Printf("%s\n", b.AppendJSON(nil))
	// Output:
	// {"context":{"data_plan":{}}}
}

func ExampleValue_All() {
	b, err := batch.Parse([]byte(`{"user_attributes":{"plan":"gold","$Mobile":"555-0100","$Zip":"8001"},"mpid":7}`))
	if err != nil {
		panic(err)
	}
	for name, v := range b.At("user_attributes").All() {
		if !strings.HasPrefix(name, "$") {
			continue
		}
		if err := v.Remove(); err != nil { // also during the iteration
			panic(err)
		}
	}
	fmt.Printf("%s\n", b.AppendJSON(nil))
	// Output:
	// {"user_attributes":{"plan":"gold"},"mpid":7}
}

func ExampleBatch_DropTypes() {
	b, err := batch.Parse([]byte(`{"events":[{"event_type":"breadcrumb"},{"event_type":"Screen_View"},{"event_type":"profile"}]}`))
	if err != nil {
		panic(err)
	}
	n := b.DropTypes("navigation", func(eventType string) bool {
		return eventType == batch.Breadcrumb || eventType == batch.ScreenView
	})
	fmt.Printf("%d dropped: %s\n", n, b.AppendJSON(nil))
	fmt.Println(b.Dropped())
	// Output:
	// 2 dropped: {"events":[{"event_type":"profile"}]}
	// [{navigation 2}]
}

func ExampleBatch_Clone() {
	b, err := batch.Parse([]byte(`{"mpid":7,"ip":"203.0.113.9"}`))
	if err != nil {
		panic(err)
	}
	c := b.Clone()
	if err := c.At("ip").Remove(); err != nil {
		panic(err)
	}
	fmt.Printf("%s\n%s\n", b.AppendJSON(nil), c.AppendJSON(nil))
	// Output:
	// {"mpid":7,"ip":"203.0.113.9"}
	// {"mpid":7}
}

func ExampleRead() {
	stream := strings.NewReader(`{"events":[],"mpid":1}
{"mpid":"testMPID"} {"mpid":"2"} {"mpid":`)
	for b, err := range batch.Read(stream, 1_000_000) {
		if err != nil {
			fmt.Println(err)
			continue // with the next one, if it is certain where that begins
		}
		id, _ := b.UserID()
		fmt.Println(id, b)
	}
	// Output:
	// 1 batch(0 events, 22 bytes)
	// batch: mpid: not a 64-bit integer at byte 31
	// 2 batch(0 events, 12 bytes)
	// batch: unexpected end (depth 1) at byte 64
}

func ExampleBatch_AppendEvents() {
	b, err := batch.Parse([]byte(`{"events":[{"event_type":"session_start"},{"event_type":"session_end"}],"mpid":7}`))
	if err != nil {
		panic(err)
	}
	for i := range b.NumEvents() {
		fmt.Printf("%s\n", b.AppendEvents(nil, i, i+1))
	}
	// Output:
	// {"events":[{"event_type":"session_start"}],"mpid":7}
	// {"events":[{"event_type":"session_end"}],"mpid":7}
}
