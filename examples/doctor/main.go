// Doctor says what is wrong between settings and topic, and what to do: it looks at
// names, connections, certificates, credentials, every broker, the topic and the
// user's rights, and writes nothing. It exits with 0 if there is nothing to do, with 1
// if there are warnings, and with 2 if something is in the way or nothing could be
// looked at.
//
//	go run ./examples/doctor                          # the settings of the environment
//	go run ./examples/doctor -settings settings.json  # a file, and what the environment sets
//	go run ./examples/doctor -json
//	go run ./examples/doctor -user-id 7346244611012968789
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/eventferry/eventferry/examples/internal/doctor"
	"github.com/eventferry/eventferry/forwarder"
	"github.com/eventferry/eventferry/partition"
	"github.com/eventferry/eventferry/settings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status, err := run(ctx, os.Stdout, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "doctor:", err)
	}
	os.Exit(status)
}

func run(ctx context.Context, out io.Writer, args []string) (status int, err error) {
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.SetOutput(out)
	settingsFile := flags.String("settings", "", "settings as JSON; the environment's variables win over it")
	asJSON := flags.Bool("json", false, "write JSON")
	userID := flags.String("user-id", "", "also say which partition this user is in, by each hash")
	timeout := flags.Duration("timeout", 30*time.Second, "for all of it")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return doctor.ExitOK, nil // it has printed them
	} else if err != nil {
		return doctor.ExitFailed, err
	}
	user, err := parseUserID(*userID)
	if err != nil {
		return doctor.ExitFailed, err
	}
	s, err := readSettings(*settingsFile)
	if err != nil {
		return doctor.ExitFailed, err
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	report := forwarder.Diagnose(ctx, s)
	places := place(user, report.Partitions)
	if *asJSON {
		err = json.NewEncoder(out).Encode(result{report, places})
	} else {
		_, err = fmt.Fprint(out, report, user.text(places))
	}
	if err != nil {
		return doctor.ExitFailed, err
	}
	return doctor.ExitOf(report.Status()), nil
}

// readSettings reads a file, if one is named, and what the environment sets.
func readSettings(file string) (s settings.Settings, err error) {
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return s, err
		}
		if s, err = settings.Parse(data); err != nil {
			return s, err
		}
	}
	for _, v := range settings.Unknown(os.Environ()) {
		fmt.Fprintln(os.Stderr, "doctor:", v)
	}
	return s, s.SetFromEnv(os.LookupEnv)
}

// A userID is the user to look for; unset: no user.
type userID struct {
	id  int64
	set bool
}

func parseUserID(text string) (userID, error) {
	if text == "" {
		return userID{}, nil
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return userID{}, fmt.Errorf("-user-id: %w", err)
	}
	return userID{id, true}, nil
}

// A result is what -json writes.
type result struct {
	Report forwarder.Report `json:"report"`
	User   map[string]int32 `json:"user_partitions,omitempty"` // by the name of the hash
}

// place returns the user's partition by each hash, nil if it cannot be known.
func place(u userID, partitions int32) map[string]int32 {
	if !u.set || u.id == 0 || partitions == 0 {
		return nil
	}
	key := strconv.AppendInt(nil, u.id, 10)
	return map[string]int32{
		string(settings.Murmur2): partition.Murmur2(key, partitions),
		string(settings.FNV1a):   partition.FNV1a(key, partitions),
		string(settings.CRC32):   partition.CRC32(key, partitions),
	}
}

// text says where the user is, in words.
func (u userID) text(places map[string]int32) string {
	switch {
	case !u.set:
		return ""
	case u.id == 0:
		return "\nuser 0 is no user: each batch without a user id goes to a random partition\n"
	case places == nil:
		return fmt.Sprintf("\nuser %d: the number of partitions is not known\n", u.id)
	}
	text := fmt.Sprintf("\nuser %d is in partition\n", u.id)
	for _, hash := range []settings.Partitioner{settings.Murmur2, settings.FNV1a, settings.CRC32} {
		text += fmt.Sprintf("  %-3d by delivery.partitioner %s\n", places[string(hash)], hash)
	}
	return text
}
