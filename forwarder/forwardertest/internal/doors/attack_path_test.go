package doors

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Only a door's own path, written as it is, leads to it: what a proxy in front may
// read in another way is no path here.
func TestAttack_paths(t *testing.T) {
	h := open(t, nil, nil)
	for line, want := range map[string][]int{
		"POST /webhook HTTP/1.1":                  {200},
		"POST /webhook?a=/v2/events HTTP/1.1":     {200},
		"POST https://door/webhook HTTP/1.1":      {200}, // the form for proxies
		"POST https://other/webhook HTTP/1.1":     {200},
		"POST //webhook HTTP/1.1":                 {404},
		"POST //door/webhook HTTP/1.1":            {404},
		"POST /webhook/ HTTP/1.1":                 {404},
		"POST /webhook/. HTTP/1.1":                {404},
		"POST /./webhook HTTP/1.1":                {404},
		"POST /x/../webhook HTTP/1.1":             {404},
		"POST /x/%2e%2e/webhook HTTP/1.1":         {404},
		"POST /..%2fwebhook HTTP/1.1":             {404},
		"POST /%77ebhook HTTP/1.1":                {404},
		"POST /webhook%00 HTTP/1.1":               {404},
		"POST /webhook%0d%0aX-A:%20b HTTP/1.1":    {404},
		"POST /webhook;x=1 HTTP/1.1":              {404},
		"POST /webhook#v2 HTTP/1.1":               {404},
		"POST /webhook\\..\\v2 HTTP/1.1":          {404},
		"POST /WebHook HTTP/1.1":                  {404},
		"POST /webhook%zz HTTP/1.1":               {400},
		"POST webhook HTTP/1.1":                   {400},
		"POST /web hook HTTP/1.1":                 {400},
		"POST /webhook HTTP/1.1 HTTP/1.1":         {400},
		"POST /webhook HTTP/3.0":                  {505},
		"POST * HTTP/1.1":                         {404, 400},
		"CONNECT /webhook HTTP/1.1":               {405},
		"CONNECT door:443 HTTP/1.1":               {404},
		"OPTIONS * HTTP/1.1":                      {200, 404, 405}, // package net/http answers itself
		"PUT /webhook HTTP/1.1":                   {405},
		"post /webhook HTTP/1.1":                  {405},
		"POST /v2/events HTTP/1.1":                {401}, // the webhook's secret
		"POST /v2/../webhook HTTP/1.1":            {404},
		"POST /v2/bulkevents/historical HTTP/1.1": {404},
	} {
		t.Run(line, func(t *testing.T) {
			c := h.raw(t, line+"\r\nHost: door\r\nAuthorization: "+hookSecret+"\r\nContent-Length: 22\r\nConnection: close\r\n\r\n"+good)
			status, _ := readAnswer(c)
			assert.Contains(t, want, status)
		})
	}
	assert.Len(t, h.kafka.Messages(t, "events"), 4, "those of the door's own path")
	assert.Equal(t, http.StatusOK, h.hook(t.Context(), good))
}
