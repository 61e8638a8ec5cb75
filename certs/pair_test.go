package certs_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf16"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/wefka/wefka/certs"
)

func TestPFX(t *testing.T) {
	a := authority(t, "a")
	p := client(t, a, "pc.example")
	sizes := map[bool]int{}
	for _, legacy := range []bool{false, true} {
		b, err := p.PFX("Pässword 1", legacy, a.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		key, cert, above, err := pkcs12.DecodeChain(b, "Pässword 1")
		if err != nil {
			t.Fatal(err)
		}
		if !p.Key.(*ecdsa.PrivateKey).Equal(key) || !cert.Equal(p.Certificate) || len(above) != 1 || !above[0].Equal(a.Certificate) {
			t.Errorf("legacy %v: something else came back", legacy)
		}
		if _, _, _, err := pkcs12.DecodeChain(b, "wrong"); err == nil {
			t.Errorf("legacy %v: any password opens it", legacy)
		}
		sizes[legacy] = len(b)
	}
	if sizes[false] == sizes[true] {
		t.Error("both encodings look the same")
	}
	alone, err := p.PFX("x", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, above, err := pkcs12.DecodeChain(alone, "x"); err != nil || len(above) != 0 {
		t.Errorf("without a CA: %d above, %v", len(above), err)
	}
	_, err = p.PFX("", false, nil)
	wantError(t, err, "password is empty")
}

func TestLoadPairForms(t *testing.T) {
	dir := t.TempDir()
	a := authority(t, "a")
	rsaPair := a.Make(leaf("rsa.example", nil), rsaKey())
	ecPair := a.Make(leaf("ec.example", nil), ecKey(elliptic.P384()))
	der := func(b []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	block := func(kind string, b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}) }
	text := []byte("Bag Attributes\n    friendlyName: x\nsubject=CN = x\n\n")
	ecKey := ecPair.Key.(*ecdsa.PrivateKey)
	params := block("EC PARAMETERS", []byte{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22})
	for name, form := range map[string]struct {
		pair *certs.Pair
		cert []byte
		key  []byte
	}{
		"RSA PKCS#1": {rsaPair, pemOf(t, rsaPair.Certificate), block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey()))},
		"RSA PKCS#8": {rsaPair, pemOf(t, rsaPair.Certificate, a.Certificate), block("PRIVATE KEY", der(x509.MarshalPKCS8PrivateKey(rsaKey())))},
		"EC SEC 1":   {ecPair, pemOf(t, ecPair.Certificate), append(params, block("EC PRIVATE KEY", der(x509.MarshalECPrivateKey(ecKey)))...)},
		"EC PKCS#8":  {ecPair, pemOf(t, ecPair.Certificate), block("PRIVATE KEY", der(x509.MarshalPKCS8PrivateKey(ecKey)))},
		"DER":        {ecPair, ecPair.Certificate.Raw, block("PRIVATE KEY", der(x509.MarshalPKCS8PrivateKey(ecKey)))},
	} {
		for _, around := range [][]byte{nil, text} {
			if name == "DER" && around != nil {
				continue
			}
			p, err := certs.LoadPair(write(t, filepath.Join(dir, "c"), around, form.cert), write(t, filepath.Join(dir, "k"), around, form.key))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if !p.Certificate.Equal(form.pair.Certificate) {
				t.Errorf("%s: another certificate", name)
			}
		}
	}
}

func TestLoadPairErrors(t *testing.T) {
	dir := t.TempDir()
	a := authority(t, "a")
	one, two := client(t, a, "one.example"), client(t, a, "two.example")
	onePEM, oneKey, _ := one.PEM()
	_, twoKey, _ := two.PEM()
	caPEM := pemOf(t, a.Certificate)
	wide := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(string(onePEM))) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	for name, row := range map[string]struct {
		cert, key []byte
		words     []string
	}{
		"wrong key":      {onePEM, twoKey, []string{"k does not belong to", `"one.example"`, "issued again"}},
		"wrong order":    {append(append([]byte{}, caPEM...), onePEM...), oneKey, []string{"number 2", "put it first"}},
		"key for cert":   {oneKey, oneKey, []string{"c: no certificate in it", "BEGIN CERTIFICATE"}},
		"cert for key":   {onePEM, onePEM, []string{"k: no private key in it"}},
		"empty":          {nil, oneKey, []string{"no certificate"}},
		"UTF-16":         {wide, oneKey, []string{"UTF-16", "ASCII"}},
		"damaged":        {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one.Certificate.Raw[:99]}), oneKey, []string{"certificate 1"}},
		"encrypted":      {onePEM, pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{1}}), []string{"encrypted", "openssl pkey"}},
		"encrypted, old": {onePEM, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: []byte{1}}), []string{"encrypted"}},
		"damaged key":    {onePEM, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1}}), []string{"neither PKCS#8"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := certs.LoadPair(write(t, filepath.Join(dir, "c"), row.cert), write(t, filepath.Join(dir, "k"), row.key))
			wantError(t, err, row.words...)
		})
	}
	_, err := certs.LoadPair(filepath.Join(dir, "missing"), filepath.Join(dir, "k"))
	if !os.IsNotExist(unwrapped(err)) {
		t.Errorf("missing file: %v", err)
	}
}

func unwrapped(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		err = u.Unwrap()
	}
}

func TestSaveReplacesWhole(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "s.pem"), filepath.Join(dir, "s.key")
	a := authority(t, "a")
	for _, name := range []string{"one.example", "two.example"} {
		if err := client(t, a, name).Save(cert, key); err != nil {
			t.Fatal(err)
		}
		p, err := certs.LoadPair(cert, key)
		if err != nil || p.Certificate.DNSNames[0] != name {
			t.Fatalf("%v, %v", p, err)
		}
	}
	wantMode(t, cert, 0o644)
	wantMode(t, key, 0o600)
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left in the folder: %v", entries)
	}
	if err := client(t, a, "x.example").Save(filepath.Join(dir, "no", "s.pem"), key); err == nil {
		t.Error("wrote into a folder that is not there")
	}
}

// FuzzFiles: whatever a file holds, reading it ends in a value or an error.
func FuzzFiles(f *testing.F) {
	a, err := certs.New("a", 0)
	if err != nil {
		f.Fatal(err)
	}
	p, err := a.IssueClient("pc.example", 0)
	if err != nil {
		f.Fatal(err)
	}
	cert, key, _ := p.PEM()
	crl, err := a.Revoke(nil, []*x509.Certificate{p.Certificate}, 0)
	if err != nil {
		f.Fatal(err)
	}
	list, _ := pem.Decode(crl)
	_, ed, _ := ed25519.GenerateKey(nil)
	edDER, _ := x509.MarshalPKCS8PrivateKey(ed)
	for _, seed := range [][]byte{nil, cert, key, crl, a.Certificate.Raw, list.Bytes, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: edDER})} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if list, err := certs.ParseCertificates(b); (err == nil) != (len(list) > 0) {
			t.Errorf("%d certificates and error %v", len(list), err)
		}
		if key, err := certs.ParseKey(b); (err == nil) != (key != nil) {
			t.Errorf("key %v and error %v", key, err)
		}
		if list, err := certs.ParseCRL(b); (err == nil) != (list != nil) {
			t.Errorf("list %v and error %v", list, err)
		}
	})
}
