package strict

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxValueFile bounds what ${file:…} takes in.
const maxValueFile = 256 << 10

// expand replaces ${…} and $$ in one value. What it inserts is not looked at again.
func (r Reader) expand(text string) (string, error) {
	if !strings.Contains(text, "$") {
		return text, nil
	}
	var out strings.Builder
	for {
		dollar := strings.IndexByte(text, '$')
		if dollar < 0 || dollar == len(text)-1 {
			out.WriteString(text)
			return out.String(), nil
		}
		out.WriteString(text[:dollar])
		text = text[dollar+1:]
		switch text[0] {
		case '$':
			out.WriteByte('$')
			text = text[1:]
		case '{':
			end := strings.IndexByte(text, '}')
			if end < 0 {
				return "", errors.New("${ without }; write $${ for the two characters themselves")
			}
			value, err := r.reference(text[1:end])
			if err != nil {
				return "", err
			}
			out.WriteString(value)
			text = text[end+1:]
		default:
			out.WriteByte('$')
		}
	}
}

// reference is the value of what stands between ${ and }.
func (r Reader) reference(ref string) (string, error) {
	if path, ok := strings.CutPrefix(ref, "file:"); ok {
		return r.file(path)
	}
	name, rest, found := strings.Cut(ref, ":")
	if !isName(name) {
		return "", fmt.Errorf("${%s}: %q is no name of a variable; write $${ for the two characters themselves", ref, name)
	}
	value, set := "", false
	if r.Lookup != nil {
		value, set = r.Lookup(name)
	}
	switch {
	case !found && set:
		return value, nil
	case !found:
		return "", fmt.Errorf("${%s}: the variable is not set; set it, or give a default: ${%s:-default}", ref, name)
	case strings.HasPrefix(rest, "-"):
		if value == "" {
			return rest[1:], nil
		}
		return value, nil
	case strings.HasPrefix(rest, "?"):
		if value == "" {
			return "", fmt.Errorf("${%s}: %s", name, rest[1:])
		}
		return value, nil
	}
	return "", fmt.Errorf("${%s}: after the name comes :-default or :?message", ref)
}

// file is a file's text without the line end that editors add.
func (r Reader) file(path string) (string, error) {
	if path == "" {
		return "", errors.New("${file:}: the path is missing")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.Dir, path)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", fmt.Errorf("${file:…}: %w", err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("${file:…}: %s is no file", path)
	case info.Size() > maxValueFile:
		return "", fmt.Errorf("${file:…}: %s is larger than %d KiB", path, maxValueFile>>10)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("${file:…}: %w", err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
