package kerberos_test

import (
	"testing"

	"github.com/wefka/wefka/wsman/kerberos"
)

// BenchmarkAccept is one AP-REQ judged and its AP-REP made: contexts a second on one core.
func BenchmarkAccept(b *testing.B) {
	for name, change := range map[string][]func(*wishes){"plain": nil, "pac": {carry(b, newPAC(b, newKeytab(b).Entries[0].Key, usual(18, members)...))}} {
		b.Run(name, func(b *testing.B) {
			tab := newKeytab(b)
			a := &kerberos.Acceptor{Keytab: save(b, tab)}
			if err := a.Load(); err != nil {
				b.Fatal(err)
			}
			token := mint(b, tab, change...).token
			b.ReportAllocs()
			for b.Loop() {
				a.Forget()
				if _, _, err := judgeToken(a, "Kerberos", token); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "contexts/s")
		})
	}
}

// BenchmarkRefuse is a token that no key opens, with a keytab of many.
func BenchmarkRefuse(b *testing.B) {
	tab := newKeytab(b)
	for range 40 {
		tab.Entries = append(tab.Entries, tab.Entries[0])
		tab.Entries[len(tab.Entries)-1].Key = randomKey(18)
	}
	a := &kerberos.Acceptor{Keytab: save(b, tab)}
	if err := a.Load(); err != nil {
		b.Fatal(err)
	}
	token := mint(b, tab, func(w *wishes) { w.key = randomKey(18) }).token
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := judgeToken(a, "Kerberos", token); err == nil {
			b.Fatal("accepted")
		}
	}
}
