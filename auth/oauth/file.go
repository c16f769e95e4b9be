package oauth

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/eventferry/eventferry/settings"
)

// maxTokenFile is far above any token.
const maxTokenFile = 64 << 10

// A File is a [TokenSource] that reads a file for each token: the projected token of a
// Kubernetes service account, or one that an agent of the identity provider renews.
// White space around the token is not part of it.
type File struct {
	// Path is the file's path. Required.
	Path string
}

// Token reads the file. Its errors name the file, and hold nothing of the token.
func (f File) Token(context.Context) (settings.Secret, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return settings.Secret{}, fmt.Errorf("oauth: token file: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxTokenFile+1))
	if err != nil {
		return settings.Secret{}, fmt.Errorf("oauth: token file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	switch {
	case len(text) > maxTokenFile:
		return settings.Secret{}, fmt.Errorf("oauth: token file %q is too large to be a token", f.Path)
	case token == "":
		return settings.Secret{}, fmt.Errorf("oauth: token file %q is empty", f.Path)
	}
	return settings.NewSecret(token), nil
}
