package receiver_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder/receiver"
	"github.com/eventferry/eventferry/settings"
)

// printer stands for a forwarder.
type printer struct{}

func (printer) Forward(_ context.Context, b *batch.Batch) error {
	fmt.Fprintf(os.Stdout, "forwarded: %s\n", b.AppendJSON(nil))
	return nil
}

func (p printer) ForwardAll(ctx context.Context, bs []*batch.Batch) []error {
	for _, b := range bs {
		_ = p.Forward(ctx, b)
	}
	return nil
}

// A webhook of mParticle posts one batch. A second post of the same one, as after a
// lost answer, is kept no second time.
func ExampleReceiver_Webhook() {
	feeds, err := receiver.StaticFeeds(receiver.Feed{Name: "hook", Secrets: []settings.Secret{settings.NewSecret("Bearer of-good-news")}})
	if err != nil {
		panic(err)
	}
	r, err := receiver.New(printer{}, feeds,
		receiver.WithTrustedProxies(netip.MustParsePrefix("127.0.0.0/8")), // a proxy there has TLS
		receiver.WithObserver(receiver.Observer{Done: func(_ context.Context, info receiver.Info) {
			fmt.Printf("%s: %s, %d events\n", info.Feed, info.Outcome, info.Events)
		}}),
	)
	if err != nil {
		panic(err)
	}
	server := httptest.NewServer(r.Webhook())
	defer server.Close()

	for range 2 {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, server.URL, strings.NewReader(`{"mpid":7,"message_id":"m-1","events":[]}`))
		if err != nil {
			panic(err)
		}
		req.Header.Set("Authorization", "Bearer of-good-news")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			panic(err)
		}
		resp.Body.Close()
		fmt.Println(resp.Status)
	}
	// Output:
	// forwarded: {"mpid":7,"message_id":"m-1","events":[]}
	// hook: kept, 0 events
	// 200 OK
	// hook: repeated, 0 events
	// 200 OK
}

// A server SDK posts to the Events API; what arrives is what mParticle would send on.
func ExampleReceiver_ServerAPI() {
	feeds, err := receiver.StaticFeeds(receiver.Feed{Name: "shop", APIKey: "us1-1234", Secrets: []settings.Secret{settings.NewSecret("secret")}})
	if err != nil {
		panic(err)
	}
	r, err := receiver.New(printer{}, feeds,
		receiver.WithTrustedProxies(netip.MustParsePrefix("127.0.0.0/8")),
		receiver.WithInboundFormat()) // without this, ids and times are added
	if err != nil {
		panic(err)
	}
	server := httptest.NewServer(r.ServerAPI())
	defer server.Close()

	post := func(body string) {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, server.URL+"/v2/events", strings.NewReader(body))
		if err != nil {
			panic(err)
		}
		req.SetBasicAuth("us1-1234", "secret")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			panic(err)
		}
		defer resp.Body.Close()
		var answer strings.Builder
		_ = resp.Write(&answer)
		_, text, _ := strings.Cut(answer.String(), "\r\n\r\n")
		fmt.Println(strings.TrimSpace(resp.Status + " " + text))
	}
	post(`{"mpid":"7","environment":"DEVELOPMENT"}`)
	post(`{"mpid":"seven"}`)
	// Output:
	// forwarded: {"mpid":7,"environment":"development"}
	// 202 Accepted
	// 400 Bad Request {"errors":[{"code":"BAD_REQUEST","message":"batch: mpid: not a 64-bit integer at byte 8"}]}
}
