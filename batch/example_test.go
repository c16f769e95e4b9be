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

func ExampleRead() {
	stream := strings.NewReader(`{"events":[],"mpid":1}
{"mpid":"2"} {"mpid":3.5}`)
	for b, err := range batch.Read(stream, 1_000_000) {
		if err != nil {
			fmt.Println(err)
			break
		}
		id, _ := b.UserID()
		fmt.Println(id, b)
	}
	// Output:
	// 1 batch(0 events, 22 bytes)
	// 2 batch(0 events, 12 bytes)
	// batch: mpid: not a 64-bit integer at byte 44
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
