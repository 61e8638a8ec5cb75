package wsman_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/wefka/wefka/wsman/sldc"
)

// TestFlows replays conversations from testdata/flows. A section is named by its connection and direction: "A >" is what the source
// sends, header and body as Windows writes them but pretty-printed; "A <" is the whole answer; "A close" is the end of a connection.
// Content-Length is computed, UUIDs that the server makes are FRESH, the issuer's thumbprint is THUMBPRINT; -update writes the answers.
func TestFlows(t *testing.T) {
	files, err := filepath.Glob("testdata/flows/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no flows", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c := start(t)
			peers := map[string]*peer{}
			for i, section := range archive.Files {
				conn, direction, _ := strings.Cut(section.Name, " ")
				p := peers[conn]
				if p == nil {
					p = c.dial()
					peers[conn] = p
				}
				switch direction {
				case ">":
					p.write(flowRequest(string(section.Data)))
				case "<":
					got := flowAnswer(p.read(), c.ca.thumbprint())
					if *update {
						archive.Files[i].Data = []byte(got)
					} else if diff := cmp.Diff(string(section.Data), got); diff != "" {
						t.Errorf("section %d, %s:\n%s", i+1, section.Name, diff)
					}
				case "close":
					p.conn.Close()
					delete(peers, conn)
				default:
					t.Fatalf("section %q", section.Name)
				}
			}
			if want, got := flowCalls(archive.Comment), c.handler.seen(); want != got {
				t.Errorf("the handler saw\n%s\nwant\n%s", got, want)
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// flowRequest makes the bytes of a request.
func flowRequest(section string) string {
	head, body, _ := strings.Cut(section, "\n\n")
	raw := []byte(nil)
	if body = wireForm(body); body != "" {
		raw = toUTF16(body)
	}
	if strings.Contains(head, "Content-Encoding: SLDC") && !strings.Contains(body, "wsman/End<") {
		raw = sldc.Compress(nil, raw) // a source labels End, and does not compress it
	}
	head = strings.Replace(head, "Content-Length: ?", fmt.Sprintf("Content-Length: %d", len(raw)), 1)
	return strings.ReplaceAll(strings.TrimSpace(head), "\n", "\r\n") + "\r\n\r\n" + string(raw)
}

// flowAnswer writes an answer as the file has it. IDs in the requests have a letter in lower case, so that they are told from ours.
func flowAnswer(a answer, thumbprint string) string {
	text := strings.ReplaceAll(freshID.ReplaceAllStringFunc(a.text, func(id string) string {
		if id == "uuid:"+subVersion {
			return id
		}
		return "uuid:FRESH"
	}), thumbprint, "THUMBPRINT")
	head := strings.ReplaceAll(a.head, "|", "\n")
	out := fmt.Sprintf("%d\n%s\n", a.status, head)
	if text != "" {
		out += "\n" + strings.ReplaceAll(text, "><", ">\n<") + "\n"
	}
	return out
}

// flowCalls is the part of the comment behind "handler:".
func flowCalls(comment []byte) string {
	_, calls, _ := strings.Cut(string(comment), "handler:\n")
	var out []string
	for _, line := range strings.Split(strings.TrimSpace(calls), "\n") {
		out = append(out, strings.TrimSpace(line))
	}
	return strings.Join(out, "\n")
}
