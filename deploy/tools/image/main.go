// Command image writes the container image of wefka as an OCI layout, without a daemon: one program, the public certificate
// authorities, an account, and nothing else. Equal programs give equal images.
package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// account is the user and group that the program runs as: a number that no system gives away.
const account = 65532

func main() {
	var b build
	flag.StringVar(&b.version, "version", "dev", "version of the program")
	flag.StringVar(&b.commit, "commit", "", "commit that it was built from")
	created := flag.String("created", "1970-01-01T00:00:00Z", "time of that commit")
	out := flag.String("out", "image", "folder of the OCI layout")
	archs := flag.String("archs", "amd64 arm64", "architectures")
	flag.Parse()
	err := b.run(flag.Arg(0), *out, strings.Fields(*archs), *created)
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

type build struct {
	version, commit string
	created         time.Time
}

// run takes the programs from stage/ARCH/wefka.
func (b *build) run(stage, out string, archs []string, created string) (err error) {
	if b.created, err = time.Parse(time.RFC3339, created); err != nil {
		return err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range archs {
		image, err := b.image(filepath.Join(stage, arch, "wefka"), arch)
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	index = mutate.Annotations(index, b.labels()).(v1.ImageIndex)
	path, err := layout.Write(out, mutate.IndexMediaType(empty.Index, types.OCIImageIndex))
	if err != nil {
		return err
	}
	return path.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": b.version}))
}

func (b *build) labels() map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":       "wefka",
		"org.opencontainers.image.description": "Windows Event Forwarding collector for Kafka",
		"org.opencontainers.image.source":      "https://github.com/wefka/wefka",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.version":     b.version,
		"org.opencontainers.image.revision":    b.commit,
		"org.opencontainers.image.created":     b.created.Format(time.RFC3339),
	}
}

func (b *build) image(program, arch string) (v1.Image, error) {
	binary, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	files, err := b.files(binary)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files)), nil }, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{Created: v1.Time{Time: b.created}, CreatedBy: "wefka " + b.version}})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", arch, v1.Time{Time: b.created}
	config.Config = v1.Config{
		User:         fmt.Sprintf("%d:%d", account, account),
		Entrypoint:   []string{"/usr/bin/wefka"},
		Cmd:          []string{"serve"},
		Env:          []string{"PATH=/usr/bin", "WEFKA_CONFIG=/etc/wefka/wefka.yaml", "WEFKA_LOG_FORMAT=json"},
		WorkingDir:   "/etc/wefka",
		ExposedPorts: map[string]struct{}{"5985/tcp": {}, "5986/tcp": {}, "9985/tcp": {}},
		Volumes:      map[string]struct{}{"/var/lib/wefka": {}, "/run/wefka": {}},
		Labels:       b.labels(),
		StopSignal:   "SIGTERM",
	}
	return mutate.ConfigFile(image, config)
}

// files is the one layer, as a tar.
func (b *build) files(binary []byte) ([]byte, error) {
	var out bytes.Buffer
	t := tar.NewWriter(&out)
	add := func(name string, mode int64, owner int, content []byte) error {
		h := &tar.Header{Name: name, Mode: mode, Uid: owner, Gid: owner, ModTime: b.created, Size: int64(len(content)), Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		if strings.HasSuffix(name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		_, err := t.Write(content)
		return err
	}
	passwd := fmt.Sprintf("root:x:0:0::/:/sbin/nologin\nwefka:x:%d:%d::/var/lib/wefka:/sbin/nologin\n", account, account)
	group := fmt.Sprintf("root:x:0:\nwefka:x:%d:\n", account)
	for _, f := range []struct {
		name    string
		mode    int64
		owner   int
		content []byte
	}{
		{"etc/", 0o755, 0, nil}, {"etc/group", 0o644, 0, []byte(group)}, {"etc/passwd", 0o644, 0, []byte(passwd)},
		{"etc/ssl/", 0o755, 0, nil}, {"etc/ssl/certs/", 0o755, 0, nil}, {"etc/ssl/certs/ca-certificates.crt", 0o644, 0, authorities()},
		{"etc/wefka/", 0o755, 0, nil}, {"run/", 0o755, 0, nil}, {"run/wefka/", 0o750, account, nil}, {"tmp/", 0o1777, 0, nil},
		{"usr/", 0o755, 0, nil}, {"usr/bin/", 0o755, 0, nil}, {"usr/bin/wefka", 0o755, 0, binary},
		{"var/", 0o755, 0, nil}, {"var/lib/", 0o755, 0, nil}, {"var/lib/wefka/", 0o700, account, nil},
	} {
		if err := add(f.name, f.mode, f.owner, f.content); err != nil {
			return nil, err
		}
	}
	err := t.Close()
	return out.Bytes(), err
}

// authorities are Mozilla's, for a Kafka whose certificate comes from one of them.
func authorities() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
	}
	return out.Bytes()
}
