package main

import (
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// limitMemory tells the garbage collector what the process may have: it then collects sooner instead of being killed. It leaves a fifth for
// what Go does not count. GOMEMLIMIT has the last word.
func (p *program) limitMemory(log *slog.Logger) {
	if _, set := p.env("GOMEMLIMIT"); set {
		return
	}
	if allowed := cgroupMemory(os.DirFS("/")); allowed < math.MaxInt64 {
		limit := allowed / 5 * 4
		debug.SetMemoryLimit(limit)
		log.Info("memory is limited by the control group", "bytes", allowed, "limit", limit)
	}
}

// cgroupMemory is the least that the process's control groups allow, from its own up to the root: memory.max of version 2,
// memory.limit_in_bytes of version 1 (Linux, Documentation/admin-guide). MaxInt64: as much as there is.
func cgroupMemory(root fs.FS) int64 {
	least := int64(math.MaxInt64)
	groups, _ := fs.ReadFile(root, "proc/self/cgroup") // no Linux, no limit
	for line := range strings.Lines(string(groups)) {
		// hierarchy:controllers:path; version 2 is 0::path
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, _ := strings.Cut(rest, ":")
		base, name := "sys/fs/cgroup", "memory.max"
		if controllers == "memory" {
			base, name = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if controllers != "" {
			continue
		}
		// Inside a container the path may be one of the outside: then only the root of it is there.
		for group = path.Join("/", group); ; group = path.Dir(group) {
			text, _ := fs.ReadFile(root, path.Join(base, group, name))
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n < 1<<60 { // version 1 says "none" with a huge number
				least = min(least, n)
			}
			if group == "/" {
				break
			}
		}
	}
	return least
}
