package kerberos_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/jcmturner/gokrb5/v8/types"
)

// vector is one token of testdata/wrap.txt.
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
}

func vectors(t *testing.T) []vector {
	t.Helper()
	file, err := os.ReadFile("testdata/wrap.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	for line := range strings.Lines(string(file)) {
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
		default:
			t.Fatalf("testdata/wrap.txt: %q", line)
		}
	}
	if len(all) == 0 {
		t.Fatal("no vectors")
	}
	return all
}
