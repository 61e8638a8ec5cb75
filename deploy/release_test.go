// Package deploy_test builds the release and uses it as those do who install it.
package deploy_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wefka/wefka/internal/corpus"
)

// need skips the test without a program, or fails it where it has to be there.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if os.Getenv("CI") == "true" || slices.Contains(strings.Split(os.Getenv("WEFKA_REQUIRE"), ","), program) {
			t.Fatalf("%s is not installed; .ci/peers installs it", program)
		}
		t.Skipf("%s is not installed; .ci/peers installs it", program)
	}
}

func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	c := exec.Command(program, args...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return string(out)
}

// dist builds the release for this test's architecture.
func dist(t *testing.T) string {
	t.Helper()
	root, out := corpus.Root(t), filepath.Join(t.TempDir(), "dist")
	c := exec.Command("deploy/dist")
	c.Dir, c.Env = root, append(os.Environ(), "ARCHS=amd64", "OUT="+out, "VERSION=v1.2.3", "COMMIT=0123456789ab", "SOURCE_DATE_EPOCH=1790000000")
	if said, err := c.CombinedOutput(); err != nil {
		t.Fatalf("deploy/dist: %v\n%s", err, said)
	}
	return out
}

func TestRelease(t *testing.T) {
	need(t, "dpkg-deb", "rpm2cpio", "cpio", "lintian")
	first := dist(t)
	sums := func(out string) string {
		b, err := os.ReadFile(filepath.Join(out, "SHA256SUMS"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	t.Run("reproducible", func(t *testing.T) {
		if a, b := sums(first), sums(dist(t)); a != b {
			t.Errorf("two runs differ:\n%s\n%s", a, b)
		}
	})
	installed := []string{"usr/bin/wefka", "etc/wefka/wefka.yaml", "etc/wefka/subscriptions.d/sysmon.yaml", "usr/share/man/man1/wefka-serve.1.gz",
		"usr/share/bash-completion/completions/wefka", "usr/share/doc/wefka/README.md"}
	whole := func(t *testing.T, dir string, more ...string) {
		t.Helper()
		for _, file := range append(more, installed...) {
			if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
				t.Error(err)
			}
		}
		if said := run(t, filepath.Join(dir, "usr/bin/wefka"), "version"); !strings.HasPrefix(said, "wefka v1.2.3 (0123456789ab, 2026-09-21T") {
			t.Errorf("version: %s", said)
		}
	}
	t.Run("deb", func(t *testing.T) {
		deb, dir := filepath.Join(first, "wefka_1.2.3_amd64.deb"), t.TempDir()
		run(t, "dpkg-deb", "-x", deb, dir)
		whole(t, dir, "lib/systemd/system/wefka.service", "usr/lib/sysusers.d/wefka.conf", "usr/lib/tmpfiles.d/wefka.conf")
		if files := run(t, "dpkg-deb", "-I", deb, "conffiles"); !strings.Contains(files, "/etc/wefka/wefka.yaml\n") {
			t.Errorf("an upgrade would overwrite the configuration: conffiles are %s", files)
		}
		run(t, "lintian", "--fail-on", "error", "--allow-root", deb)
	})
	t.Run("rpm", func(t *testing.T) {
		dir := t.TempDir()
		run(t, "sh", "-c", `cd "$1" && rpm2cpio "$2" | cpio -idm --quiet --no-absolute-filenames`, "sh", dir, filepath.Join(first, "wefka-1.2.3-1.x86_64.rpm"))
		whole(t, dir, "usr/lib/systemd/system/wefka.service")
	})
	t.Run("apk", func(t *testing.T) {
		dir := t.TempDir()
		run(t, "tar", "--warning=no-unknown-keyword", "-C", dir, "-xzf", filepath.Join(first, "wefka_1.2.3_x86_64.apk"))
		whole(t, dir)
	})
	t.Run("archive", func(t *testing.T) {
		dir := t.TempDir()
		run(t, "tar", "-C", dir, "-xzf", filepath.Join(first, "wefka-v1.2.3-linux-amd64.tar.gz"))
		run(t, filepath.Join(dir, "wefka-v1.2.3-linux-amd64/wefka"), "version")
	})
	t.Run("sbom", func(t *testing.T) {
		b, err := os.ReadFile(filepath.Join(first, "wefka-v1.2.3-linux-amd64.spdx.json"))
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Version  string `json:"spdxVersion"`
			Packages []struct{ Name, VersionInfo string }
		}
		if err := json.Unmarshal(b, &doc); err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, p := range doc.Packages {
			found[p.Name] = p.VersionInfo
		}
		if doc.Version != "SPDX-2.3" || found["github.com/wefka/wefka"] != "v1.2.3" || found["github.com/segmentio/kafka-go"] == "" || found["std"] == "" {
			t.Errorf("%s: %v", doc.Version, found)
		}
	})
	t.Run("image", func(t *testing.T) { image(t, filepath.Join(first, "wefka-v1.2.3-image.oci.tar")) })
}

// image unpacks the container image as an engine would and runs it as the account that it names, with a root that it cannot write.
func image(t *testing.T, file string) {
	dir := t.TempDir()
	run(t, "tar", "-C", dir, "-xf", file)
	blob := func(digest string, into any) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, "blobs", strings.Replace(digest, ":", "/", 1)))
		if err == nil {
			err = json.Unmarshal(b, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	type index struct{ Manifests []struct{ Digest string } }
	var top, platforms index
	b, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil || json.Unmarshal(b, &top) != nil || len(top.Manifests) != 1 {
		t.Fatalf("index.json: %v %s", err, b)
	}
	blob(top.Manifests[0].Digest, &platforms)
	var manifest struct {
		Config struct{ Digest string }
		Layers []struct{ Digest string }
	}
	blob(platforms.Manifests[0].Digest, &manifest)
	var config struct {
		Architecture string
		Config       struct {
			User            string
			Entrypoint, Cmd []string
			Labels          map[string]string
		}
	}
	blob(manifest.Config.Digest, &config)
	if c := config.Config; c.User != "65532:65532" || c.Entrypoint[0] != "/usr/bin/wefka" || c.Cmd[0] != "serve" ||
		c.Labels["org.opencontainers.image.version"] != "v1.2.3" || c.Labels["org.opencontainers.image.licenses"] != "Apache-2.0" {
		t.Errorf("config: %+v", c)
	}
	root := t.TempDir()
	run(t, "tar", "-C", root, "-xzf", filepath.Join(dir, "blobs", strings.Replace(manifest.Layers[0].Digest, ":", "/", 1)))
	if pem, err := os.ReadFile(filepath.Join(root, "etc/ssl/certs/ca-certificates.crt")); err != nil || bytes.Count(pem, []byte("BEGIN")) < 100 {
		t.Errorf("certificate authorities: %v", err)
	}
	if os.Getuid() != 0 {
		t.Log("not root: the program is run outside a root of its own")
		run(t, filepath.Join(root, "usr/bin/wefka"), "version")
		return
	}
	if said := run(t, "unshare", "--mount", "sh", "-c", `mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec chroot --userspec=65532:65532 "$1" /usr/bin/wefka version`,
		"sh", root); !strings.HasPrefix(said, "wefka v1.2.3") {
		t.Errorf("version: %s", said)
	}
}
