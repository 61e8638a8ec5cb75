package certs_test

import (
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"github.com/wefka/wefka/certs"
)

func TestRevokeKeepsWhatWasRevoked(t *testing.T) {
	a := authority(t, "a")
	one, two := client(t, a, "one.example").Certificate, client(t, a, "two.example").Certificate
	first, err := a.Revoke(nil, []*x509.Certificate{one}, 0)
	if err != nil {
		t.Fatal(err)
	}
	second, err := a.Revoke(first, []*x509.Certificate{two, one, two}, 7)
	if err != nil {
		t.Fatal(err)
	}
	third, err := a.Revoke(second, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	number := big.NewInt(0)
	for i, row := range []struct {
		crl     []byte
		entries int
		days    int
	}{{first, 1, certs.CRLDays}, {second, 2, 7}, {third, 2, certs.CRLDays}} {
		list, err := certs.ParseCRL(row.crl)
		if err != nil {
			t.Fatal(err)
		}
		if err := list.CheckSignatureFrom(a.Certificate); err != nil {
			t.Error(err)
		}
		if len(list.RevokedCertificateEntries) != row.entries {
			t.Errorf("list %d has %d entries, want %d", i, len(list.RevokedCertificateEntries), row.entries)
		}
		if list.RevokedCertificateEntries[0].SerialNumber.Cmp(one.SerialNumber) != 0 {
			t.Errorf("list %d forgot the first", i)
		}
		if list.Number.Cmp(number) <= 0 {
			t.Errorf("number %v after %v", list.Number, number)
		}
		number = list.Number
		if left := time.Until(list.NextUpdate); left > time.Duration(row.days)*24*time.Hour || left < time.Duration(row.days)*24*time.Hour-time.Minute {
			t.Errorf("next update in %v, want %d days", left, row.days)
		}
	}
}

func TestRevokeRefuses(t *testing.T) {
	a, b := authority(t, "a"), authority(t, "a")
	foreign := client(t, b, "pc.example").Certificate
	_, err := a.Revoke(nil, []*x509.Certificate{foreign}, 0)
	wantError(t, err, "pc.example", "not issued by")
	_, err = a.Revoke(nil, []*x509.Certificate{a.Certificate}, 0)
	wantError(t, err, "authority itself", "client_ca")
	theirs, err := b.Revoke(nil, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Revoke(theirs, nil, 0)
	wantError(t, err, "earlier CRL is not of")
	_, err = a.Revoke([]byte("x"), nil, 0)
	wantError(t, err, "earlier CRL", "no CRL in it")
	_, err = a.Revoke(nil, nil, -1)
	wantError(t, err, "lifetime")
}

func TestParseCRL(t *testing.T) {
	a := certs.Root("a", ecKey(elliptic.P256()), time.Now().Add(time.Hour))
	list := func(bend func(*x509.RevocationList)) []byte {
		l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour)}
		bend(l)
		return a.CRL(l)
	}
	extension := func(critical bool, id ...int) []pkix.Extension {
		return []pkix.Extension{{Id: asn1.ObjectIdentifier(id), Critical: critical, Value: []byte{0x02, 0x01, 0x01}}}
	}
	entry := func(l *x509.RevocationList, e []pkix.Extension) {
		l.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: big.NewInt(7), RevocationTime: time.Now(), ExtraExtensions: e}}
	}
	for name, row := range map[string]struct {
		crl   []byte
		words []string
	}{
		"plain": {list(func(l *x509.RevocationList) { entry(l, nil) }), nil},
		"published CRL locations, not critical": {list(func(l *x509.RevocationList) {
			l.ExtraExtensions = extension(false, 1, 3, 6, 1, 4, 1, 311, 21, 14)
		}), nil},
		"delta":          {list(func(l *x509.RevocationList) { l.ExtraExtensions = extension(true, 2, 5, 29, 27) }), []string{"delta", "base CRL"}},
		"partitioned":    {list(func(l *x509.RevocationList) { l.ExtraExtensions = extension(true, 2, 5, 29, 28) }), []string{"2.5.29.28", "complete"}},
		"indirect entry": {list(func(l *x509.RevocationList) { entry(l, extension(true, 2, 5, 29, 29)) }), []string{"2.5.29.29", "plain"}},
		"a certificate":  {pemOf(t, a.Certificate), []string{"no CRL in it"}},
		"empty":          {nil, []string{"no CRL in it"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := certs.ParseCRL(row.crl)
			if row.words == nil && err != nil {
				t.Error(err)
			} else if row.words != nil {
				wantError(t, err, row.words...)
			}
		})
	}
}
