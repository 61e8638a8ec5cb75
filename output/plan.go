package output

import "github.com/wefka/wefka/events"

// Plan is what would become of an event.
type Plan struct {
	Rule    string // name of the route that decides; "" = none does
	Dropped bool
	Topic   string
	Format  string
}

// Plan says what Deliver would do with an event of a batch, and writes nothing. Identity, size and what Kafka says are not looked at.
func (k *Kafka) Plan(b *events.Batch, r *events.Record) (Plan, error) {
	template, err := k.topics.template(b.Topic)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Format: b.Format}
	if rule := k.router.find(b.Subscription, r); rule != nil {
		p.Rule, p.Dropped = rule.Name, rule.Then.Drop
		if p.Dropped {
			return Plan{Rule: rule.Name, Dropped: true}, nil
		}
		if rule.topic != nil {
			template = rule.topic
		}
		if rule.Then.Format != "" {
			p.Format = rule.Then.Format
		}
	}
	static := ""
	if template.Static() {
		static = template.Name(b.Subscription)
	}
	p.Topic, _ = k.topics.of(template, static, b.Subscription, r, nil)
	return p, nil
}
