package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/wefka/wefka/simulator"
	"github.com/wefka/wefka/simulator/witness"
)

// verifyFlags are those of simulate that have it read back what was promised.
type verifyFlags struct {
	on     bool
	kafka  []string
	topics []string
}

func (f *verifyFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.BoolVar(&f.on, "verify", false, "afterwards read the topics, and say which acknowledged events are missing, duplicated or out of order; exit 3 if any is missing")
	flags.StringSliceVar(&f.kafka, "kafka", nil, "ADDR[,ADDR]: brokers for --verify; default: section kafka of --config, with its TLS and SASL")
	flags.StringSliceVar(&f.topics, "topics", nil, "TOPIC[,TOPIC]: all that the events may be in, the dead-letter topic too; default: those that --config names")
}

// verifier is a witness and how it comes to Kafka.
type verifier struct {
	*witness.Witness
	close func()
}

// verifier begins to watch; nil without --verify.
func (p *program) verifier(ctx context.Context, f *verifyFlags, log *slog.Logger) (*verifier, error) {
	if !f.on {
		if f.kafka != nil || f.topics != nil {
			return nil, usagef("--kafka and --topics need --verify")
		}
		return nil, nil
	}
	config, topics := defaults(), f.topics
	config.Kafka.Brokers = f.kafka
	if f.kafka == nil || f.topics == nil {
		var err error
		if config, topics, err = p.configured(f); err != nil {
			return nil, fmt.Errorf("--verify without --kafka and --topics: %w", err)
		}
	}
	producer, err := config.producer(topics, log)
	if err != nil {
		return nil, err
	}
	v := &verifier{Witness: &witness.Witness{Transport: producer.Transport(topics...), Brokers: producer.Brokers(), Topics: topics}}
	v.close = func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if err := producer.Close(stop); err != nil {
			log.Debug("close", "error", err)
		}
	}
	if err := v.Begin(ctx); err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

// configured takes from the configuration what the flags leave out.
func (p *program) configured(f *verifyFlags) (*Config, []string, error) {
	config, err := p.loadConfig()
	if err != nil {
		return nil, nil, err
	}
	if f.kafka != nil {
		config.Kafka = defaults().Kafka
		config.Kafka.Brokers = f.kafka
	}
	if f.topics != nil {
		return config, f.topics, nil
	}
	subs, _, err := config.loadSubscriptions()
	if err != nil {
		return nil, nil, err
	}
	topics, err := config.topics(subs)
	if config.shares() {
		topics = slices.DeleteFunc(topics, func(t string) bool { return t == config.State.Topic })
	}
	return config, topics, err
}

const shown = 10 // events of a kind; all are in the report

// verdict judges, and says on stderr what is the matter.
func (p *program) verdict(ctx context.Context, v *verifier) (*witness.Verdict, error) {
	verdict, err := v.Judge(context.WithoutCancel(ctx)) // an interrupted run is judged too; a second signal ends that
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(p.stderr, "verify: %s\n", verdict)
	which := map[string][]string{"missing": verdict.Which.Missing, "duplicated": verdict.Which.Duplicated, "out of order": verdict.Which.OutOfOrder}
	for _, what := range slices.Sorted(maps.Keys(which)) {
		ids := which[what]
		for _, id := range ids[:min(len(ids), shown)] {
			fmt.Fprintf(p.stderr, "%s: %s\n", what, id)
		}
		if more := len(ids) - shown; more > 0 {
			fmt.Fprintf(p.stderr, "%s: %d more, all in the report\n", what, more)
		}
	}
	return verdict, nil
}

// simulation is the report of simulate.
type simulation struct {
	*simulator.Report
	Verify *witness.Verdict `json:"verify,omitempty"`
}
