package judge

import (
	"bytes"
	"fmt"
	"os"
)

// checkSecrets searches all that the process under test has logged, the texts
// of all errors among it: SecretLeaked.
func (r *run) checkSecrets() error {
	text, err := os.ReadFile(r.log.Name())
	if err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	secrets, err := r.testbed.secrets()
	if err != nil {
		return err
	}
	for name, secret := range secrets {
		if n := bytes.Count(text, []byte(secret)); n > 0 {
			r.checker.add(SecretLeaked, noAttempt(), "%s is %d times in the log", name, n)
		}
	}
	return nil
}

// tail returns the last lines of a file.
func tail(path string) string {
	const most = 4000
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}
