package ordeal

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// track is a row of faults that follow each other: one of its kinds at a time. Tracks go on side by side.
type track struct {
	name  string
	kinds []kind
}

// kind is a way to fail.
type kind struct {
	name    string
	longest time.Duration // that it is left so
	deal    func(o *ordeal, r *rand.Rand) (to string, heal func() error, err error)
}

// fault is one to be dealt. Its seed decides the rest of it, such as to whom.
type fault struct {
	at, hold time.Duration
	kind     kind
	seed     uint64
}

const (
	firstAt = 5 * time.Second // hosts are at work by then
	breath  = 7 * time.Second // longest pause between two faults of a track
)

// schedule deals a track its faults, for so long: a pure function of its arguments. Every kind comes up once before one comes again.
func schedule(seed uint64, t track, length time.Duration) (faults []fault) {
	name := uint64(0)
	for _, c := range []byte(t.name) {
		name = name*31 + uint64(c)
	}
	r := rand.New(rand.NewPCG(seed, name))
	var deck []int
	for at := firstAt; ; {
		at += time.Second/2 + time.Duration(r.Int64N(int64(breath)))
		if len(deck) == 0 {
			deck = r.Perm(len(t.kinds))
		}
		k := t.kinds[deck[0]]
		deck = deck[1:]
		f := fault{at: at, kind: k, seed: r.Uint64()}
		if k.longest > 0 {
			f.hold = time.Second/2 + time.Duration(r.Int64N(int64(k.longest)))
		}
		if at+f.hold > length {
			return faults
		}
		faults = append(faults, f)
		at += f.hold
	}
}

// The same seed deals the same faults, another one others, and no kind is left out.
func TestSchedule(t *testing.T) {
	for _, track := range tracks("bbolt", true) {
		flat := func(seed uint64) (text []string) {
			for _, f := range schedule(seed, track, 10*time.Minute) {
				text = append(text, fmt.Sprint(f.at, f.hold, f.kind.name, f.seed))
			}
			return text
		}
		if !reflect.DeepEqual(flat(7), flat(7)) || reflect.DeepEqual(flat(7), flat(8)) {
			t.Errorf("%s: not what the seed says", track.name)
		}
		dealt := map[string]int{}
		for _, f := range schedule(7, track, 10*time.Minute) {
			dealt[f.kind.name]++
		}
		for _, k := range track.kinds {
			if dealt[k.name] == 0 {
				t.Errorf("%s: %q is never dealt in 10 minutes", track.name, k.name)
			}
		}
	}
}
