package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/wefka/wefka/subscriptions/strict"
)

// listing is what a command lists, in whatever form it is asked for.
type listing struct {
	head   []string // upper case
	narrow int      // so many columns in a table; the others only in wide and csv
	rows   [][]string
	value  any // for json and yaml: what the admin interface answers
}

// outputFlag gives a command the flag -o for the format that write takes.
func outputFlag(c *cobra.Command) *string {
	return c.Flags().StringP("output", "o", "table", "table, wide, json, yaml or csv")
}

// write prints the listing as table, wide, json, yaml or csv.
func (l listing) write(w io.Writer, format string) error {
	switch format {
	case "table":
		return l.table(w, l.narrow)
	case "wide":
		return l.table(w, len(l.head))
	case "json":
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(l.value)
	case "yaml":
		text, err := strict.Marshal(l.value)
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	case "csv":
		c := csv.NewWriter(w)
		head := make([]string, len(l.head))
		for i, h := range l.head {
			head[i] = strings.ReplaceAll(strings.ToLower(h), " ", "_")
		}
		if err := c.Write(head); err != nil {
			return err
		}
		return c.WriteAll(l.rows)
	}
	return usagef("-o %q: use table, wide, json, yaml or csv", format)
}

func (l listing) table(w io.Writer, columns int) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{l.head}, l.rows...) {
		cells := make([]string, columns)
		for i, cell := range row[:columns] {
			if cell = printable(cell); cell == "" {
				cell = "-"
			}
			cells[i] = cell
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	return t.Flush()
}

// printable keeps what hosts claim from steering the operator's terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return '?'
		}
		return r
	}, s)
}
