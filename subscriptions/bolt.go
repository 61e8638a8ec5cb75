package subscriptions

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Bolt is the Store of one node: a file, written in groups. Puts that come while the disk is busy share the next transaction, so that
// their number a second is not bound by the disk's. Make one with OpenBolt.
type Bolt struct {
	db      *bbolt.DB
	commit  func(changes map[Key][]byte) error // write; tests put themselves in between
	pace    time.Duration                      // a transaction begins at least so long after the one before
	metrics *StoreMetrics
	healthy atomic.Bool   // the newest commit succeeded
	wake    chan struct{} // holds one token when next is not empty
	done    chan struct{} // closed when the committer has ended

	mu     sync.Mutex // guards all below
	next   *group     // what the next transaction will hold
	closed bool
}

// group is the changes of one transaction.
type group struct {
	changes map[Key][]byte // packed states; nil = delete. Of one key the latest wins
	done    chan struct{}  // closed when err is set
	err     error
}

var states = []byte("states") // the one bucket

const (
	lockTimeout = 2 * time.Second
	chunk       = 1024 // states that All reads at once

	// commitPace: a host alone waits for no company, and many share 200 transactions a second, which cost 2 % of a core.
	commitPace = 5 * time.Millisecond
)

// ErrClosed says that a Store was used after its Close.
var ErrClosed = errors.New("the state store is closed")

// OpenBolt opens or creates the file. One process at a time has it.
func OpenBolt(path string) (*Bolt, error) {
	return openBolt(path, &bbolt.Options{})
}

func openBolt(path string, options *bbolt.Options) (b *Bolt, err error) {
	defer func() {
		if p := recover(); p != nil {
			b, err = nil, &Damage{path, fmt.Errorf("%w: %v", errStructure, p)}
		}
	}()
	options.Timeout, options.FreelistType = lockTimeout, bbolt.FreelistMapType
	if err := inspect(path, options); err != nil {
		return nil, explainOpen(path, err)
	}
	db, err := bbolt.Open(path, 0o600, options)
	if err != nil {
		return nil, explainOpen(path, err)
	}
	if !options.ReadOnly {
		if err := create(db, path); err != nil {
			return nil, errors.Join(fmt.Errorf("open state %s: %w", path, err), db.Close())
		}
	}
	b = &Bolt{db: db, pace: commitPace, wake: make(chan struct{}, 1), done: make(chan struct{}), next: newGroup()}
	b.commit = b.write
	b.healthy.Store(true)
	b.metrics = NewStoreMetrics("bbolt", b.Ready, b.lag)
	go b.commits()
	return b, nil
}

// explainOpen names the cure.
func explainOpen(path string, err error) error {
	switch {
	case errors.As(err, new(*Damage)):
		return err
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("open state %s: another process has it open; stop that one, or give each its own state.path", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("open state %s: %w; give the file to the user that wefka runs as", path, err)
	}
	return fmt.Errorf("open state %s: %w", path, err)
}

// create makes the bucket, and the file's name as durable as its content.
func create(db *bbolt.DB, path string) error {
	err := db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(states)
		return err
	})
	if err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Get reads what is durable.
func (b *Bolt) Get(k Key) (s State, err error) {
	err = b.db.View(func(tx *bbolt.Tx) error {
		if data := tx.Bucket(states).Get(boltKey(k)); data != nil {
			s, err = unpackState(data) // copies
		}
		return err
	})
	if err != nil {
		return State{}, fmt.Errorf("read state of %s: %w", k.Source, err)
	}
	return s, nil
}

// Put returns nil when s is on the disk.
func (b *Bolt) Put(ctx context.Context, k Key, s State) error {
	began := time.Now()
	err := b.change(ctx, k, packState(s))
	b.metrics.Wrote(began, err)
	return err
}

// Delete returns nil when k is gone from the disk.
func (b *Bolt) Delete(ctx context.Context, k Key) error { return b.change(ctx, k, nil) }

func (b *Bolt) change(ctx context.Context, k Key, packed []byte) error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return ErrClosed
	}
	g := b.next
	g.changes[k] = packed
	select {
	case b.wake <- struct{}{}:
	default: // awake already
	}
	b.mu.Unlock()
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
		return fmt.Errorf("write state: %w", ctx.Err())
	}
}

// commits is the one writer.
func (b *Bolt) commits() {
	defer close(b.done)
	var began time.Time
	for range b.wake {
		time.Sleep(b.pace - time.Since(began))
		began = time.Now()
		b.flush()
	}
	b.flush() // what came before Close
}

func (b *Bolt) flush() {
	b.mu.Lock()
	g := b.next
	if len(g.changes) == 0 {
		b.mu.Unlock()
		return
	}
	b.next = newGroup()
	b.mu.Unlock()
	if err := b.commit(g.changes); err != nil {
		g.err = fmt.Errorf("write state: %w", err)
	}
	b.healthy.Store(g.err == nil)
	close(g.done)
}

// write is one transaction: durable, or not there.
func (b *Bolt) write(changes map[Key][]byte) error {
	return b.db.Update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(states)
		for k, packed := range changes {
			var err error
			if packed == nil {
				err = bucket.Delete(boltKey(k))
			} else {
				err = bucket.Put(boltKey(k), packed)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// All reads a chunk at a time: a transaction that stayed open as long as the caller likes would stop the writer. A State that changes
// meanwhile is seen once, as it was or as it is; one that cannot be read is left out.
func (b *Bolt) All() iter.Seq2[Key, State] {
	type entry struct {
		k Key
		s State
	}
	return func(yield func(Key, State) bool) {
		var after []byte
		for {
			var entries []entry
			read := 0
			err := b.db.View(func(tx *bbolt.Tx) error {
				c := tx.Bucket(states).Cursor()
				name, data := c.Seek(after)
				for ; name != nil && read < chunk; name, data = c.Next() {
					read++
					after = append(append(after[:0], name...), 0) // the least key behind it
					if s, err := unpackState(data); err == nil {
						entries = append(entries, entry{keyOf(name), s})
					}
				}
				return nil
			})
			for _, e := range entries {
				if !yield(e.k, e.s) {
					return
				}
			}
			if err != nil || read < chunk {
				return
			}
		}
	}
}

// Flush has nothing to do: what Put has returned for is on the disk.
func (b *Bolt) Flush(context.Context) error { return nil }

// Close writes what is waiting and gives the file free.
func (b *Bolt) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	b.mu.Unlock()
	close(b.wake)
	<-b.done
	return b.db.Close()
}

// Ready says whether the newest write succeeded.
func (b *Bolt) Ready() bool { return b.healthy.Load() }

func (b *Bolt) lag() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.next.changes)
}

func newGroup() *group {
	return &group{changes: map[Key][]byte{}, done: make(chan struct{})}
}

// boltKey keeps the states of a subscription together; an identity holds no NUL, and neither does a UUID.
func boltKey(k Key) []byte {
	return append(append(append(make([]byte, 0, len(k.Subscription)+1+len(k.Source)), k.Subscription...), 0), k.Source...)
}

func keyOf(name []byte) Key {
	subscription, source, _ := bytes.Cut(name, []byte{0})
	return Key{Subscription: string(subscription), Source: string(source)}
}
