// Command sbom prints the bill of materials of a Go program as SPDX 2.3 JSON: what the linker wrote into it, module by module, with
// the checksums of go.sum. It says nothing of licences: a licence is read by people.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

func main() {
	version := flag.String("version", "dev", "version of the program")
	flag.Parse()
	if err := run(flag.Arg(0), *version); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

// document, pkg and relationship are the parts of SPDX 2.3 that are needed (clauses 6, 7 and 11).
type document struct {
	Version       string         `json:"spdxVersion"`
	DataLicense   string         `json:"dataLicense"`
	ID            string         `json:"SPDXID"`
	Name          string         `json:"name"`
	Namespace     string         `json:"documentNamespace"`
	Creation      creation       `json:"creationInfo"`
	Packages      []pkg          `json:"packages"`
	Relationships []relationship `json:"relationships"`
}

type creation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type pkg struct {
	ID               string     `json:"SPDXID"`
	Name             string     `json:"name"`
	Version          string     `json:"versionInfo"`
	DownloadLocation string     `json:"downloadLocation"`
	FilesAnalyzed    bool       `json:"filesAnalyzed"`
	LicenseConcluded string     `json:"licenseConcluded"`
	LicenseDeclared  string     `json:"licenseDeclared"`
	Copyright        string     `json:"copyrightText"`
	Checksums        []checksum `json:"checksums,omitempty"`
	Refs             []ref      `json:"externalRefs"`
}

type checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type ref struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relationship struct {
	Element string `json:"spdxElementId"`
	Type    string `json:"relationshipType"`
	Related string `json:"relatedSpdxElement"`
}

func run(program, version string) error {
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return err
	}
	epoch, _ := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	name := info.Main.Path
	doc := document{Version: "SPDX-2.3", DataLicense: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: name + "-" + version,
		Namespace: "https://" + name + "/sbom/" + version + "/" + digest,
		Creation:  creation{time.Unix(epoch, 0).UTC().Format(time.RFC3339), []string{"Tool: wefka-sbom"}}}
	main := module(name, version, "")
	main.LicenseDeclared, main.Checksums = "Apache-2.0", []checksum{{"SHA256", digest}}
	doc.add(main, "SPDXRef-DOCUMENT", "DESCRIBES")
	doc.add(module("std", strings.TrimPrefix(info.GoVersion, "go"), ""), main.ID, "DEPENDS_ON")
	for _, dep := range info.Deps {
		for dep.Replace != nil {
			dep = dep.Replace
		}
		doc.add(fromBuild(dep), main.ID, "DEPENDS_ON")
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(doc)
}

func (d *document) add(p pkg, from, how string) {
	d.Packages = append(d.Packages, p)
	d.Relationships = append(d.Relationships, relationship{from, how, p.ID})
}

func fromBuild(m *debug.Module) pkg { return module(m.Path, m.Version, m.Sum) }

var notInID = regexp.MustCompile(`[^a-zA-Z0-9.-]+`)

// module is a package for a Go module; sum is its "h1:" line of go.sum, a SHA-256 over the module's files.
func module(path, version, sum string) pkg {
	p := pkg{ID: "SPDXRef-" + notInID.ReplaceAllString(path+"-"+version, "-"), Name: path, Version: version, DownloadLocation: "NOASSERTION",
		LicenseConcluded: "NOASSERTION", LicenseDeclared: "NOASSERTION", Copyright: "NOASSERTION",
		Refs: []ref{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + path + "@" + version}}}
	if b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sum, "h1:")); err == nil && len(b) == sha256.Size {
		p.Checksums = []checksum{{"SHA256", hex.EncodeToString(b)}}
	}
	return p
}
