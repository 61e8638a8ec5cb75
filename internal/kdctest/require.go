package kdctest

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// absent skips the test, or fails it where peer, as WEFKA_REQUIRE names it, has to be there.
func absent(t testing.TB, peer string, reason error) {
	t.Helper()
	if os.Getenv("CI") == "true" || slices.Contains(strings.Split(os.Getenv("WEFKA_REQUIRE"), ","), peer) {
		t.Fatalf("%s is required: %v", peer, reason)
	}
	t.Skipf("no %s here: %v", peer, reason)
}

// program finds a program, also where users other than root do not look.
func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/" + name)
}

// programs finds all of them, or says which one is missing.
func programs(names ...string) (map[string]string, error) {
	found := map[string]string{}
	for _, name := range names {
		path, err := program(name)
		if err != nil {
			return nil, err
		}
		found[name] = path
	}
	return found, nil
}

// Python is an interpreter that has the module gssapi (Debian's python3-gssapi): a client that shares no line with ours.
func Python(t testing.TB) string {
	t.Helper()
	var last error
	for _, python := range []string{"/usr/bin/python3", "python3"} { // Debian's module belongs to Debian's interpreter
		out, err := exec.Command(python, "-c", "import gssapi.raw; gssapi.raw.wrap_iov").CombinedOutput()
		if err == nil {
			return python
		}
		last = fmt.Errorf("%s: %w: %s", python, err, out)
	}
	absent(t, "gssapi", last)
	return ""
}
