// Command wefka is a Windows Event Forwarding collector: Windows hosts push their events to it, it publishes them to Kafka and
// acknowledges a host only when Kafka has acknowledged.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	stop := make(chan os.Signal, 2)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-stop
		cancel()
		<-stop
		os.Exit(1) // somebody insists
	}()
	p := &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.LookupEnv}
	os.Exit(p.run(ctx, os.Args[1:]))
}

// program is what a command may touch of the world outside.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) (string, bool)

	config, logLevel, logFormat string // global flags, after the environment
	adminAddress, color         string
}

// Exit codes.
const (
	exitOK       = 0
	exitFailure  = 1
	exitUsage    = 2
	exitProblems = 3
)

// errProblems ends a command that checked, and printed what it found.
var errProblems = errors.New("problems found")

// run executes one command line and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	root := p.root()
	root.SetArgs(args)
	running := false
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		running = true
		return p.environment(cmd)
	}
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errProblems):
		return exitProblems
	case !running || errors.As(err, new(usageError)):
		fmt.Fprintf(p.stderr, "wefka: %v\nSee `%s --help`.\n", err, cmd.CommandPath())
		return exitUsage
	}
	fmt.Fprintf(p.stderr, "wefka: %v\n", err)
	return exitFailure
}

// usageError is a command line that cannot be meant.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "wefka",
		Short: "Windows Event Forwarding into Kafka",
		Long: `wefka collects events that Windows hosts push by Windows Event Forwarding and publishes them to Kafka.
A host gets its Ack only when Kafka has acknowledged its events.

Try it without Windows and without Kafka:   wefka quickstart
Run it:                                     wefka check && wefka serve`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	flags := root.PersistentFlags()
	flags.StringVar(&p.config, "config", "/etc/wefka/wefka.yaml", "main configuration file (WEFKA_CONFIG)")
	flags.StringVar(&p.logLevel, "log-level", "", "debug, info, warn or error; default from the configuration (WEFKA_LOG_LEVEL)")
	flags.StringVar(&p.logFormat, "log-format", "", "text or json; default from the configuration (WEFKA_LOG_FORMAT)")
	flags.StringVar(&p.adminAddress, "admin", "", "socket or URL of a running server, for commands that ask one (WEFKA_ADMIN)")
	flags.StringVar(&p.color, "color", "auto", "auto, always or never")
	root.AddCommand(p.serveCommand(), p.checkCommand(), p.quickstartCommand(), p.simulateCommand(), p.convertCommand(),
		pkiCommand(), p.gpoCommand(), p.manCommand(), p.doctorCommand(), p.schemaCommand(), p.versionCommand(), p.stateCommand(), p.subscriptionsCommand(),
		p.hostsCommand(), p.bookmarksCommand(), p.statusCommand(), p.reloadCommand(), p.configCommand())
	return root
}

// environment fills the global flags that were not given.
func (p *program) environment(cmd *cobra.Command) error {
	for flag, name := range map[string]string{"config": "WEFKA_CONFIG", "log-level": "WEFKA_LOG_LEVEL", "log-format": "WEFKA_LOG_FORMAT", "admin": "WEFKA_ADMIN"} {
		if value, ok := p.env(name); ok && value != "" && !cmd.Flags().Changed(flag) {
			if err := cmd.Flags().Set(flag, value); err != nil {
				return usageError{fmt.Errorf("%s: %w", name, err)}
			}
		}
	}
	switch p.color {
	case "auto", "always", "never":
		return nil
	}
	return usagef("--color %q: use auto, always or never", p.color)
}
