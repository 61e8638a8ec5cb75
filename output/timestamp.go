package output

import "github.com/wefka/wefka/events"

const millis = "2006-01-02T15:04:05.000Z"

// appendMillis appends a time that Windows wrote as RFC 3339 in UTC with milliseconds, or nothing if it is none.
func appendMillis(dst, text []byte) []byte {
	t, ok := events.ParseTime(text)
	if !ok {
		return dst
	}
	if last := len(text) - 1; last >= len("2006-01-02 15:04:05.00") && text[19] == '.' && digits(text[20:23]) && (text[last] == 'Z' || digits(text[23:])) && text[17] != '6' {
		dst = append(dst, text[:10]...)
		dst = append(append(dst, 'T'), text[11:23]...)
		return append(dst, 'Z')
	}
	return t.AppendFormat(dst, millis)
}
