// Package explaining says what would become of batches in a file.
package explaining

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/eventferry/eventferry/batch"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/settings"
)

// File explains each batch of a file, or of the standard input if path is "".
func File(ctx context.Context, path string, s settings.Settings, routes []forwarder.Route, out io.Writer) (err error) {
	in, opts := os.Stdin, []forwarder.Option{}
	if path != "" {
		if in, err = os.Open(path); err != nil {
			return err
		}
		defer in.Close()
	}
	if len(routes) > 0 {
		opts = append(opts, forwarder.WithExplainedRoutes(routes...))
	}
	for b, err := range batch.Read(in, 0) {
		if err != nil {
			return err
		}
		e, err := forwarder.Explain(ctx, s, b, opts...)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, e)
	}
	return nil
}
