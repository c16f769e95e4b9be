// Command mutate shows what tests do not notice. It changes one condition,
// constant, operator, result or statement of a package at a time, runs the
// tests, and prints each change that they all pass. It changes no file: the
// compiler gets the changed one as an overlay.
//
//	go run .ci/mutate/*.go -n 100 ./auth
//	go run .ci/mutate/*.go -n 50 -tests ./forwarder/internal/connect,./forwarder/forwardertest/internal/refusals ./forwarder/internal/connect
//
// Changes that do not compile do not count. The same seed chooses the same
// changes of the same code.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	n := flag.Int("n", 50, "how many changes to try; 0: all")
	seed := flag.Uint64("seed", 1, "chooses the changes")
	tests := flag.String("tests", "", "packages whose tests run, separated by commas, quick ones first (default: the changed packages)")
	files := flag.String("files", "", "change only files whose names contain this")
	limit := flag.Duration("timeout", time.Minute, "how long the tests of one package may take; longer counts as noticed")
	verbose := flag.Bool("v", false, "print the changes that were noticed, too")
	flag.Parse()
	if flag.NArg() == 0 {
		return fmt.Errorf("no package given")
	}

	all, err := mutantsOf(ctx, flag.Args())
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(m mutant) bool { return !strings.Contains(m.file, *files) })
	chance := rand.New(rand.NewPCG(*seed, 0))
	chance.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	packages := flag.Args()
	if *tests != "" {
		packages = strings.Split(*tests, ",")
	}
	r, err := newRunner(packages, *limit)
	if err != nil {
		return err
	}
	defer r.close()
	began := time.Now()
	if verdict, output := r.test(ctx, ""); verdict != survived {
		return fmt.Errorf("the tests do not pass without a change: %s\n%s", verdict, output)
	}
	fmt.Printf("%d possible changes; the tests take %s\n", len(all), time.Since(began).Round(100*time.Millisecond))

	counts := map[verdict]int{}
	for _, m := range all {
		if tried := counts[killed] + counts[timedOut] + counts[survived]; *n > 0 && tried >= *n || ctx.Err() != nil {
			break
		}
		verdict, err := r.try(ctx, m)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			break
		}
		counts[verdict]++
		if verdict == survived || *verbose && verdict != notCompiled {
			fmt.Printf("\n%s: %s\n%s", verdict, m, m.diff())
		}
	}
	fmt.Printf("\n%s: seed %d: %d changes, %d noticed, %d of them by the time limit, %d survived; %d more do not compile; %s\n",
		strings.Join(flag.Args(), " "), *seed, counts[killed]+counts[timedOut]+counts[survived], counts[killed]+counts[timedOut],
		counts[timedOut], counts[survived], counts[notCompiled], time.Since(began).Round(time.Second))
	return ctx.Err()
}
