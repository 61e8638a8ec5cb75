package output

// Sysmon's RuleName is free text with conventions: "technique_id=T1059.001,technique_name=PowerShell" (sysmon-modular),
// "T1060,RunKey" (SwiftOnSecurity), plain words, or "-" and nothing for no rule.

// Bounds of what is taken out of one RuleName; the rest is still in EventData.
const (
	maxRuleKeys   = 16
	maxTechniques = 16
)

// noRule says whether text names no rule.
func noRule(text []byte) bool { return len(text) == 0 || string(text) == "-" }

// nextTechnique finds the first ATT&CK technique id from i on, T1234 or T1234.001, standing by itself.
func nextTechnique(text []byte, i int) (from, to int, ok bool) {
	for ; i+5 <= len(text); i++ {
		if text[i] != 'T' || !digits(text[i+1:i+5]) || i > 0 && alphanumeric(text[i-1]) {
			continue
		}
		to = i + 5
		if to+4 <= len(text) && text[to] == '.' && digits(text[to+1:to+4]) && (to+4 == len(text) || !alphanumeric(text[to+4])) {
			return i, to + 4, true
		}
		if to == len(text) || !alphanumeric(text[to]) {
			return i, to, true
		}
	}
	return 0, 0, false
}

func digits(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// ruleKey is the length of the key at the start of text, which an equals sign must follow; 0: there is none.
func ruleKey(text []byte) int {
	for i, c := range text {
		switch {
		case c == '=':
			return i
		case i == 0 && '0' <= c && c <= '9' || c != '_' && !alphanumeric(c):
			return 0
		}
	}
	return 0
}

// nextRuleKey is where the first key from i on starts. A key stands at the start or right after a comma.
func nextRuleKey(text []byte, i int) int {
	for ; i < len(text); i++ {
		if (i == 0 || text[i-1] == ',') && ruleKey(text[i:]) > 0 {
			return i
		}
	}
	return len(text)
}

// appendRule appends the object for a RuleName: its keys, or else the text as Name; then all technique ids in it.
func appendRule(dst, text []byte) []byte {
	dst = append(dst, `"Rule":{`...)
	i := nextRuleKey(text, 0)
	named := i > 0
	switch {
	case i == len(text):
		dst = appendText(dst, `"Name":`, text)
	case named:
		dst = appendText(dst, `"Name":`, text[:i-1])
	}
	var keys [maxRuleKeys][]byte
	for n := 0; i < len(text) && n < maxRuleKeys; n++ {
		key := text[i : i+ruleKey(text[i:])]
		next := len(text)
		if n+1 < maxRuleKeys {
			next = nextRuleKey(text, i+len(key))
		}
		value := text[i+len(key)+1 : next]
		if next < len(text) {
			value = value[:len(value)-1] // the comma
		}
		if !reserved(key, named) && !contains(keys[:n], key) {
			dst = appendMember(dst, key, value)
		}
		keys[n] = key
		i = next
	}
	return appendTechniques(dst, text)
}

// reserved says whether a key would collide with a member of ours.
func reserved(key []byte, named bool) bool {
	return string(key) == "Techniques" || named && string(key) == "Name"
}

func contains(list [][]byte, text []byte) bool {
	for _, t := range list {
		if string(t) == string(text) {
			return true
		}
	}
	return false
}

// appendTechniques ends the object of appendRule.
func appendTechniques(dst, text []byte) []byte {
	var seen [maxTechniques][]byte
	n := 0
	for i := 0; n < maxTechniques; {
		from, to, ok := nextTechnique(text, i)
		if !ok {
			break
		}
		i = to
		if contains(seen[:n], text[from:to]) {
			continue
		}
		if n == 0 {
			dst = append(dst, `"Techniques":[`...)
		}
		seen[n] = text[from:to]
		n++
		dst = append(appendString(dst, text[from:to]), ',')
	}
	if n > 0 {
		dst = appendEnd(dst, ']')
	}
	return appendEnd(dst, '}')
}
