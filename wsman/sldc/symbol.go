package sldc

// Control symbols are nine ones and a 4-bit code. Nine leading ones start nothing else.
const (
	flush       = 0x0 // skip to the next 32-bit boundary
	scheme1     = 0x1 // compressing symbols follow
	scheme2     = 0x2 // plain bytes follow
	fileMark    = 0x3 // no data
	endOfRecord = 0x4
	reset1      = 0x5 // history cleared, scheme 1
	reset2      = 0x6 // history cleared, scheme 2
	endMarker   = 0xF

	controlPrefix = 0x1FF // nine ones
	controlBits   = 13
)

const (
	historySize = 1024
	maxMatch    = 271
	trailerSize = 4
)

// Is says whether a body begins as an SLDC stream does: with Reset 1, Reset 2, Scheme 1 or Scheme 2. No byte order mark and no
// XML begins so; in particular FF FE, which would read as an End Marker, is text.
func Is(body []byte) bool {
	if len(body) < 2 || body[0] != 0xFF || body[1]&0x80 == 0 {
		return false
	}
	switch body[1] >> 3 & 0xF {
	case scheme1, scheme2, reset1, reset2:
		return true
	}
	return false
}
