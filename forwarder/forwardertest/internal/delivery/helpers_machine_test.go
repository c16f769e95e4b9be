package delivery

import (
	"os"
	"testing"

	"github.com/eventferry/eventferry/forwarder/internal/machineload"
)

// machine says what a busy machine is allowed.
var machine = machineload.Watch()

func TestMain(m *testing.M) {
	code := m.Run()
	machine.Stop()
	os.Exit(code) //nolint:forbidigo // what TestMain is for
}
