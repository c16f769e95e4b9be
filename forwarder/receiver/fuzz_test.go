package receiver

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/eventferry/eventferry/batch"
)

// FuzzConversion checks that whatever is a batch becomes one of the same user, with
// the same events, without credentials, and that a converted one is converted to
// itself but for what the door overwrites.
func FuzzConversion(f *testing.F) {
	for _, body := range sdkBodies() {
		f.Add([]byte(body), false)
	}
	f.Add([]byte(`{"mpid":"7","mpid":7,"api\u005fkey":"k","user_identities":{"a":{"b":[]}},"events":[{"data":{"product_impressions":[{"products":[null]}]},"event_type":"X"}]}`), true)
	f.Fuzz(func(t *testing.T, data []byte, inbound bool) {
		b, err := batch.Parse(data)
		if err != nil {
			return
		}
		id, known := b.UserID()
		events := b.NumEvents()
		c := &conversion{apiKey: apiKey, inbound: inbound, received: time.UnixMilli(1_700_000_000_000)}
		out, err := c.convert(b)
		if err != nil {
			require.IsType(t, &batch.Error{}, err)
			return
		}
		text := out.AppendJSON(nil)
		again, err := batch.Parse(text)
		require.NoError(t, err)
		require.True(t, json.Valid(text))
		id2, known2 := again.UserID()
		require.Equal(t, id, id2)
		require.Equal(t, known, known2)
		require.Equal(t, known, again.At("mpid").Exists())
		require.Equal(t, events, again.NumEvents())
		require.False(t, again.At("api_key").Exists())
		require.False(t, again.At("api_keys").Exists())
		twice, err := c.convert(again)
		require.NoError(t, err)
		if known || inbound {
			require.Equal(t, string(text), string(twice.AppendJSON(nil)))
		}
	})
}

// FuzzWebhook checks that no body is answered 2xx unless it is kept byte for byte,
// and that what is refused is in quarantine.
func FuzzWebhook(f *testing.F) {
	f.Add([]byte(sample), false)
	f.Add([]byte(` [{"mpid":1},{"mpid":"x"}]`), false)
	f.Add([]byte(`{"request_type":"alias"}`), false)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(sample))
	_ = z.Close()
	f.Add(zipped.Bytes(), true)
	f.Fuzz(func(t *testing.T, data []byte, gzipped bool) {
		b := newBench(t)
		req := request(http.MethodPost, "/", bytes.NewReader(data))
		req.Header.Set("Authorization", hookSecret)
		if gzipped {
			req.Header.Set("Content-Encoding", "gzip")
		}
		w := do(b.webhook, req)
		switch w.Code {
		case http.StatusOK:
			if kept := b.all(); !gzipped && len(kept) == 1 && data[0] != '[' {
				require.True(t, string(data) == kept[0] || bytes.Contains(data, []byte(kept[0])))
			}
			require.Empty(t, b.quarantined())
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			require.NotEmpty(t, b.quarantined())
			require.NotEmpty(t, problems(t, w))
		default:
			t.Fatal(w.Code, w.Body.String())
		}
	})
}
