package output

import "bytes"

// invocations adds what a command did, from lines such as
//
//	CommandInvocation(Out-Default): "Out-Default"
//	ParameterBinding(Out-Default): name="InputObject"; value="text of
//	several lines"
//
// as objects, and says whether that was all of it. The first words are in the host's language.
func (e *ECS) invocations(text []byte) (whole bool) {
	whole = true
	l := &e.details
	for i := 0; i < len(text); {
		head := invocation(text, i)
		if head.command == nil {
			end := lineEnd(text, i)
			whole = whole && len(trimmed(text[i:end])) == 0
			i = end + 1
			continue
		}
		end := lineEnd(text, i)
		for end < len(text) && invocation(text, end+1).command == nil {
			end = lineEnd(text, end+1)
		}
		name, value := binding(trimmed(text[head.value:end]))
		i = end + 1

		if len(*l) == 0 {
			*l = append(*l, '[')
		}
		*l = appendText(append(*l, '{'), `"type":`, head.kind)
		*l = appendText(*l, `"related_command":`, head.command)
		*l = appendText(*l, `"name":`, name)
		*l = appendText(*l, `"value":`, value)
		*l = appendEnd(*l, '}')
	}
	return whole && len(*l) > 0
}

// invocationHead is the start of an entry: kind(command): value.
type invocationHead struct {
	kind, command []byte
	value         int // where it starts
}

// invocation reads the head at the start of a line; without one command is nil.
func invocation(text []byte, i int) (h invocationHead) {
	const longest = 256
	line := text[min(i, len(text)):min(i+longest, len(text))]
	open := 0
	for open < len(line) && (alphanumeric(line[open]) || line[open] >= 0x80) {
		open++
	}
	if open == 0 || open == len(line) || line[open] != '(' {
		return h
	}
	end := bytes.Index(line, []byte("): "))
	if end < 0 || bytes.IndexByte(line[:end], '\n') >= 0 {
		return h
	}
	return invocationHead{kind: line[:open], command: line[open+1 : end : end], value: i + end + len("): ")}
}

// binding splits name="…"; value="…", or takes the quotes off a value alone.
func binding(text []byte) (name, value []byte) {
	if rest, ok := bytes.CutPrefix(text, []byte(`name="`)); ok {
		if name, value, ok := bytes.Cut(rest, []byte(`"; value="`)); ok {
			return name, bytes.TrimSuffix(value, []byte{'"'})
		}
	}
	if len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"' {
		text = text[1 : len(text)-1]
	}
	return nil, text
}

// lineEnd is where the line at i ends: at its line feed, or at the end of the text.
func lineEnd(text []byte, i int) int {
	if i >= len(text) {
		return len(text)
	}
	if n := bytes.IndexByte(text[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(text)
}

// trimmed is text without white space around it.
func trimmed(text []byte) []byte { return bytes.Trim(text, " \t\r\n") }
