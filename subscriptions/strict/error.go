package strict

import (
	"fmt"
	"slices"
	"strings"
)

// Error is one thing that is wrong with a file, and where.
type Error struct {
	File         string
	Line, Column int // from 1; characters, not bytes
	Message      string
	Source       string // the line, without its end
}

// Error is three lines: the place and the message, the offending line, and a caret below the place.
func (e *Error) Error() string {
	source, column := e.window()
	var pad strings.Builder // tabs stay tabs, so that the caret stands right
	for _, r := range source[:min(column-1, len(source))] {
		if r != '\t' {
			r = ' '
		}
		pad.WriteRune(r)
	}
	return fmt.Sprintf("%s:%d:%d: %s\n%5d | %s\n%5s | %s^", e.File, e.Line, e.Column, e.Message, e.Line, string(source), "", pad.String())
}

// window is the part of a long line around the place, and the column in it.
func (e *Error) window() ([]rune, int) {
	const before, width = 60, 120
	source, column := []rune(e.Source), e.Column
	if start := column - 1 - before; len(source) > width && start > 0 {
		start = min(start, len(source)-1)
		source, column = source[start:], column-start
	}
	return source[:min(width, len(source))], column
}

// nearest is the known word closest to a mistyped one; "" when none is close.
func nearest(word string, known []string) string {
	best, limit := "", max(1, len(word)/3)
	for _, k := range known {
		if d := distance(strings.ToLower(word), k); d <= limit {
			best, limit = k, d-1
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap with a neighbour to make b out of a.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			rows[i][j] = min(replace, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// suggestion ends the message about an unknown key.
func suggestion(word string, known []string) string {
	if len(word) <= 100 { // longer than any key: not worth a search
		if n := nearest(word, known); n != "" {
			return fmt.Sprintf("did you mean %q?", n)
		}
	}
	slices.Sort(known)
	return "there are " + strings.Join(known, ", ")
}
