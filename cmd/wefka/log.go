package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/mattn/go-isatty"
)

// logger writes to stderr; flags win over the configuration. level can be changed while it is in use.
func (p *program) logger(c LogConfig, level *slog.LevelVar) (*slog.Logger, error) {
	text := c.Level
	if p.logLevel != "" {
		text = p.logLevel
	}
	var l slog.Level
	if err := l.UnmarshalText([]byte(text)); err != nil {
		return nil, usagef("log level %q: use debug, info, warn or error", text)
	}
	level.Set(l)
	format := c.Format
	if p.logFormat != "" {
		format = p.logFormat
	}
	options := &slog.HandlerOptions{Level: level}
	switch {
	case format == "json" || format == "auto" && !terminal(p.stderr):
		return slog.New(slog.NewJSONHandler(p.stderr, options)), nil
	case format == "text" || format == "auto":
		return slog.New(slog.NewTextHandler(p.stderr, options)), nil
	}
	return nil, usageError{fmt.Errorf("log format %q: use text or json", format)}
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
