package output

import "bytes"

// texts is a list of strings as JSON, built in place.
type texts []byte

// shortList is how long a list may be, in bytes, to be searched for repeats.
const shortList = 4 << 10

// add appends one.
func (l *texts) add(text []byte) {
	if len(*l) == 0 {
		*l = append(*l, '[')
	}
	*l = append(appendString(*l, text), ',')
}

// addNew is add, but for a text that is there. A long list takes all.
func (l *texts) addNew(text []byte) {
	before := len(*l)
	l.add(text)
	if before == 0 || before > shortList {
		return
	}
	if item := (*l)[before-1:]; bytes.HasPrefix((*l)[1:before], item[1:]) || bytes.Contains((*l)[:before], item) {
		*l = (*l)[:before]
	}
}

// value is the list, nil for an empty one. Nothing may be added after it.
func (l *texts) value() []byte {
	if len(*l) == 0 {
		return nil
	}
	(*l)[len(*l)-1] = ']'
	return *l
}
