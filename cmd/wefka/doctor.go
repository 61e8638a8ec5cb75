package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (p *program) doctorCommand() *cobra.Command {
	var host, format string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look at everything that could keep events from arriving",
		Long: `Looks at configuration, certificates, keytab, network, Kafka, state and the limits of this machine, and prints a line for each check: what
it found, and what to do about it. It changes nothing. docs/doctor.md lists the checks by their ids.

Run it as the user that the service runs as, on the machine that it runs on. A server that runs is asked too.`,
		Example: "  wefka doctor --config /etc/wefka/wefka.yaml\n  wefka doctor --host pc-0815.corp.example\n  wefka doctor --format json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "text" && format != "json" {
				return usagef("--format %q: use text or json", format)
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
			defer cancel()
			d := &doctor{p: p, ctx: ctx, now: time.Now()}
			d.examine(host)
			return d.end(format)
		},
	}
	c.Flags().StringVar(&host, "host", "", "also look for one Windows host, by its full name")
	c.Flags().StringVar(&format, "format", "text", "text or json")
	return c
}

// diagnosis is what one check found.
type diagnosis struct {
	ID     string `json:"id"`
	Group  string `json:"group"`
	Status string `json:"status"` // OK | WARN | FAIL | SKIP
	Fact   string `json:"fact"`
	Remedy string `json:"remedy,omitempty"`
}

// doctor goes from room to room.
type doctor struct {
	p         *program
	ctx       context.Context // of the whole examination
	now       time.Time
	config    *Config // nil: it could not be read
	running   bool    // a server with this configuration answers
	diagnoses []diagnosis
}

// examine makes every check once, in the order of the catalogue's groups.
func (d *doctor) examine(host string) {
	d.server()
	if !d.configuration() {
		for _, c := range catalogue {
			if !d.made(c.id) && c.group != "host" {
				d.skip(c.id, "the configuration cannot be used")
			}
		}
		return
	}
	d.listeners()
	d.kafka()
	d.state()
	d.machine()
	if host != "" {
		d.host(host)
	}
	for _, c := range catalogue {
		if !d.made(c.id) && c.group != "host" {
			d.skip(c.id, d.because(c.group, c.without))
		}
	}
	slices.SortStableFunc(d.diagnoses, func(a, b diagnosis) int { return position(a.ID) - position(b.ID) })
}

// because is why a check of a group was passed over: another one failed before it, or there is nothing to look at.
func (d *doctor) because(group, nothing string) string {
	for _, g := range d.diagnoses {
		if g.Group == group && g.Status == "FAIL" {
			return "not looked at: " + g.ID + " comes first"
		}
	}
	return nothing
}

func (d *doctor) made(id string) bool {
	return slices.ContainsFunc(d.diagnoses, func(g diagnosis) bool { return g.ID == id })
}

func (d *doctor) note(id, status, fact, remedy string) {
	d.diagnoses = append(d.diagnoses, diagnosis{id, catalogue[position(id)].group, status, oneLine(fact), oneLine(remedy)})
}

func (d *doctor) ok(id, fact string)           { d.note(id, "OK", fact, "") }
func (d *doctor) skip(id, why string)          { d.note(id, "SKIP", why, "") }
func (d *doctor) warn(id, fact, remedy string) { d.note(id, "WARN", fact, remedy) }
func (d *doctor) fail(id, fact, remedy string) { d.note(id, "FAIL", fact, remedy) }

// failure notes errors of our own rooms, which say what is wrong, a semicolon, and the cure; joined ones one by one. remedy is for
// those that leave it out.
func (d *doctor) failure(id string, err error, remedy string) { d.each(id, "FAIL", err, remedy) }

func (d *doctor) warning(id string, err error, remedy string) { d.each(id, "WARN", err, remedy) }

func (d *doctor) each(id, status string, err error, otherwise string) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			d.each(id, status, e, otherwise)
		}
		return
	}
	fact, remedy, ok := strings.Cut(err.Error(), "; ")
	if !ok {
		remedy = otherwise
	}
	d.note(id, status, fact, remedy)
}

// oneLine keeps a check on its line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// end prints the lines, or one JSON object, and gives the error that becomes the exit code.
func (d *doctor) end(format string) error {
	if format == "json" {
		e := json.NewEncoder(d.p.stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(map[string][]diagnosis{"checks": d.diagnoses}); err != nil {
			return err
		}
	} else {
		for _, g := range d.diagnoses {
			line := fmt.Sprintf("%-4s %s %s", g.Status, g.ID, g.Fact)
			if g.Remedy != "" {
				line += "; " + g.Remedy
			}
			fmt.Fprintln(d.p.stdout, printable(line))
		}
	}
	if slices.ContainsFunc(d.diagnoses, func(g diagnosis) bool { return g.Status == "FAIL" }) {
		return errProblems
	}
	return nil
}

// server asks the one that may run with this configuration.
func (d *doctor) server() {
	var ready struct {
		Status string
		Checks []check
	}
	err := d.p.admin().get(d.ctx, "/readyz?verbose", &ready)
	switch {
	case ready.Status == "" && err != nil:
		d.skip("SRV-001", "no server to ask: "+err.Error())
		return
	case ready.Status == "" || ready.Status == "ok":
		d.ok("SRV-001", "the running server is ready")
	default:
		for _, c := range ready.Checks {
			if c.Status != "ok" {
				d.warn("SRV-001", fmt.Sprintf("the running server is %s: %s: %s", ready.Status, c.Name, c.Message), "the checks below look at the cause")
			}
		}
	}
	d.running = true
}

const mendFile = "mend the file; wefka check says the same, with all places"

// configuration says whether there is one to go on with.
func (d *doctor) configuration() bool {
	config, err := d.p.loadConfig()
	switch {
	case errors.Is(err, os.ErrNotExist):
		d.fail("CFG-001", d.p.config+" is not there", "name the file with --config")
		return false
	case err != nil:
		d.failure("CFG-001", err, mendFile)
		return false
	}
	if problems := config.Validate(); len(problems) > 0 {
		d.failure("CFG-001", errors.Join(problems...), mendFile)
		return false
	}
	d.config = config
	d.ok("CFG-001", d.p.config)
	subs, warnings, err := config.loadSubscriptions()
	if err != nil {
		d.failure("CFG-002", err, mendFile)
		return true
	}
	for _, w := range warnings {
		d.warning("CFG-002", w, mendFile)
	}
	enabled := 0
	for _, s := range subs {
		if s.Enabled {
			enabled++
		}
	}
	if len(subs) > 0 && enabled == 0 {
		d.warn("CFG-002", "every subscription is disabled: hosts are given nothing", "set enabled: true in one of them")
	} else if enabled > 0 {
		d.ok("CFG-002", fmt.Sprintf("%d subscriptions, %d enabled", len(subs), enabled))
	}
	return true
}
