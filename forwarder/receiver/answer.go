package receiver

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// An answer is what a request gets. One without problems has no body.
type answer struct {
	status     int
	problems   []apiProblem
	retryAfter time.Duration // 0: none is said
	close      bool          // the connection is of no more use
}

// An apiProblem is one entry of the errors in an answer, in the form of mParticle's
// Events API.
type apiProblem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// The codes. mParticle's documentation has only the first.
const (
	codeBadRequest  = "BAD_REQUEST"
	codeCredentials = "UNAUTHORIZED"
	codeForbidden   = "FORBIDDEN"
	codeNotFound    = "NOT_FOUND"
	codeMethod      = "METHOD_NOT_ALLOWED"
	codeTooLarge    = "TOO_LARGE"
	codeEncoding    = "UNSUPPORTED_ENCODING"
	codeAlias       = "ALIAS_REQUEST"
	codeOverload    = "OVERLOADED"
	codeUnavailable = "UNAVAILABLE"
	codeInternal    = "INTERNAL"
)

func problemAnswer(status int, code, message string) answer {
	return answer{status: status, problems: []apiProblem{{code, message}}}
}

// tryLater is for what may work later, and not at once.
func tryLater(message string) answer {
	a := problemAnswer(http.StatusServiceUnavailable, codeUnavailable, message)
	a.retryAfter = jitter(5*time.Second, 10*time.Second)
	return a
}

// jitter returns a whole number of seconds from low to high: SDKs read nothing but
// an integer, and take 0 as leave to try again at once.
func jitter(low, high time.Duration) time.Duration {
	return low + time.Second*time.Duration(rand.IntN(int((high-low)/time.Second)+1)) //nolint:gosec // no secret
}

// write sends the answer.
func (a *answer) write(w http.ResponseWriter) {
	h := w.Header()
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(a.retryAfter/time.Second)))
	}
	if a.close {
		h.Set("Connection", "close")
	}
	if len(a.problems) == 0 {
		w.WriteHeader(a.status)
		return
	}
	text, err := json.Marshal(struct {
		Errors []apiProblem `json:"errors"`
	}{a.problems})
	if err != nil {
		panic(err) // strings can be marshalled
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(a.status)
	_, _ = w.Write(text) // a client that is gone gets no answer
}
