package main

import (
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func (p *program) manCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "man",
		Short: "Write the manual pages of all commands",
		Long: `Writes one page in section 1 for each command into a folder; packages carry them. SOURCE_DATE_EPOCH, where set, is their date, so that
equal programs write equal pages.`,
		Example: "  wefka man --dir /usr/local/share/man/man1",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			written := time.Now().UTC()
			if epoch, ok := p.env("SOURCE_DATE_EPOCH"); ok {
				seconds, err := strconv.ParseInt(epoch, 10, 64)
				if err != nil {
					return usagef("SOURCE_DATE_EPOCH: %v", err)
				}
				written = time.Unix(seconds, 0).UTC()
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true
			return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "wefka", Manual: "wefka", Date: &written}, dir)
		},
	}
	c.Flags().StringVar(&dir, "dir", ".", "folder to write to")
	return c
}
