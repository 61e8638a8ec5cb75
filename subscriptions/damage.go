package subscriptions

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Damage is why a state file cannot be used. To start without it would be to forget, silently, where every host stopped.
type Damage struct {
	Path string
	Err  error
}

func (d *Damage) Error() string {
	return fmt.Sprintf("open state %s: %v; restore the file from a copy, or move it away: hosts then start anew, events may come twice, and "+
		"subscriptions without read_existing_events miss what happened meanwhile", d.Path, d.Err)
}

func (d *Damage) Unwrap() error { return d.Err }

var (
	errEmpty     = errors.New("the file is empty, so it was cut off")
	errCut       = errors.New("the file is cut off")
	errForeign   = errors.New("this is not a state file, or its beginning is damaged")
	errStructure = errors.New("the file is damaged")
)

// inspect looks at a file that is there before anything is written into it or believed: bbolt makes an empty file a new one, and memory
// that is mapped beyond a file's end ends the process. A file that is not there is fine.
func inspect(path string, options *bbolt.Options) (err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Size() == 0:
		return &Damage{path, errEmpty}
	}
	defer func() {
		if p := recover(); p != nil { // bbolt panics on some damages
			err = &Damage{path, fmt.Errorf("%w: %v", errStructure, p)}
		}
	}()
	// Read-only, it does not follow what it reads: a file that is too short shows before that.
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: options.Timeout})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout), errors.Is(err, fs.ErrPermission):
		return err
	case err != nil:
		return &Damage{path, fmt.Errorf("%w: %w", errForeign, err)}
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.View(func(tx *bbolt.Tx) error {
		if info, err = os.Stat(path); err != nil { // it may have grown until we had it
			return err
		}
		if tx.Size() > info.Size() {
			return &Damage{path, fmt.Errorf("%w: it has %d bytes and needs %d", errCut, info.Size(), tx.Size())}
		}
		bucket := tx.Bucket(states)
		if bucket == nil {
			if name, _ := tx.Cursor().First(); name != nil {
				return &Damage{path, fmt.Errorf("%w: it holds %q", errForeign, name)}
			}
			return nil // made, and not used yet
		}
		bad, n := 0, 0
		for name, data := range each(bucket) {
			n++
			if _, err := unpackState(data); err != nil || name == nil {
				bad++
			}
		}
		if bad > 0 {
			return &Damage{path, fmt.Errorf("%w: %d of %d states cannot be read, or were written by a newer wefka", errStructure, bad, n)}
		}
		return nil
	})
}

// each ranges over a bucket's entries.
func each(b *bbolt.Bucket) func(yield func(name, data []byte) bool) {
	return func(yield func(name, data []byte) bool) {
		c := b.Cursor()
		for name, data := c.First(); name != nil; name, data = c.Next() {
			if !yield(name, data) {
				return
			}
		}
	}
}
