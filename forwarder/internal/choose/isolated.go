package choose

import (
	"sync"

	"github.com/eventferry/eventferry/partition"
)

// endedGoroutine is what Isolated panics with for a function that did not return.
type endedGoroutine struct{}

// Isolated returns f, called on a goroutine of its own: an f that ends its goroutine
// (runtime.Goexit, as testing's FailNow does) would else end one of the producer's, with
// what that holds. It panics then, and with what f panics with.
func Isolated(f partition.Func) partition.Func {
	return func(key []byte, partitions int32) (chosen int32) {
		failure := any(endedGoroutine{})
		var call sync.WaitGroup
		call.Go(func() {
			defer func() {
				if v := recover(); v != nil {
					failure = v
				}
			}()
			chosen = f(key, partitions)
			failure = nil
		})
		call.Wait()
		if failure != nil {
			panic(failure)
		}
		return chosen
	}
}
