package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/wefka/wefka/internal/kafkatest"
)

// simulate --verify reads back what was promised, by flags or by the configuration, and says by its exit code whether it is there.
func TestVerify(t *testing.T) {
	broker := kafkatest.Fake(t, 3, 6, "wef.lab", "wef.dead", "wef.elsewhere").ListenAddrs()[0]
	l := newLab(t, broker, "lab", sysmonQuery, "json")
	s := l.serve()
	for _, row := range []struct {
		name    string
		args    []string
		code    int
		missing int64
		says    string
	}{
		{"by flags", []string{"--kafka", broker, "--topics", "wef.lab,wef.dead"}, exitOK, 0, "verify: 500 acked, 500 found, 0 missing, 0 duplicated, 0 out of order"},
		{"by configuration", []string{"--config", l.path("wefka.yaml")}, exitOK, 0, "verify: 500 acked, 500 found"},
		{"elsewhere", []string{"--kafka", broker, "--topics", "wef.elsewhere"}, exitProblems, 500, "missing: 490 more, all in the report"},
		{"no such topic", []string{"--kafka", broker, "--topics", "wef.none"}, exitFailure, 0, "wef.none"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := l.simulate(append([]string{"--hosts", "5", "--events", "500", "--verify"}, row.args...)...)
			err := <-f.done
			var exit *exec.ExitError
			if code := f.cmd.ProcessState.ExitCode(); code != row.code || err != nil && !errors.As(err, &exit) {
				t.Fatalf("exit code %d, want %d: %v\n%s", code, row.code, err, f.stderr.String())
			}
			if !strings.Contains(f.stderr.String(), row.says) {
				t.Errorf("stderr does not say %q:\n%s", row.says, f.stderr.String())
			}
			if row.code == exitFailure {
				return
			}
			var report simulation
			data, err := os.ReadFile(f.reportFile())
			if err == nil {
				err = json.Unmarshal(data, &report)
			}
			if err != nil || report.Verify == nil || report.Verify.Missing != row.missing || int64(len(report.Verify.Which.Missing)) != row.missing || report.Events.Acked != 500 {
				t.Errorf("%v %s", err, data)
			}
		})
	}
	s.stop(t)
}
