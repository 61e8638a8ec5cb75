package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/wefka/wefka/output/fetch"
	"github.com/wefka/wefka/output/producer"
)

func (d *doctor) kafka() {
	reached := d.brokers()
	subs, _, err := d.config.loadSubscriptions()
	if err != nil || !reached {
		return
	}
	names, err := d.config.topics(subs)
	if err != nil {
		d.failure("KAF-003", err, mendFile)
		return
	}
	p, err := d.config.producer(names, nil)
	if err != nil {
		d.failure("KAF-002", err, "mend kafka.tls or kafka.sasl")
		return
	}
	defer p.Close(d.ctx)
	topics, err := p.Describe(d.ctx)
	if err != nil {
		d.failure("KAF-002", err, "mend kafka.tls or kafka.sasl")
		return
	}
	d.ok("KAF-002", "the cluster answers"+d.as())
	for _, t := range topics {
		d.topic(t)
		if t.Err == nil {
			d.topicSettings(t, p)
		}
	}
	if err := p.CheckIdempotence(d.ctx); err != nil {
		d.warning("KAF-009", err, "allow IDEMPOTENT_WRITE on the cluster, or WRITE on a topic")
	} else {
		d.ok("KAF-009", "the cluster gives producer ids")
	}
}

// as says who we are to Kafka.
func (d *doctor) as() string {
	if s := d.config.Kafka.SASL; s.Mechanism != "" && s.Username != "" {
		return " to " + s.Username
	}
	return ""
}

// brokers says whether one of them takes connections.
func (d *doctor) brokers() (reached bool) {
	for _, broker := range d.config.Kafka.Brokers {
		ctx, cancel := context.WithTimeout(d.ctx, 5*time.Second) // for each broker: one that is silent is not all
		defer cancel()
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", broker)
		if err != nil {
			d.fail("KAF-001", fmt.Sprintf("broker %s: %v", broker, err), "is it up, does DNS know it, does a firewall stand between?")
			continue
		}
		if k := &d.config.Kafka.TLS; k.Enabled {
			err = d.handshake(ctx, conn, broker)
		}
		conn.Close()
		if err != nil {
			d.fail("KAF-002", fmt.Sprintf("broker %s: TLS: %v", broker, err), "is that its TLS listener; is kafka.tls.ca its issuer; is its name in its certificate (kafka.tls.server_name)?")
			continue
		}
		reached = true
		d.ok("KAF-001", "broker "+broker+" takes connections")
	}
	return reached
}

func (d *doctor) handshake(ctx context.Context, conn net.Conn, broker string) error {
	config, err := d.config.kafkaTLS()
	if err != nil {
		return err
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(broker)
	}
	return tls.Client(conn, config).HandshakeContext(ctx)
}

func (d *doctor) bootstrap() string { return "--bootstrap-server " + d.config.Kafka.Brokers[0] }

func (d *doctor) topic(t producer.Topic) {
	switch {
	case t.Err != nil:
		d.fail("KAF-003", fmt.Sprintf("topic %s: %v", t.Name, t.Err),
			"kafka-topics.sh "+d.bootstrap()+" --create --topic "+t.Name+" --partitions 12 --replication-factor 3 --config min.insync.replicas=2"+d.grant(t.Name))
		return
	case t.Leaderless > 0:
		d.fail("KAF-003", fmt.Sprintf("topic %s: %d of %d partitions have no leader", t.Name, t.Leaderless, t.Partitions), "bring the brokers back: hosts of those partitions wait")
	default:
		d.ok("KAF-003", fmt.Sprintf("topic %s has %d partitions", t.Name, t.Partitions))
	}
	if t.MayWrite {
		d.ok("KAF-004", "we may write to "+t.Name)
	} else {
		d.fail("KAF-004", "we may not write to "+t.Name, "allow it"+d.grant(t.Name))
	}
}

// grant is the command that lets us use a topic, behind whatever comes before it.
func (d *doctor) grant(topic string) string {
	user := d.config.Kafka.SASL.Username
	if user == "" {
		return ""
	}
	return "; kafka-acls.sh " + d.bootstrap() + " --add --allow-principal User:" + user + " --operation Write --operation Describe --operation DescribeConfigs --topic " + topic
}

func (d *doctor) topicSettings(t producer.Topic, p *producer.Producer) {
	settings, err := (&fetch.Topic{Transport: p.Transport(t.Name), Brokers: p.Brokers(), Name: t.Name}).Settings(d.ctx)
	if err != nil {
		d.replication(t, 0)
		return
	}
	number := func(key string) int64 {
		n, err := strconv.ParseInt(settings[key], 10, 64)
		if err != nil {
			return -1
		}
		return n
	}
	alter := "kafka-configs.sh " + d.bootstrap() + " --alter --topic " + t.Name + " --add-config "
	d.replication(t, int(number("min.insync.replicas")))

	if most, envelope := number("max.message.bytes"), d.largestEnvelope(); most >= 0 && most < envelope {
		d.warn("KAF-006", fmt.Sprintf("topic %s takes messages of %d bytes, and an envelope may hold an event of %d: it would become a dead letter", t.Name, most, envelope),
			fmt.Sprintf("%smax.message.bytes=%d", alter, max(envelope, 1<<20)))
	} else {
		d.ok("KAF-006", fmt.Sprintf("topic %s takes messages of %d bytes", t.Name, most))
	}

	before, after := number("message.timestamp.before.max.ms"), number("message.timestamp.after.max.ms")
	k := &d.config.Kafka
	switch oldest := time.Duration(k.TimestampMaxAge.Duration()); {
	case k.Timestamp == "clamped" && before >= 0 && before < oldest.Milliseconds():
		d.fail("KAF-007", fmt.Sprintf("topic %s refuses timestamps older than %d ms, and we send some of %s", t.Name, before, k.TimestampMaxAge),
			fmt.Sprintf("%smessage.timestamp.before.max.ms=%d, or lower kafka.timestamp_max_age", alter, 2*oldest.Milliseconds()))
	case k.Timestamp == "event" && before >= 0 && before < (365*24*time.Hour).Milliseconds():
		d.warn("KAF-007", fmt.Sprintf("topic %s refuses timestamps older than %d ms; older events become dead letters", t.Name, before), "use kafka.timestamp: clamped")
	case after >= 0 && after < (5*time.Minute).Milliseconds() && k.Timestamp != "receive":
		d.fail("KAF-007", fmt.Sprintf("topic %s refuses timestamps more than %d ms ahead, and hosts' clocks differ", t.Name, after), alter+"message.timestamp.after.max.ms=3600000")
	default:
		d.ok("KAF-007", fmt.Sprintf("topic %s takes our timestamps", t.Name))
	}

	if c := settings["compression.type"]; c != "" && c != "producer" && c != k.Compression {
		d.warn("KAF-008", fmt.Sprintf("topic %s has compression.type=%s: brokers compress all of it again", t.Name, c), alter+"compression.type=producer, or kafka.compression: "+c)
	} else {
		d.ok("KAF-008", fmt.Sprintf("topic %s keeps our compression", t.Name))
	}
}

// replication looks at what an acknowledgement is worth; minimum is min.insync.replicas, below 1 if unknown.
func (d *doctor) replication(t producer.Topic, minimum int) {
	fact := fmt.Sprintf("topic %s: replication %d, in sync %d", t.Name, t.Replication, t.InSync)
	if minimum > 0 {
		fact += fmt.Sprintf(", min.insync.replicas %d", minimum)
	}
	alter := "kafka-configs.sh " + d.bootstrap() + " --alter --topic " + t.Name + " --add-config min.insync.replicas="
	switch {
	case minimum > 0 && t.InSync < minimum:
		d.fail("KAF-005", fact+": nothing can be written now", "bring the brokers back")
	case t.Replication < 2:
		d.warn("KAF-005", fact+": one lost disk loses acknowledged events", "use a replication factor of 3 (kafka-reassign-partitions.sh)")
	case minimum == 1:
		d.warn("KAF-005", fact+": an acknowledgement may be worth one disk", alter+"2")
	case minimum >= t.Replication:
		d.warn("KAF-005", fact+": one broker away stops all writing", alter+strconv.Itoa(t.Replication-1))
	default:
		d.ok("KAF-005", fact)
	}
}

// largestEnvelope is in bytes of UTF-16, of which an event of ASCII takes half in Kafka; the rest is for what JSON adds.
func (d *doctor) largestEnvelope() int64 {
	subs, _, _ := d.config.loadSubscriptions()
	largest := int64(0)
	for _, s := range subs {
		if s.Enabled {
			largest = max(largest, int64(s.Delivery.MaxEnvelopeSize))
		}
	}
	return min(largest, int64(d.config.Limits.Event))
}
