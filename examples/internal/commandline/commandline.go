// Package commandline finds the command of a program that has several, with its flags.
package commandline

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/eventferry/eventferry/examples/internal/version"
)

// A Command is what a program does by one name.
type Command struct {
	Run         func(context.Context) error
	Least, Most int                 // arguments
	Flags       func(*flag.FlagSet) // adds its own to -config; nil: it has none
}

// A Call is a line that was typed.
type Call struct {
	Command

	Name, File string // File is that of -config
	Args       []string
}

// Parse returns the call that args are, or nil if nothing is left to do: the program was
// asked for its version or its usage, which is written to out, or for the flags of a
// command, which are written to the standard error.
func Parse(program, usage string, commands map[string]Command, args []string, out io.Writer) (*Call, error) {
	if len(args) == 0 {
		return nil, errors.New(usage)
	}
	switch strings.TrimLeft(args[0], "-") {
	case "version":
		_, err := fmt.Fprintln(out, program, version.Text())
		return nil, err
	case "h", "help":
		_, err := fmt.Fprintln(out, usage)
		return nil, err
	}
	c, known := commands[args[0]]
	if !known {
		return nil, errors.New(usage)
	}
	call := &Call{Command: c, Name: args[0]}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.StringVar(&call.File, "config", "", "the configuration, a JSON file; variables of the environment win over its settings")
	if c.Flags != nil {
		c.Flags(flags)
	}
	err := flags.Parse(args[1:])
	call.Args = flags.Args()
	switch n := len(call.Args); {
	case errors.Is(err, flag.ErrHelp):
		return nil, nil // they are printed
	case err != nil:
		return nil, err
	case n < c.Least || n > c.Most:
		return nil, fmt.Errorf("%s does not take %q: %s", args[0], call.Args, usage)
	default:
		return call, nil
	}
}
