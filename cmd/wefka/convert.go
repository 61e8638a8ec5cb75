package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/spf13/cobra"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/output"
)

func (p *program) convertCommand() *cobra.Command {
	var format, subscription string
	var explain bool
	var batch events.Batch
	c := &cobra.Command{
		Use:   "convert [FILE|-]",
		Short: "Turn recorded event XML into the documents that would go to Kafka",
		Long: `Reads one event's XML a line (gzip is recognised; empty lines are skipped) and writes one document a line, in the same order.
A line that fails prints its number and the reason on stderr. There is no delivery here, so the documents carry no sender.

With --explain it writes no documents: a line for each event says where the configuration would send it, in which format, and which
route decided.`,
		Example: `  wefka convert events.xmll
  zcat old.xmll.gz | wefka convert --format json - | jq .System.EventID
  wefka convert --format ecs --ecs-keep-event-data events.xmll
  wefka convert --config wefka.yaml --explain events.xmll`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "json" && format != "xml" && format != "ecs" {
				return usagef("--format %q: use json, ecs or xml", format)
			}
			encoder, err := output.NewEncoder(format, output.Settings{})
			if err != nil {
				return err
			}
			in := p.stdin
			if len(args) == 1 && args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				in = f
			}
			work := func(document []byte, r *events.Record) ([]byte, error) { return encoder.Append(document, &batch, r) }
			if explain {
				if work, err = p.explainRoutes(subscription); err != nil {
					return err
				}
			}
			return p.convert(cmd.Context(), in, work)
		},
	}
	c.Flags().StringVar(&format, "format", "json", "json, ecs or xml")
	c.Flags().BoolVar(&batch.KeepEventData, "ecs-keep-event-data", false, "ecs: all of EventData in winlog.event_data, mapped or not")
	c.Flags().BoolVar(&batch.EventOriginal, "event-original", false, "ecs: the event's XML in event.original")
	c.Flags().BoolVar(&explain, "explain", false, "say what the configuration's routes would do with each event")
	c.Flags().StringVar(&subscription, "subscription", "", "with --explain: the subscription that delivers; default: the first that selects from the event's channel")
	return c
}

// convert writes what work makes of each event on a line. It is an error when any line failed.
func (p *program) convert(ctx context.Context, in io.Reader, work func(document []byte, r *events.Record) ([]byte, error)) error {
	r := bufio.NewReaderSize(in, 1<<20)
	if magic, _ := r.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(r)
		if err != nil {
			return fmt.Errorf("read gzip: %w", err)
		}
		r = bufio.NewReaderSize(z, 1<<20)
	}
	out := bufio.NewWriterSize(p.stdout, 1<<20)
	defer out.Flush()
	var decoder events.Decoder
	var record events.Record
	var document []byte
	failed := 0
	for n := 1; ctx.Err() == nil; n++ {
		line, err := r.ReadBytes('\n')
		if line = bytes.TrimRight(line, "\r\n"); len(bytes.TrimSpace(line)) > 0 {
			e := decoder.Decode(line, &record)
			if e == nil {
				document, e = work(document[:0], &record)
			}
			if e != nil {
				failed++
				fmt.Fprintf(p.stderr, "line %d: %v\n", n, e)
			} else if _, e := out.Write(append(document, '\n')); e != nil {
				return e
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of the lines failed", failed)
	}
	return ctx.Err()
}
