package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// supervisor tells systemd how the service does (sd_notify). Under anything else it does nothing.
type supervisor struct{ log *slog.Logger }

func (s supervisor) ready()    { s.say(daemon.SdNotifyReady) }
func (s supervisor) stopping() { s.say(daemon.SdNotifyStopping) }

// reloading must be followed by ready, however the reload went.
func (s supervisor) reloading() {
	s.say(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
}

func (s supervisor) say(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("systemd was not told", "error", err)
	}
}

// watch feeds the watchdog while alive returns, twice in each of its intervals. A collector that hangs is started anew: hosts keep
// what was not acknowledged.
func (s supervisor) watch(ctx context.Context, alive func()) error {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil || interval == 0 {
		return nil
	}
	tick := time.NewTicker(interval / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			alive()
			s.say(daemon.SdNotifyWatchdog)
		}
	}
}
