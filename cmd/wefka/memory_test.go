package main

import (
	"math"
	"testing"
	"testing/fstest"
)

func TestCgroupMemory(t *testing.T) {
	for name, row := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no cgroup": {nil, math.MaxInt64},
		"version 2, the parent is tighter": {map[string]string{
			"proc/self/cgroup":                                    "0::/system.slice/wefka.service\n",
			"sys/fs/cgroup/system.slice/memory.max":               "536870912\n",
			"sys/fs/cgroup/system.slice/wefka.service/memory.max": "1073741824\n",
		}, 512 << 20},
		"version 2, no limit": {map[string]string{
			"proc/self/cgroup":                       "0::/wefka.service\n",
			"sys/fs/cgroup/wefka.service/memory.max": "max\n",
		}, math.MaxInt64},
		"in a container, path of the outside": {map[string]string{
			"proc/self/cgroup":         "0::/../docker/8f2a\n",
			"sys/fs/cgroup/memory.max": "268435456\n",
		}, 256 << 20},
		"version 1": {map[string]string{
			"proc/self/cgroup":                                    "11:cpu,cpuacct:/docker/1\n5:memory:/docker/1\n0::/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":          "9223372036854771712\n",
			"sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": "134217728\n",
		}, 128 << 20},
	} {
		files := fstest.MapFS{}
		for path, text := range row.files {
			files[path] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := cgroupMemory(files); got != row.want {
			t.Errorf("%s: %d, want %d", name, got, row.want)
		}
	}
}
