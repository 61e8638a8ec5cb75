package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

func (p *program) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the collector",
		Long: `Runs the collector until TERM or INT: it then takes no new work, finishes what it has in hand and stops; a second signal ends it
at once. HUP, or a change of a file, reloads the configuration, subscriptions and certificates; a reload that fails leaves everything as it was.`,
		Example: "  wefka check --config /etc/wefka/wefka.yaml && wefka serve --config /etc/wefka/wefka.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := p.loadConfig()
			if err != nil {
				return err
			}
			if problems := config.Validate(); len(problems) > 0 {
				return errors.Join(append(problems, errInvalid)...)
			}
			var level slog.LevelVar
			log, err := p.logger(config.Log, &level)
			if err != nil {
				return err
			}
			if p.logLevel == "" {
				config.level = &level
			}
			p.limitMemory(log)
			hup := make(chan os.Signal, 1)
			signal.Notify(hup, syscall.SIGHUP)
			defer signal.Stop(hup)
			return serve(cmd.Context(), config, log, hup, nil)
		},
	}
}

// stopTimeout bounds a clean stop: the delivery deadline of what is in hand, and a little for the rest.
const stopTimeout = 35 * time.Second

// serve builds the house, runs it until ctx ends or a room fails, and takes it down from the front door to the back. ready, if
// not nil, is called once everything listens.
//
//	hosts ══ TLS ══► wsman.Server ──► subscriptions.Manager ──► output.Kafka ──► producer ══► Kafka
//	                 one a listener     │  ▲                        acknowledged by all replicas ◄══╝
//	                      Ack ◄─────────┘  │ bookmark, after Kafka and before the Ack
//	                                       ▼
//	                      subscriptions.Bolt | compacted.Store  admin: /livez /readyz /metrics
func serve(ctx context.Context, config *Config, log *slog.Logger, reload <-chan os.Signal, ready func(*house)) error {
	h, err := build(config, log)
	if err != nil {
		return err
	}
	group, running := errgroup.WithContext(ctx)
	for _, l := range h.listeners {
		group.Go(func() error {
			if err := l.server.Serve(l.socket); err != nil {
				return fmt.Errorf("listener %s: %w", l.config.Name, err)
			}
			return nil
		})
	}
	group.Go(func() error { return h.admin.serve() })
	group.Go(func() error { return h.watch(running, reload) })
	group.Go(func() error { return h.pulse.run(running) })
	group.Go(func() error { h.checkKafka(running); return nil })
	systemd := supervisor{log}
	group.Go(func() error { return systemd.watch(running, func() { h.checks() }) })
	group.Go(func() error {
		<-running.Done()
		log.Info("stopping")
		systemd.stopping()
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		return h.close(stop)
	})
	for _, l := range h.listeners {
		log.Info("listening", "listener", l.config.Name, "address", l.socket.Addr().String())
	}
	h.admin.announce()
	log.Info("ready")
	systemd.ready()
	if ready != nil {
		ready(h)
	}
	err = group.Wait()
	if err != nil && ctx.Err() == nil {
		return err
	}
	if err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	log.Info("stopped")
	return nil
}
