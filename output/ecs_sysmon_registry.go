package output

import (
	"bytes"
	"strconv"
)

var hives = [...]struct{ long, short string }{
	{"HKEY_LOCAL_MACHINE", "HKLM"}, {"HKEY_USERS", "HKU"}, {"HKEY_CLASSES_ROOT", "HKCR"}, {"HKEY_CURRENT_USER", "HKCU"},
	{"HKEY_CURRENT_CONFIG", "HKCC"}, {"HKEY_DYN_DATA", "HKDD"}, {"HKEY_PERFORMANCE_DATA", "HKPD"},
}

// registry sets where in the registry something happened. Key and value name cannot be told apart for certain, so the key has both
// and the value is whatever comes last, as others have it.
func (e *ECS) registry(value []byte) {
	e.set(registryPath, value)
	hive, key, _ := bytes.Cut(value, []byte{'\\'})
	for _, h := range hives {
		if string(hive) == h.short || string(hive) == h.long {
			e.constant(registryHive, h.short)
			e.set(registryKey, key)
			break
		}
	}
	if i := bytes.LastIndexByte(value, '\\'); i >= 0 {
		e.set(registryValue, value[i+1:])
	}
}

// registryData sets what was written there.
func (e *ECS) registryData(value []byte) {
	kind, n := registryNumber(value)
	from := len(e.scratch)
	switch {
	case kind != "":
		e.scratch = append(strconv.AppendUint(append(e.scratch, `["`...), n, 10), `"]`...)
	case string(value) == "Binary Data":
		e.constant(registryType, "REG_BINARY")
		return
	default:
		kind = "REG_SZ"
		e.scratch = append(appendString(append(e.scratch, '['), value), ']')
	}
	e.constant(registryType, kind)
	e.set(registryStrings, e.scratch[from:])
}
