package policy

import (
	"fmt"
	"strings"
)

// LGPO gives the values as the text that Microsoft's LGPO.exe applies to a local policy (LGPO /t FILE), CRLF, four lines a value.
func LGPO(settings []Setting) string {
	var b strings.Builder
	for _, s := range settings {
		fmt.Fprintf(&b, "Computer\n%s\n%s\n", s.Key, s.Name)
		if n, ok := s.Value.(uint32); ok {
			fmt.Fprintf(&b, "DWORD:%d\n\n", n)
		} else {
			fmt.Fprintf(&b, "SZ:%s\n\n", s.Value)
		}
	}
	return crlf(b.String())
}

// crlf ends lines as Windows' programs expect.
func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
