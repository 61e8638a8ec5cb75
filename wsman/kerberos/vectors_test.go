package kerberos_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/jcmturner/gokrb5/v8/types"
)

// vector is one paragraph of testdata/wrap.txt or testdata/mit.txt.
type vector struct {
	name       string
	key        types.EncryptionKey
	source     bool // sealed it, else the collector
	number     uint64
	confounder []byte
	message    []byte
	header     []byte
	data       []byte
	padded     bool
	mic        []byte
	wrapped    []byte
}

func vectors(t *testing.T, file string) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		value = strings.TrimSpace(value)
		if name == "" || name[0] == '#' {
			continue
		}
		if name == "name" {
			all = append(all, vector{name: value})
			continue
		}
		v := &all[len(all)-1]
		switch name {
		case "etype":
			n, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			v.key.KeyType = int32(n)
		case "key":
			v.key.KeyValue = unhex(t, value)
		case "sender":
			v.source = value == "source"
		case "number":
			if v.number, err = strconv.ParseUint(value, 10, 64); err != nil {
				t.Fatal(err)
			}
		case "confounder":
			v.confounder = unhex(t, value)
		case "message":
			v.message = unhex(t, value)
		case "header":
			v.header = unhex(t, value)
		case "data":
			v.data = unhex(t, value)
			v.padded = len(v.data) > len(v.message)
		case "mic":
			v.mic = unhex(t, value)
		case "wrapped":
			v.wrapped = unhex(t, value)
		default:
			t.Fatalf("%s: %q", file, line)
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s is empty", file)
	}
	return all
}
