package diagnose

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/eventferry/eventferry/forwarder/internal/connect"
)

// clocksAgree is how far clocks may differ without a warning.
const clocksAgree = 30 * time.Second

// clock compares this host's clock with the controller's.
func (r *run) clock(ctx context.Context) {
	r.main.run(ctx, stepClock, "", []string{stepCluster}, func() finding {
		t, err := r.links[0].ControllerTime(ctx)
		if err != nil {
			return noTime(err)
		}
		return clockFinding(t)
	})
}

func clockFinding(t connect.ControllerTime) finding {
	ahead, uncertain := t.Ahead()
	direction := "ahead of"
	if ahead < 0 {
		direction = "behind"
	}
	found := fmt.Sprintf("this host is %s %s the controller (give or take %s)",
		ahead.Abs().Round(time.Millisecond), direction, uncertain.Round(time.Millisecond))
	if ahead.Abs()-uncertain > clocksAgree {
		return warn(found, "set the clocks: messages are stamped by this host's")
	}
	return fine(found)
}

// noTime is why the clocks cannot be compared.
func noTime(err error) finding {
	if code, ok := errors.AsType[sarama.KError](err); ok && code == sarama.ErrClusterAuthorizationFailed {
		return leftOut("the user may not see the controller's time", "grant DESCRIBE on the cluster to have it compared")
	}
	return leftOut(connect.Line(err.Error()), "")
}
