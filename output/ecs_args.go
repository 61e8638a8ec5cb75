package output

// appendArguments appends a command line as a list of its arguments, and says how many. It is split the way the Microsoft C
// run-time did before 2008: blanks and tabs separate, but for those in quotes; of 2n backslashes before a quote stay n, of 2n+1 n
// and the quote itself; inside quotes a doubled quote stands for one and ends them as well; other backslashes are what they are.
func appendArguments(dst, line []byte) (list []byte, count int) {
	dst = append(dst, '[')
	quoted, inside := false, false // in quotes; in an argument
	from, slashes := 0, 0          // what is not written yet starts there, and ends in so many backslashes
	for i := 0; i < len(line); i++ {
		c := line[i]
		if !inside {
			if c == ' ' || c == '\t' {
				continue
			}
			inside, from, slashes = true, i, 0
			dst = append(dst, '"')
			count++
		}
		switch {
		case c == '\\':
			slashes++
			continue
		case (c == ' ' || c == '\t') && !quoted:
			inside = false
			dst = append(appendInside(dst, line[from:i]), `",`...)
		case c == '"':
			dst = appendInside(dst, line[from:i-(slashes+1)/2])
			from = i + 1
			switch {
			case slashes%2 == 1:
				dst = append(dst, '\\', '"')
			case quoted && i+1 < len(line) && line[i+1] == '"':
				dst = append(dst, '\\', '"')
				i++
				from++
				quoted = false
			default:
				quoted = !quoted
			}
		}
		slashes = 0
	}
	if inside {
		dst = append(appendInside(dst, line[from:]), `",`...)
	}
	if count > 0 {
		dst = dst[:len(dst)-1]
	}
	return append(dst, ']'), count
}
