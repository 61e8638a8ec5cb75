package sldc_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/wefka/wefka/wsman/sldc"
)

func FuzzAppend(f *testing.F) {
	for _, v := range vectors {
		s, _ := hex.DecodeString(v.stream)
		f.Add(s, 1<<16)
	}
	f.Add(stream("reset2", plain("ab\xff"), "scheme1", copyOf(3, 0), "scheme2", plain("\xff!"), "scheme1", copyOf(8, 0), "record"), 15)
	f.Add(stream("reset1", literals("a"), "flush", "0000000000000000000000000000", "mark", literals("b"), "reset1", copyOf(271, 7), "end"), 100)
	f.Add(stream("reset1", literals(kilo), copyOf(9, 1023), copyOf(15, 3), copyOf(271, 1020), literals("abcdefghijk"), copyOf(2, 4), "record"), 5000)
	text := envelope(1)
	for _, e := range encoders() {
		f.Add(e.Append(nil, text[:2000]), 1<<16)
	}
	f.Fuzz(func(t *testing.T, in []byte, limit int) {
		same(t, in, min(max(limit, 0), 1<<18))
	})
}

func FuzzRoundTrip(f *testing.F) {
	for _, v := range vectors {
		f.Add([]byte(v.text))
	}
	f.Add(envelope(1)[:3000])
	f.Fuzz(func(t *testing.T, text []byte) {
		for kind, e := range encoders() {
			body := e.Append(nil, text)
			if got, err := sldc.Append(nil, body, len(text)); err != nil || !bytes.Equal(got, text) {
				t.Errorf("%s: %q, %v; want %q", kind, got, err, text)
			}
		}
	})
}
