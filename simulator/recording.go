package simulator

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/wefka/wefka/wsman"
)

// sample are Sysmon events in the shape of recorded ones, every id of schema 4.90; own work.
//
//go:embed sample.xmll
var sample []byte

// recording is one recorded event, as an entry of an Events message, cut where a host puts its own values.
type recording struct {
	pieces       [][]byte // the value of values[i] comes after pieces[i]
	values       []value
	bytes, units int // of the pieces, in UTF-8 and UTF-16

	provider, channel string
	id, level         int
}

// value is what a host replaces.
type value byte

const (
	computerValue value = iota
	recordValue
	createdValue
)

const createdLayout = "2006-01-02T15:04:05.0000000Z"

// stamp is one event that a host has made: everything about it that is not in its recording.
type stamp struct {
	*recording
	record  uint64
	created time.Time // UTC, full 100 ns
	sent    bool      // at least once
	failed  string    // why the last request that sent it got no Ack
}

// append appends the entry of s; computer is escaped.
func (s *stamp) append(dst []byte, computer string) []byte {
	for i, piece := range s.pieces {
		dst = append(dst, piece...)
		if i == len(s.values) {
			break
		}
		switch s.values[i] {
		case computerValue:
			dst = append(dst, computer...)
		case recordValue:
			dst = strconv.AppendUint(dst, s.record, 10)
		case createdValue:
			dst = s.created.AppendFormat(dst, createdLayout)
		}
	}
	return dst
}

func (r *recording) has(v value) bool { return slices.Contains(r.values, v) }

// size is what append appends, in bytes of UTF-8 and units of UTF-16.
func (s *stamp) size(computer string) (bytes, units int) {
	bytes, units = s.bytes, s.units
	for _, v := range s.values {
		n := 0
		switch v {
		case computerValue:
			bytes, units = bytes+len(computer), units+unitsOf(computer)
		case recordValue:
			for rest := s.record; n == 0 || rest > 0; rest /= 10 {
				n++
			}
		case createdValue:
			n = len(createdLayout)
		}
		bytes, units = bytes+n, units+n
	}
	return bytes, units
}

// Channels are those of the recorded events, for a query that selects all of them.
func (f *Fleet) Channels() ([]string, error) {
	r := &run{Fleet: *f}
	r.defaults()
	all, err := r.load()
	var names []string
	for _, e := range all {
		if !slices.Contains(names, e.channel) {
			names = append(names, e.channel)
		}
	}
	return names, err
}

// load reads the recorded events of the corpus, or the sample.
func (r *run) load() ([]*recording, error) {
	var all []*recording
	skipped := 0
	read := func(name string, in io.Reader) error {
		list, n, err := readRecordings(in)
		if err != nil {
			return fmt.Errorf("simulator: read %s: %w", name, err)
		}
		all, skipped = append(all, list...), skipped+n
		return nil
	}
	if len(r.Corpus) == 0 {
		err := read("sample", bytes.NewReader(sample))
		return all, err
	}
	for _, name := range r.Corpus {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("simulator: %w", err)
		}
		err = read(name, f)
		_ = f.Close()
		if err != nil {
			return nil, err
		}
	}
	if skipped > 0 {
		r.Log.Warn("recorded events skipped", "events", skipped, "reason", "no Channel, so no query selects them")
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("simulator: no recorded event in %s", strings.Join(r.Corpus, ", "))
	}
	return all, nil
}

// readRecordings reads one event a line, gzip by its magic. Lines without a readable System or Channel are skipped.
func readRecordings(in io.Reader) (list []*recording, skipped int, err error) {
	b := bufio.NewReaderSize(in, 1<<16)
	if magic, _ := b.Peek(2); string(magic) == "\x1f\x8b" {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, 0, err
		}
		b = bufio.NewReaderSize(z, 1<<16)
	}
	for {
		line, err := b.ReadBytes('\n')
		if line = bytes.TrimRight(line, "\r\n"); len(bytes.TrimSpace(line)) > 0 {
			if r := newRecording(line); r != nil {
				list = append(list, r)
			} else {
				skipped++
			}
		}
		if err == io.EOF {
			return list, skipped, nil
		}
		if err != nil {
			return nil, 0, err
		}
	}
}

// newRecording cuts an event. nil: it has no System that can be read, or no Channel.
func newRecording(event []byte) *recording {
	s := systemReader{event: event, decoder: xml.NewDecoder(bytes.NewReader(event))}
	if s.read() != nil || s.channel == "" {
		return nil
	}
	// A NUL is in no XML. It holds the places while the event becomes an entry.
	var marked []byte
	from := 0
	for _, p := range s.places {
		marked = append(append(marked, event[from:p.from]...), 0)
		from = p.to
		s.values = append(s.values, p.value)
	}
	r := s.recording
	r.pieces = bytes.Split(wsman.AppendEvent(nil, append(marked, event[from:]...)), []byte{0})
	for _, piece := range r.pieces {
		r.bytes += len(piece)
		r.units += unitsOf(string(piece))
	}
	return &r
}

func unitsOf(text string) (n int) {
	for _, c := range text {
		n += utf16.RuneLen(c)
	}
	return n
}

// systemReader finds in an event's System what a host replaces and what a query asks for.
type systemReader struct {
	recording
	event   []byte
	decoder *xml.Decoder
	places  []place
}

type place struct {
	from, to int
	value
}

var errNoSystem = errors.New("no System")

// read goes to the end of System and no further: what comes after it may be as broken as it likes.
func (s *systemReader) read() error {
	for depth := 0; ; {
		from := int(s.decoder.InputOffset())
		token, err := s.decoder.Token()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			depth++
			switch {
			case depth == 1 && t.Name.Local != "Event", depth == 2 && t.Name.Local != "System":
				return errNoSystem
			case depth == 3:
				if err := s.child(t, from); err != nil {
					return err
				}
				depth--
			}
		case xml.EndElement:
			if depth == 2 {
				return nil
			}
			depth--
		}
	}
}

// child reads one child of System, whose start tag begins at tag, to its end.
func (s *systemReader) child(start xml.StartElement, tag int) error {
	from := int(s.decoder.InputOffset())
	to := from
	var text []byte
	for depth := 1; depth > 0; {
		to = int(s.decoder.InputOffset())
		token, err := s.decoder.Token()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			text = append(text, t...)
		}
	}
	closed := s.event[from-2] == '/' // <Computer/> has no room for a value
	switch start.Name.Local {
	case "Provider":
		for _, a := range start.Attr {
			if a.Name.Local == "Name" {
				s.provider = a.Value
			}
		}
	case "EventID":
		s.id = number(text)
	case "Level":
		s.level = number(text)
	case "Channel":
		s.channel = string(text)
	case "TimeCreated":
		if from, to, ok := attribute(s.event[tag:from], "SystemTime"); ok {
			s.places = append(s.places, place{tag + from, tag + to, createdValue})
		}
	case "EventRecordID":
		if !closed {
			s.places = append(s.places, place{from, to, recordValue})
		}
	case "Computer":
		if !closed {
			s.places = append(s.places, place{from, to, computerValue})
		}
	}
	return nil
}

func number(text []byte) int {
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return -1
	}
	return n
}

// attribute finds the value of an attribute in a start tag that is well formed.
func attribute(tag []byte, name string) (from, to int, ok bool) {
	i := bytes.Index(tag, []byte(name))
	if i < 0 {
		return 0, 0, false
	}
	quote := bytes.IndexAny(tag[i:], `'"`)
	if quote < 0 {
		return 0, 0, false
	}
	from = i + quote + 1
	n := bytes.IndexByte(tag[from:], tag[from-1])
	return from, from + n, n >= 0
}
