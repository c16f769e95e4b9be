package watch

// apart runs f, a function of the caller's, on a goroutine of its own and waits for it:
// if f ends its goroutine, as FailNow of package testing does, the round must go on.
func apart(f func()) {
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		f()
	}()
	<-returned
}
