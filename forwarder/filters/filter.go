package filters

import (
	"errors"
	"fmt"

	"github.com/eventferry/eventferry/batch"
)

// The reasons by which the filters of this package drop events and batches.
const (
	ReasonEnvironment         = "environment is not forwarded"
	ReasonNoConsent           = "no consent (GDPR)"
	ReasonOptedOut            = "opted out of data sale (CCPA)"
	ReasonMalformedConsent    = "malformed consent"
	ReasonUnplannedEvent      = "unplanned event"
	ReasonMalformedEvent      = "malformed event"
	ReasonUnplannedAttribute  = "unplanned user attribute"
	ReasonMalformedPlan       = "malformed data plan reference"
	ReasonNotInSample         = "not in the sample"
	ReasonNoUser              = "no user to sample by"
	ReasonAttribute           = "attribute rule"
	ReasonUserAttribute       = "user attribute rule"
	ReasonNotLoggedIn         = "user is not logged in"
	ReasonUserAttributeGone   = "user attribute is removed"
	ReasonUserIdentityGone    = "user identity is removed"
	ReasonMalformedUserChange = "malformed user change"
)

// Check returns the mistakes in the arguments that f was built from, joined, and
// nil when there are none or f is no filter of this package. forwarder.New does
// it for each filter it is given.
func Check(f batch.Filter) error {
	if b, ok := f.(*brokenFilter); ok {
		return b.err
	}
	return nil
}

// A mistake is something wrong with one argument of a filter.
type mistake struct {
	field  string // by the name it has in settings, such as "consent.gdpr"
	reason string
}

// A mistakeList collects what is wrong with the arguments of one filter.
type mistakeList []mistake

func (m *mistakeList) add(field, format string, args ...any) {
	*m = append(*m, mistake{field, fmt.Sprintf(format, args...)})
}

// build returns f, or a filter that fails when there are mistakes.
func (m mistakeList) build(f batch.Filter) batch.Filter {
	if len(m) == 0 {
		return f
	}
	return &brokenFilter{mistakes: m, err: m.join()}
}

func (m mistakeList) join() error {
	errs := make([]error, len(m))
	for i, one := range m {
		errs[i] = fmt.Errorf("filters: %s: %s", one.field, one.reason)
	}
	return errors.Join(errs...)
}
