package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/wefka/wefka/output"
	"github.com/wefka/wefka/subscriptions/strict"
)

// Validate looks at every value that needs no other file and gives all that is wrong, each with its key.
func (c *Config) Validate() []error {
	v := &validator{file: c.file}
	v.listeners(c.Listeners)
	v.kafka(&c.Kafka)
	v.oneOf("state.backend", c.State.Backend, "bbolt", "kafka")
	v.require("state.path", c.State.Path)
	v.require("state.topic", c.State.Topic)
	v.positive("state.forget_after", int64(c.State.ForgetAfter))
	v.admin(c)
	if strings.ContainsFunc(c.Node, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		v.add("node", "%q holds a control character", c.Node)
	}
	v.identity(&c.Identity)
	v.severity(c.Severity)
	v.routes(c)
	v.oneOf("log.format", c.Log.Format, "auto", "text", "json")
	v.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	l := &c.Limits
	for _, n := range []struct {
		key   string
		value int64
	}{
		{"body", int64(l.Body)}, {"inflated", int64(l.Inflated)}, {"event", int64(l.Event)}, {"events_per_batch", int64(l.EventsPerBatch)},
		{"xml_depth", int64(l.XMLDepth)}, {"in_flight", int64(l.InFlight)}, {"header_timeout", int64(l.HeaderTimeout)}, {"auth_timeout", int64(l.AuthTimeout)},
		{"ack_timeout", int64(l.AckTimeout)}, {"unauthenticated", int64(l.Unauthenticated)}, {"unauthenticated_per_address", int64(l.UnauthenticatedPerAddress)},
		{"auth_failures_per_second", int64(l.AuthFailuresPerSecond)},
	} {
		v.positive("limits."+n.key, n.value)
	}
	if l.AckTimeout.Duration() > 55*time.Second {
		v.add("limits.ack_timeout", "hosts wait no longer than 60s for an answer; at most 55s")
	}
	if c.Kafka.DeliveryTimeout >= l.AckTimeout {
		v.add("kafka.delivery_timeout", "must be below limits.ack_timeout (%s), or hosts are told to come again while Kafka still takes their events", l.AckTimeout)
	}
	if c.Kafka.TLS.Enabled {
		if _, err := c.kafkaTLS(); err != nil {
			v.add("kafka.tls", "%v", err)
		}
	}
	return v.problems
}

type validator struct {
	file     *strict.Document
	problems []error
}

// add says what is wrong with the value of a key, and where it stands.
func (v *validator) add(key, format string, args ...any) {
	v.problems = append(v.problems, v.file.Errorf(key, "%s: %s", key, fmt.Sprintf(format, args...)))
}

func (v *validator) require(key, value string) {
	if value == "" {
		v.add(key, "missing")
	}
}

func (v *validator) positive(key string, value int64) {
	if value <= 0 {
		v.add(key, "must be more than 0")
	}
}

func (v *validator) oneOf(key, value string, choices ...string) {
	if !slices.Contains(choices, value) {
		v.add(key, "%q is none of %s", value, strings.Join(slices.DeleteFunc(choices, func(c string) bool { return c == "" }), ", "))
	}
}

func (v *validator) listeners(listeners []ListenerConfig) {
	if len(listeners) == 0 {
		v.add("listeners", "missing; hosts have nowhere to connect to")
	}
	names := map[string]bool{}
	for i, l := range listeners {
		key := fmt.Sprintf("listeners[%d]", i)
		v.require(key+".name", l.Name)
		if names[l.Name] {
			v.add(key+".name", "%q is there twice", l.Name)
		}
		names[l.Name] = true
		if _, _, err := net.SplitHostPort(l.Address); err != nil {
			v.add(key+".address", "%v; write host:port or :port", err)
		}
		if l.Advertise != "" {
			if host, _, err := net.SplitHostPort(l.Advertise); err != nil || host == "" {
				v.add(key+".advertise", "%q: write host:port, as hosts can reach it", l.Advertise)
			}
		}
		for _, network := range l.ProxyProtocol {
			if _, err := netip.ParsePrefix(network); err != nil {
				v.add(key+".proxy_protocol", "%q is no network; write 192.0.2.0/24", network)
			}
		}
		switch {
		case l.Kerberos != nil && l.TLS != nil:
			v.add(key, "tls and kerberos: a listener has one of them")
		case l.Kerberos != nil:
			v.require(key+".kerberos.keytab", l.Kerberos.Keytab)
		case l.TLS == nil:
			v.add(key, "tls or kerberos is missing: hosts must prove who they are")
		default:
			v.require(key+".tls.certificate", l.TLS.Certificate)
			v.require(key+".tls.key", l.TLS.Key)
			v.require(key+".tls.client_ca", l.TLS.ClientCA)
			v.oneOf(key+".tls.identity", l.TLS.Identity, "auto", "san", "cn")
			v.oneOf(key+".tls.min_version", l.TLS.MinVersion, "1.2", "1.3")
		}
	}
}

func (v *validator) kafka(k *KafkaConfig) {
	if len(k.Brokers) == 0 {
		v.add("kafka.brokers", "missing; write [kafka1.corp.example:9093]")
	}
	for _, b := range k.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			v.add("kafka.brokers", "%q: %v; write host:port", b, err)
		}
	}
	v.oneOf("kafka.compression", k.Compression, "zstd", "lz4", "snappy", "gzip", "none")
	v.oneOf("kafka.timestamp", k.Timestamp, "clamped", "event", "receive")
	v.oneOf("kafka.sasl.mechanism", k.SASL.Mechanism, "", "plain", "scram-sha-256", "scram-sha-512", "oauthbearer")
	switch {
	case k.SASL.Mechanism == "oauthbearer":
		v.require("kafka.sasl.token_file", k.SASL.TokenFile)
	case k.SASL.TokenFile != "":
		v.add("kafka.sasl.token_file", "only mechanism oauthbearer reads it")
	case k.SASL.Mechanism != "":
		v.require("kafka.sasl.username", k.SASL.Username)
		v.require("kafka.sasl.password", k.SASL.Password)
	}
	if (k.TLS.Certificate == "") != (k.TLS.Key == "") {
		v.add("kafka.tls", "certificate and key go together")
	}
	if !k.TLS.Enabled && (k.TLS.CA != "" || k.TLS.Certificate != "") {
		v.add("kafka.tls.enabled", "false although other keys of kafka.tls are set")
	}
	v.positive("kafka.delivery_timeout", int64(k.DeliveryTimeout))
	v.positive("kafka.timestamp_max_age", int64(k.TimestampMaxAge))
	if k.Buffer < 4<<20 {
		v.add("kafka.buffer", "less than 4MiB holds no full batch")
	}
	if _, err := output.New(k.settings(), nil, nil); err != nil {
		v.add("kafka.topic", "%v", err)
	}
}

func (v *validator) admin(c *Config) {
	a := &c.Admin
	if a.Address == "" {
		return
	}
	host, _, err := net.SplitHostPort(a.Address)
	if err != nil {
		v.add("admin.address", "%v", err)
		return
	}
	ip, err := netip.ParseAddr(host)
	switch loopback := host == "localhost" || err == nil && ip.IsLoopback(); {
	case loopback:
	case a.WebConfig == "":
		v.add("admin.address", "%s is not loopback: name an admin.web_config with TLS and authentication, or use 127.0.0.1", a.Address)
	default:
		if err := guarded(c.path(a.WebConfig)); err != nil {
			v.add("admin.web_config", "%v; or use 127.0.0.1", err)
		}
	}
}

// settings are the part of the Kafka configuration that shapes records.
func (k *KafkaConfig) settings() output.Settings {
	return output.Settings{Topic: k.Topic, Topics: k.Topics, DefaultTopic: k.DefaultTopic, DeadTopic: k.DeadLetterTopic,
		Timestamp: k.Timestamp, MaxAge: k.TimestampMaxAge.Duration()}
}

var errInvalid = errors.New("the configuration is not usable; `wefka check` lists what is wrong")
