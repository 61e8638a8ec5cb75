package kerberos_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

func newAcceptor(t testing.TB) *kerberos.Acceptor {
	t.Helper()
	a := &kerberos.Acceptor{Keytab: save(t, newKeytab(t))}
	if err := a.Load(); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestParallelReplay: of four presentations at once exactly one is accepted.
func TestParallelReplay(t *testing.T) {
	tab, a := newKeytab(t), newAcceptor(t)
	const rounds = 500
	for range rounds {
		request := mint(t, tab)
		var accepted atomic.Int32
		var start, done sync.WaitGroup
		start.Add(1)
		for range 4 {
			done.Go(func() {
				start.Wait()
				_, _, err := judgeToken(a, "Kerberos", request.token)
				var refused *wsman.AuthError
				switch {
				case err == nil:
					accepted.Add(1)
				case !errors.As(err, &refused) || refused.Reason != "replay":
					t.Error(err)
				}
			})
		}
		start.Done()
		done.Wait()
		if n := accepted.Load(); n != 1 {
			t.Fatalf("%d of 4 were accepted", n)
		}
	}
	if n := a.Remembered(); n != rounds {
		t.Errorf("%d remembered", n)
	}
}

// TestReplayLife: an authenticator is remembered for as long as it could be accepted, also one of a clock that is fast.
func TestReplayLife(t *testing.T) {
	tab, a := newKeytab(t), newAcceptor(t)
	start := time.Now()
	clock := start
	a.Clock(func() time.Time { return clock })
	fast := mint(t, tab, func(w *wishes) { w.now = start.Add(299 * time.Second) })
	slow := mint(t, tab, func(w *wishes) { w.now = start.Add(-299 * time.Second) })
	for _, m := range []*minted{fast, slow} {
		if _, _, err := judgeToken(a, "Kerberos", m.token); err != nil {
			t.Fatal(err)
		}
	}
	reason := func(m *minted) string {
		_, _, err := judgeToken(a, "Kerberos", m.token)
		var refused *wsman.AuthError
		if !errors.As(err, &refused) {
			t.Fatal(err)
		}
		return refused.Reason
	}
	for _, x := range []struct {
		at   time.Duration
		m    *minted
		want string
	}{{0, slow, "replay"}, {5 * time.Second, slow, "skew"}, {6 * time.Minute, fast, "replay"}, {598 * time.Second, fast, "replay"}, {600 * time.Second, fast, "skew"}, {601 * time.Second, fast, "skew"}} {
		clock = start.Add(x.at)
		if got := reason(x.m); got != x.want {
			t.Errorf("after %s: %s, want %s", x.at, got, x.want)
		}
	}
	clock = start.Add(601 * time.Second)
	if n := a.Remembered(); n != 0 {
		t.Errorf("%d remembered", n)
	}
}

// TestSkew: to the microsecond, in both directions.
func TestSkew(t *testing.T) {
	tab, a := newKeytab(t), newAcceptor(t)
	now := time.Now().Truncate(time.Second).Add(999 * time.Microsecond)
	a.Clock(func() time.Time { return now })
	for off, ok := range map[time.Duration]bool{
		5 * time.Minute: true, -5 * time.Minute: true, 5*time.Minute + time.Microsecond: false, -5*time.Minute - time.Microsecond: false,
	} {
		if _, _, err := judgeToken(a, "Kerberos", mint(t, tab, func(w *wishes) { w.now = now.Add(off) }).token); (err == nil) != ok {
			t.Errorf("%s: %v", off, err)
		}
	}
}

// TestFullReplayCache: nothing is dropped early; who cannot be remembered cannot come in, and is told to come later.
func TestFullReplayCache(t *testing.T) {
	clock := time.Now()
	c := collect(t, nil, func(a *kerberos.Acceptor) { a.RememberAtMost(2); a.Clock(func() time.Time { return clock }) })
	first := mint(t, c.tab)
	if a := c.dial().try("Kerberos", first.token); a.status != 200 {
		t.Fatal(a)
	}
	c.dial().prove().works(me)
	m := c.dial()
	if a := m.try("Kerberos", mint(t, c.tab).token); a.String() != "503" {
		t.Fatal(a)
	}
	if a := c.dial().try("Kerberos", first.token); a.status != 401 {
		t.Errorf("a replay: %s", a)
	}
	if n := c.metric("auth_failures_total", "auth", "kerberos", "reason", "limit"); n != 1 {
		t.Errorf("auth_failures_total = %v\n%s", n, c.log)
	}
	if n := c.metric("kerberos_replay_cache_entries"); n != 2 {
		t.Errorf("kerberos_replay_cache_entries = %v", n)
	}
	clock = clock.Add(11 * time.Minute)
	m.prove(func(w *wishes) { w.now = clock }).works(me)
}

// TestGarbageIsNotRemembered: only holders of tickets fill the cache.
func TestGarbageIsNotRemembered(t *testing.T) {
	tab, a := newKeytab(t), newAcceptor(t)
	for _, change := range []func(*wishes){func(w *wishes) { w.key = randomKey(18) }, func(w *wishes) { w.gss = 0 }, func(w *wishes) { w.now = w.now.AddDate(1, 0, 0) }} {
		if _, _, err := judgeToken(a, "Kerberos", mint(t, tab, change).token); err == nil {
			t.Error("accepted")
		}
	}
	if n := a.Remembered(); n != 0 {
		t.Errorf("%d remembered", n)
	}
}
