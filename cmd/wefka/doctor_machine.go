package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/wefka/wefka/output/fetch"
	"github.com/wefka/wefka/subscriptions"
	"github.com/wefka/wefka/subscriptions/compacted"
)

func (d *doctor) state() {
	if d.config.shares() {
		d.ok("STA-001", "the state is in topic "+d.config.State.Topic)
		d.stateTopic()
		return
	}
	path := d.config.path(d.config.State.Path)
	folder := filepath.Dir(path)
	switch _, err := os.Stat(path); {
	case d.running:
		d.ok("STA-001", "the running server has "+path)
	case errors.Is(err, fs.ErrNotExist):
		d.newState(path, folder)
	default:
		store, err := subscriptions.OpenBolt(path)
		if err != nil {
			d.failure("STA-001", err, "mend or move it away: with no state every host begins anew")
			break
		}
		n := 0
		for range store.All() {
			n++
		}
		store.Close()
		d.ok("STA-001", fmt.Sprintf("%s has %d bookmarks", path, n))
	}
	d.room(folder)
}

// newState looks whether the file could be made, and makes nothing.
func (d *doctor) newState(path, folder string) {
	const writable = 2
	if err := syscall.Access(folder, writable); err != nil {
		d.fail("STA-001", fmt.Sprintf("%s is not there, and its folder cannot be written: %v", path, err), "make "+folder+" and give it to the user that wefka runs as")
		return
	}
	d.ok("STA-001", path+" is not there yet: every host would begin anew")
}

// room is what a file needs: some hundred bytes a host and subscription, and as much again while bbolt grows.
func (d *doctor) room(folder string) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return
	}
	free := uint64(s.Bavail) * uint64(s.Bsize)
	const enough = 256 << 20
	fact := fmt.Sprintf("%s has %d MiB free", folder, free>>20)
	if free < enough {
		d.warn("STA-002", fact, "a full disk stops acknowledgements: make room")
		return
	}
	d.ok("STA-002", fact)
}

func (d *doctor) stateTopic() {
	p, err := d.config.producer([]string{d.config.State.Topic}, nil)
	if err != nil {
		return // said of Kafka already
	}
	defer p.Close(d.ctx)
	topic := d.config.State.Topic
	if err := p.Check(d.ctx); err != nil {
		d.fail("STA-003", err.Error(), fmt.Sprintf(compacted.Command, topic))
		return
	}
	warnings, err := compacted.Check(d.ctx, &fetch.Topic{Transport: p.Transport(topic), Brokers: p.Brokers(), Name: topic})
	for _, w := range warnings {
		d.warning("STA-003", w, "mend the topic")
	}
	if err != nil {
		d.failure("STA-003", err, "mend the topic")
	} else if len(warnings) == 0 {
		d.ok("STA-003", "topic "+topic+" is compacted")
	}
}

// machine looks at what the kernel and the service manager allow.
func (d *doctor) machine() {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err == nil {
		const fleet = 65536
		fact := fmt.Sprintf("%d descriptors, one a connected host", files.Max)
		if files.Max < fleet {
			d.warn("LIM-001", fact, "LimitNOFILE=1048576 in the unit, or ulimit -n")
		} else {
			d.ok("LIM-001", fact)
		}
	}
	if memory := memoryLimit(); memory > 0 {
		wanted := int64(d.config.Limits.InFlight) + int64(d.config.Kafka.Buffer) + 256<<20
		fact := fmt.Sprintf("%d MiB of memory; limits.in_flight and kafka.buffer may take %d MiB with the rest", memory>>20, wanted>>20)
		if memory < wanted {
			d.warn("LIM-002", fact, "more memory, or lower both")
		} else {
			d.ok("LIM-002", fact)
		}
	}
	if n, err := strconv.Atoi(firstLine("/proc/sys/net/core/somaxconn")); err == nil {
		if n < 1024 {
			d.warn("LIM-003", fmt.Sprintf("net.core.somaxconn is %d", n), "sysctl -w net.core.somaxconn=4096")
		} else {
			d.ok("LIM-003", fmt.Sprintf("net.core.somaxconn is %d", n))
		}
	}
}

// memoryLimit is what this process may use, in bytes: of its control group, else of the machine; 0 if not known.
func memoryLimit() int64 {
	_, group, _ := strings.Cut(firstLine("/proc/self/cgroup"), "::")
	if n, err := strconv.ParseInt(firstLine(filepath.Join("/sys/fs/cgroup", group, "memory.max")), 10, 64); err == nil {
		return n
	}
	fields := strings.Fields(firstLine("/proc/meminfo"))
	if len(fields) < 2 {
		return 0
	}
	n, _ := strconv.ParseInt(fields[1], 10, 64)
	return n << 10
}

func firstLine(file string) string {
	b, _ := os.ReadFile(file)
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

// host looks for one Windows host, from here and in the memory of the running server.
func (d *doctor) host(name string) {
	addresses, err := net.DefaultResolver.LookupHost(d.ctx, name)
	if err != nil {
		d.warn("HST-001", fmt.Sprintf("%s is not in DNS: %v", name, err), "wefka does not need it; is the name spelled as the host spells it?")
	} else {
		d.ok("HST-001", name+" is "+strings.Join(addresses, ", "))
	}
	if !d.running {
		d.skip("HST-002", "no server runs")
		return
	}
	var said struct {
		Verdict string
		Causes  []struct{ Reason, Evidence, Remedy string }
	}
	switch err := d.p.admin().get(d.ctx, "/api/v1/hosts/"+name+"/explain", &said); {
	case err != nil:
		d.warn("HST-002", err.Error(), "wefka hosts list --search "+name)
	case len(said.Causes) == 0:
		d.ok("HST-002", said.Verdict)
	default:
		for _, c := range said.Causes {
			d.warn("HST-002", c.Reason+": "+c.Evidence, c.Remedy)
		}
	}
}
