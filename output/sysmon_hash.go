package output

import "bytes"

// digests are the algorithms that Sysmon knows, with the hexadecimal digits of each.
var digests = [...]struct {
	name   string
	digits int
}{{"MD5", 32}, {"SHA1", 40}, {"SHA256", 64}, {"IMPHASH", 32}}

const imphash = 3 // in digests

// nextHash reads "SHA1=…,MD5=…" up to the first hash that is one, which is of the kind digests[i]; -1: there is none any more.
func nextHash(text []byte) (i int, digest, rest []byte) {
	for len(text) > 0 {
		var item []byte
		item, text, _ = bytes.Cut(text, []byte{','})
		algorithm, digest, _ := bytes.Cut(item, []byte{'='})
		for i, d := range digests {
			if string(algorithm) == d.name && len(digest) == d.digits && allHex(digest) {
				return i, digest, text
			}
		}
	}
	return -1, nil, nil
}

// appendHashes appends all of them as an object, of each kind the first.
func appendHashes(dst, name, text []byte) []byte {
	before := len(dst)
	dst = append(appendName(dst, name), '{')
	empty := len(dst)
	var seen [len(digests)]bool
	for i, digest, rest := nextHash(text); i >= 0; i, digest, rest = nextHash(rest) {
		if seen[i] {
			continue
		}
		seen[i] = true
		dst = append(append(append(dst, '"'), digests[i].name...), `":"`...)
		dst = append(append(dst, digest...), `",`...)
	}
	if len(dst) == empty {
		return dst[:before]
	}
	return appendEnd(dst, '}')
}

func allHex(text []byte) bool {
	for _, c := range text {
		if !isHex[c] {
			return false
		}
	}
	return true
}

var isHex = func() (t [256]bool) {
	for _, c := range "0123456789abcdefABCDEF" {
		t[c] = true
	}
	return t
}()
