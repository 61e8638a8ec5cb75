package subscriptions

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"strings"
)

// Lint reads subscription files as Load would, and gives all that is wrong with them or probably not meant, by file and line. The error
// is about a file that cannot be read.
func Lint(files []string, env func(name string) (value string, ok bool)) ([]*Finding, error) {
	l := newLoader(env)
	for _, f := range files {
		l.file(f)
	}
	found := []*Finding{}
	for _, err := range flatten(append(l.errs, l.loaded.Warnings...)) {
		var f *Finding
		switch {
		case errors.As(err, &f):
		case errors.As(err, new(*fs.PathError)):
			return nil, err
		default:
			f = &Finding{Rule: "file", Fatal: true, at: err}
		}
		found = append(found, f)
	}
	slices.SortStableFunc(found, func(a, b *Finding) int {
		p, q := a.Place(), b.Place()
		if p == nil || q == nil {
			return 0
		}
		return cmp.Or(strings.Compare(p.File, q.File), p.Line-q.Line, p.Column-q.Column)
	})
	return found, nil
}

// flatten takes joined errors apart.
func flatten(errs []error) []error {
	var flat []error
	for _, err := range errs {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			flat = append(flat, flatten(joined.Unwrap())...)
		} else {
			flat = append(flat, err)
		}
	}
	return flat
}
