package policy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"
)

var errRegistryPol = errors.New("not a registry.pol")

// decodeRegistryPol reads a registry.pol. Values of other kinds than texts and 32-bit numbers are an error.
func decodeRegistryPol(b []byte) ([]Setting, error) {
	rest, ok := bytes.CutPrefix(b, signature)
	if !ok {
		return nil, fmt.Errorf("%w: no signature", errRegistryPol)
	}
	var settings []Setting
	for len(rest) > 0 {
		r := polReader{rest: rest}
		r.skip("[")
		s := Setting{Key: r.text(), Name: r.text()}
		kind := r.number()
		r.skip(";")
		size := r.number()
		r.skip(";")
		data := r.take(int64(size))
		r.skip("]")
		if r.failed {
			return nil, fmt.Errorf("%w: value %d is cut off or malformed", errRegistryPol, len(settings)+1)
		}
		switch {
		case kind == regSZ && size%2 == 0 && size >= 2 && data[size-1] == 0 && data[size-2] == 0:
			s.Value = fromUTF16(data[:size-2])
		case kind == regDWORD && size == 4:
			s.Value = binary.LittleEndian.Uint32(data)
		default:
			return nil, fmt.Errorf("%w: value %d has kind %d in %d bytes", errRegistryPol, len(settings)+1, kind, size)
		}
		settings, rest = append(settings, s), r.rest
	}
	return settings, nil
}

// polReader walks through one value; after the first failure it yields nothing.
type polReader struct {
	rest   []byte
	failed bool
}

func (r *polReader) take(n int64) []byte {
	if r.failed || n > int64(len(r.rest)) {
		r.failed = true
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *polReader) skip(text string) {
	if want := appendUTF16(nil, text); !bytes.Equal(r.take(int64(len(want))), want) {
		r.failed = true
	}
}

func (r *polReader) number() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// text reads to the NUL and the semicolon behind it.
func (r *polReader) text() string {
	for i := 0; i+1 < len(r.rest); i += 2 {
		if r.rest[i] == 0 && r.rest[i+1] == 0 {
			text := fromUTF16(r.take(int64(i)))
			r.take(2)
			r.skip(";")
			return text
		}
	}
	r.failed = true
	return ""
}

func fromUTF16(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

// Whatever stands in a value comes back as it was.
func FuzzRegistryPol(f *testing.F) {
	f.Add(managersKey, "1", "Server=https://wec01.corp.example:5986/x,Refresh=900", uint32(0))
	f.Add(sysmonKey, "MaxSize", "];[", uint32(1<<30))
	f.Add("", "", "\U0001F512", uint32(1<<32-1))
	f.Fuzz(func(t *testing.T, key, name, text string, number uint32) {
		key, name = strings.ReplaceAll(key, "\x00", ""), strings.ReplaceAll(name, "\x00", "") // the format ends them by NUL
		settings := []Setting{{plain(key), plain(name), plain(text)}, {plain(key), plain(name), number}}
		got, err := decodeRegistryPol(EncodeRegistryPol(settings))
		if err != nil || !reflect.DeepEqual(got, settings) {
			t.Fatalf("wrote %q\nread  %q, %v", settings, got, err)
		}
	})
}

// plain is text as UTF-16 can hold it.
func plain(text string) string { return strings.ToValidUTF8(text, "?") }
