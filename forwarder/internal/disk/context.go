package disk

import "context"

type wrapKey struct{}

// NewContext returns a context with which package spool gives its folder to wrap and
// works on what that returns. Tests let a disk fail by it.
func NewContext(ctx context.Context, wrap func(FS) FS) context.Context {
	return context.WithValue(ctx, wrapKey{}, wrap)
}

// Wrapped returns fs, or what the context makes of it.
func Wrapped(ctx context.Context, fs FS) FS {
	if wrap, ok := ctx.Value(wrapKey{}).(func(FS) FS); ok {
		return wrap(fs)
	}
	return fs
}
