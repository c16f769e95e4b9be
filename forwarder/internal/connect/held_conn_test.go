package connect

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A write that is held reaches the socket when it may, whatever deadline it had
// before, and never if it must not.
func TestHeldConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := &heldConn{Conn: near, writeTimeout: time.Second}
		b := &Broker{held: c}
		got := make(chan string, 10)
		go func() {
			buf := make([]byte, 10)
			for {
				n, err := far.Read(buf)
				if err != nil {
					close(got)
					return
				}
				got <- string(buf[:n])
			}
		}()
		write := func(s string) error {
			require.NoError(t, c.SetWriteDeadline(time.Now().Add(time.Second)))
			_, err := c.Write([]byte(s))
			return err
		}

		require.NoError(t, write("free"))
		assert.Equal(t, "free", <-got)

		may := make(chan error)
		b.BeforeWrite(func() error { return <-may })
		written := make(chan error, 1)
		go func() { written <- write("held") }()
		<-time.After(time.Minute) // far beyond the deadline
		synctest.Wait()
		assert.Empty(t, got)
		may <- nil
		require.NoError(t, <-written)
		assert.Equal(t, "held", <-got)

		no := errors.New("not today")
		b.BeforeWrite(func() error { return no })
		require.ErrorIs(t, write("never"), no)
		b.BeforeWrite(nil)
		require.NoError(t, write("free again"))
		assert.Equal(t, "free again", <-got)

		b.LimitWrites(4)
		require.Equal(t, &WriteTooLargeError{Bytes: 5, Limit: 4}, write("above"))
		require.NoError(t, write("upto"))
		assert.Equal(t, "upto", <-got)
		asked := false
		b.BeforeWrite(func() error { asked = true; return nil })
		require.Equal(t, &WriteTooLargeError{Bytes: 5, Limit: 4}, write("above"))
		assert.True(t, asked, "the wait comes first")
		b.BeforeWrite(nil)
		b.LimitWrites(0)
		require.NoError(t, write("above"))
		assert.Equal(t, "above", <-got)
		require.NoError(t, near.Close())
		_, open := <-got
		assert.False(t, open)
	})
}
