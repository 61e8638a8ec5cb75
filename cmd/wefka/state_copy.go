package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/wefka/wefka/subscriptions"
)

func (p *program) stateCommand() *cobra.Command {
	state := &cobra.Command{Use: "state", Short: "Bookmarks and liveness: move them between a file and a topic", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return usagef("%s: say which command", cmd.CommandPath()) }}
	var from, to string
	copying := &cobra.Command{
		Use:   "copy --from PLACE --to PLACE",
		Short: "Copy the state from one place to another, and compare",
		Long: `Copies every host's bookmarks and liveness. A place is bbolt:PATH, bbolt (state.path of the configuration), kafka:TOPIC or kafka (state.topic); how
to reach Kafka stands in the configuration. Stop the collectors first: what they write meanwhile would be missing, and a file that
is in use is refused. The place to copy to must be empty, or hold nothing else than a copy that was broken off. Afterwards both are
compared, state by state. The source is not changed.`,
		Example: "  wefka state copy --from bbolt:/var/lib/wefka/state.db --to kafka",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := p.loadConfig()
			if err != nil {
				return err
			}
			log, err := p.logger(config.Log, new(slog.LevelVar))
			if err != nil {
				return err
			}
			n, err := copyState(cmd.Context(), config, from, to, log, p.stderr)
			if err != nil {
				return err
			}
			fmt.Fprintf(p.stdout, "%d states copied from %s to %s, and compared\n", n, from, to)
			return nil
		},
	}
	copying.Flags().StringVar(&from, "from", "", "bbolt[:PATH] or kafka[:TOPIC]")
	copying.Flags().StringVar(&to, "to", "", "bbolt[:PATH] or kafka[:TOPIC]")
	state.AddCommand(copying)
	return state
}

// place is a store, and how to leave it.
type place struct {
	store
	close func() error
}

// openPlace opens what an operator named. A file is made only where it is to be copied to.
func openPlace(ctx context.Context, config *Config, name string, create bool, log *slog.Logger) (*place, error) {
	backend, where, _ := strings.Cut(name, ":")
	switch backend {
	case "bbolt":
		if where == "" {
			where = config.path(config.State.Path)
		}
		if _, err := os.Stat(where); err != nil && !create {
			return nil, fmt.Errorf("state file: %w", err)
		}
		file, err := subscriptions.OpenBolt(where)
		if err != nil {
			return nil, err
		}
		return &place{file, file.Close}, nil
	case "kafka":
		if where == "" {
			where = config.State.Topic
		}
		p, err := config.producer([]string{where}, log)
		if err != nil {
			return nil, err
		}
		topic := stateTopic(p, where, log)
		end := func() error {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			return errors.Join(topic.Close(), p.Close(ctx))
		}
		topic.Start(nil)
		for {
			limit, cancel := context.WithTimeout(ctx, patience)
			err := topic.Loaded(limit)
			cancel()
			if err == nil {
				return &place{topic, end}, nil
			}
			if topic.Trouble() != nil || ctx.Err() != nil { // else it is only large
				return nil, errors.Join(fmt.Errorf("%s: %w", name, err), end())
			}
		}
	}
	return nil, usagef("%q is no place for state: write bbolt:PATH or kafka", name)
}

const (
	patience = 5 * time.Second // with a topic that cannot be loaded
	copiers  = 256             // so that a store can group their writes
)

// copyState copies, flushes and compares. It returns the number of states.
func copyState(ctx context.Context, config *Config, from, to string, log *slog.Logger, progress io.Writer) (n int, err error) {
	if from == to {
		return 0, usagef("--from and --to are the same")
	}
	source, err := openPlace(ctx, config, from, false, log)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, source.close()) }()
	target, err := openPlace(ctx, config, to, true, log)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, target.close()) }()

	if n, err := differences(target, source); err != nil {
		return 0, err
	} else if n > 0 {
		return 0, fmt.Errorf("%s holds %d states that %s has not or has otherwise; copy into an empty place, so that no newer bookmark is overwritten", to, n, from)
	}
	if n, err = copyAll(ctx, source, target, progress); err != nil {
		return n, err
	}
	if err := target.Flush(ctx); err != nil {
		return n, err
	}
	missing, err := differences(source, target)
	if err == nil && missing > 0 {
		err = fmt.Errorf("%d of %d states are not in %s as they are in %s: is a collector running?", missing, n, to, from)
	}
	return n, err
}

func copyAll(ctx context.Context, source, target store, progress io.Writer) (n int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type entry struct {
		k subscriptions.Key
		s subscriptions.State
	}
	work := make(chan entry)
	var wait sync.WaitGroup
	for range copiers {
		wait.Go(func() {
			for e := range work {
				if err := target.Put(ctx, e.k, e.s); err != nil {
					cancel(err)
				}
			}
		})
	}
	said := time.Now()
	for k, s := range source.All() {
		if ctx.Err() != nil {
			break
		}
		work <- entry{k, s}
		if n++; time.Since(said) > time.Second {
			said = time.Now()
			fmt.Fprintf(progress, "%d states\n", n)
		}
	}
	close(work)
	wait.Wait()
	return n, context.Cause(ctx)
}

// differences counts the states of one that other does not have the same.
func differences(one, other store) (n int, err error) {
	for k, s := range one.All() {
		o, err := other.Get(k)
		if err != nil {
			return n, err
		}
		if !reflect.DeepEqual(s, o) {
			n++
		}
	}
	return n, nil
}
