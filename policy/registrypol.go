package policy

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

// signature begins a registry.pol: "PReg" and version 1 (MS-GPREG 2.2).
var signature = []byte{'P', 'R', 'e', 'g', 1, 0, 0, 0}

// EncodeRegistryPol gives a registry.pol: the signature, then each value as [key;name;type;size;data] in UTF-16LE, key and name
// ended by NUL, type and size as 32-bit little-endian numbers (MS-GPREG 2.2.1).
func EncodeRegistryPol(settings []Setting) []byte {
	b := bytes.Clone(signature)
	for _, s := range settings {
		kind, data := s.data()
		b = appendUTF16(b, "["+s.Key+"\x00;"+s.Name+"\x00;")
		b = appendUTF16(binary.LittleEndian.AppendUint32(b, kind), ";")
		b = appendUTF16(binary.LittleEndian.AppendUint32(b, uint32(len(data))), ";")
		b = appendUTF16(append(b, data...), "]")
	}
	return b
}

// data is the value as the registry holds it.
func (s Setting) data() (kind uint32, data []byte) {
	if n, ok := s.Value.(uint32); ok {
		return regDWORD, binary.LittleEndian.AppendUint32(nil, n)
	}
	return regSZ, appendUTF16(nil, s.Value.(string)+"\x00")
}

func appendUTF16(b []byte, text string) []byte {
	for _, unit := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return b
}
