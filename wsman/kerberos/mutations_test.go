package kerberos_test

import (
	"bytes"
	mrand "math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wefka/wefka/wsman/kerberos"
)

// TestTokenMutations changes real tokens at random, 200,000 times: no panic, and nobody gets in but as the one whom the ticket is of.
// Some do get in, since there are bytes in clear that mean nothing: the name of the service, its realm, the version of its key.
func TestTokenMutations(t *testing.T) {
	rounds := 200_000
	if testing.Short() {
		rounds = 20_000
	}
	tab := newKeytab(t, aes(3), entry{service, homeRealm, "secret", 3, 20}, entry{service, homeRealm, "secret", 3, 23})
	start := time.Now()
	type seed struct {
		scheme  string
		token   []byte
		ciphers [2][]byte
	}
	var seeds []seed
	for i, e := range tab.Entries {
		wish := func(w *wishes) { w.key = e.Key; w.session, w.subkey = e.Key.KeyType, e.Key.KeyType }
		m := mint(t, tab, wish)
		seeds = append(seeds, seed{"Kerberos", m.token, m.ciphers}, seed{"Negotiate", negTokenInit([]string{oidMS, oidKRB5, oidNTLM}, m.token), m.ciphers})
		if i == 0 {
			m := mint(t, tab, wish, carry(t, newPAC(t, e.Key, usual(18, members)...)))
			seeds = append(seeds, seed{"Kerberos", m.token, m.ciphers})
		}
	}
	var done, accepted atomic.Int64
	var workers sync.WaitGroup
	for n := range runtime.GOMAXPROCS(0) {
		a := &kerberos.Acceptor{Keytab: save(t, tab), RC4: true}
		a.Clock(func() time.Time { return start })
		if err := a.Load(); err != nil {
			t.Fatal(err)
		}
		r := mrand.New(mrand.NewPCG(uint64(n), 5))
		workers.Go(func() {
			for done.Add(1) <= int64(rounds) && !t.Failed() {
				s := seeds[r.IntN(len(seeds))]
				token := mutated(r, s.token)
				a.Forget()
				if !checkVerdict(t, a, s.scheme, token) {
					continue
				}
				accepted.Add(1)
				if !bytes.Contains(token, s.ciphers[0]) || !bytes.Contains(token, s.ciphers[1]) {
					t.Errorf("accepted with other ciphers: %x", token)
				}
			}
		})
	}
	workers.Wait()
	t.Logf("%d of %d still mean the same", accepted.Load(), rounds)
	if n := accepted.Load(); n == 0 || n > int64(rounds)/4 {
		t.Errorf("%d of %d were accepted", n, rounds)
	}
}

// mutated is b with up to four changes: bits, bytes, cuts, insertions, lengths.
func mutated(r *mrand.Rand, b []byte) []byte {
	b = slices.Clone(b)
	for range 1 + r.IntN(4) {
		if len(b) == 0 {
			return b
		}
		at := r.IntN(len(b))
		if r.IntN(2) == 0 {
			at = r.IntN(min(len(b), 200)) // most of what is not cipher is in front
		}
		switch r.IntN(7) {
		case 0:
			b[at] ^= 1 << r.IntN(8)
		case 1:
			b[at] = byte(r.Uint32())
		case 2:
			b = b[:at]
		case 3:
			b = slices.Delete(b, at, min(len(b), at+1+r.IntN(8)))
		case 4:
			b = slices.Insert(b, at, byte(r.Uint32()))
		case 5:
			b[at]++
		case 6:
			b[at]--
		}
	}
	return b
}
