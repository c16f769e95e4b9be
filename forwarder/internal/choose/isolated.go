package choose

import (
	"sync"

	"github.com/eventferry/eventferry/partition"
)

// endedGoroutine is what Isolated panics with for a function that did not return.
type endedGoroutine struct{}

// Isolated returns a function that calls f on a goroutine of its own. Otherwise an f that
// ends its goroutine (runtime.Goexit, as testing's FailNow does) would end one of the
// producer's. The function panics then, and where f panics.
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
