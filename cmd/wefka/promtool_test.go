package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// checkMetrics has promtool look at names, units and texts of an answer of /metrics.
func checkMetrics(t *testing.T, body string) {
	t.Run("promtool", func(t *testing.T) {
		if _, err := exec.LookPath("promtool"); err != nil {
			if os.Getenv("CI") == "true" || slices.Contains(strings.Split(os.Getenv("WEFKA_REQUIRE"), ","), "promtool") {
				t.Fatal("promtool is not installed; .ci/peers installs it")
			}
			t.Skip("promtool is not installed; .ci/peers installs it")
		}
		c := exec.Command("promtool", "check", "metrics")
		c.Stdin = strings.NewReader(body)
		if said, err := c.CombinedOutput(); err != nil || len(said) > 0 {
			t.Errorf("%v: %s", err, said)
		}
	})
}
