package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/wefka/wefka/subscriptions/strict"
)

// Config is the main file. The values of defaults() hold for every key that is left out; only listeners and kafka.brokers
// have none.
type Config struct {
	Node          string           `yaml:"node"`          // "" = host name; wef.node
	Subscriptions string           `yaml:"subscriptions"` // folder of *.yaml, one subscription each
	Listeners     []ListenerConfig `yaml:"listeners"`
	Kafka         KafkaConfig      `yaml:"kafka"`
	State         StateConfig      `yaml:"state"`
	Admin         AdminConfig      `yaml:"admin"`
	Identity      IdentityConfig   `yaml:"identity"`
	Severity      []SeverityConfig `yaml:"severity"`
	Routes        []RouteConfig    `yaml:"routes"` // the first that fits an event decides
	Limits        LimitsConfig     `yaml:"limits"`
	Log           LogConfig        `yaml:"log"`

	name string // of the file; "" = there is none to read again
	dir  string // of the file: relative paths start here
	env  func(string) (string, bool)
	file *strict.Document // where each value stands

	level *slog.LevelVar // of the running log; nil: a flag has fixed it
}

// ListenerConfig is one address that hosts connect to.
type ListenerConfig struct {
	Name          string          `yaml:"name"`           // metric label
	Address       string          `yaml:"address"`        // host:port
	Advertise     string          `yaml:"advertise"`      // host:port in NotifyTo; "" = as the host asked
	ProxyProtocol []string        `yaml:"proxy_protocol"` // networks that must send a PROXY header; then nobody else may connect
	TLS           *TLSConfig      `yaml:"tls"`
	Kerberos      *KerberosConfig `yaml:"kerberos"`
}

// TLSConfig is mutual TLS: the client certificate is the host's identity.
type TLSConfig struct {
	Certificate string   `yaml:"certificate"` // chain, leaf first
	Key         string   `yaml:"key"`
	ClientCA    string   `yaml:"client_ca"`    // every issuing CA; never the system pool
	Identity    string   `yaml:"identity"`     // auto (the one SAN DNS name, else CN) | san | cn
	MinVersion  string   `yaml:"min_version"`  // 1.2 | 1.3
	CBC         *bool    `yaml:"cbc"`          // ECDHE-RSA-CBC, for 2012 R2 with an RSA server certificate
	CRL         []string `yaml:"crl"`          // files, PEM or DER
	CRLRequired bool     `yaml:"crl_required"` // true: no valid CRL of the issuer, no entry
}

// KerberosConfig is HTTP with Kerberos and sealed messages.
type KerberosConfig struct {
	Keytab string          `yaml:"keytab"`
	SPNs   []string        `yaml:"spns"`   // [] = any entry of the keytab may open a ticket
	Realms []string        `yaml:"realms"` // [] = the keytab's
	RC4    bool            `yaml:"rc4"`
	Users  bool            `yaml:"users"` // true: also accounts that do not end in $
	Skew   strict.Duration `yaml:"skew"`
}

// KafkaConfig says where events go, and how.
type KafkaConfig struct {
	Brokers  []string `yaml:"brokers"`
	ClientID string   `yaml:"client_id"`
	TLS      struct {
		Enabled     bool   `yaml:"enabled"`
		CA          string `yaml:"ca"` // "" = system pool
		Certificate string `yaml:"certificate"`
		Key         string `yaml:"key"`
		ServerName  string `yaml:"server_name"`
	} `yaml:"tls"`
	SASL struct {
		Mechanism string `yaml:"mechanism"` // plain | scram-sha-256 | scram-sha-512
		Username  string `yaml:"username"`
		Password  string `yaml:"password"` // ${file:…}
		TokenFile string `yaml:"token_file"`
	} `yaml:"sasl"`
	Topic           string          `yaml:"topic"`  // {subscription} {channel} {provider} {event_id}
	Topics          []string        `yaml:"topics"` // every name that the last three may yield; any other goes to default_topic
	DefaultTopic    string          `yaml:"default_topic"`
	DeadLetterTopic string          `yaml:"dead_letter_topic"`
	Compression     string          `yaml:"compression"` // zstd (fastest level) | lz4 | snappy | gzip | none
	Timestamp       string          `yaml:"timestamp"`   // clamped | event | receive
	TimestampMaxAge strict.Duration `yaml:"timestamp_max_age"`
	DeliveryTimeout strict.Duration `yaml:"delivery_timeout"`
	Linger          strict.Duration `yaml:"linger"`
	Buffer          strict.Size     `yaml:"buffer"` // all unacknowledged batches; one partition at most a quarter
}

// StateConfig says where bookmarks and liveness are kept.
type StateConfig struct {
	Backend     string          `yaml:"backend"` // bbolt (path): one node | kafka (topic): several
	Path        string          `yaml:"path"`
	Topic       string          `yaml:"topic"`
	ForgetAfter strict.Duration `yaml:"forget_after"` // hosts unseen so long
}

// AdminConfig is the listener for operators.
type AdminConfig struct {
	Address   string `yaml:"address"`    // any other than loopback needs web_config
	Socket    string `yaml:"socket"`     // "" = none
	WebConfig string `yaml:"web_config"` // Prometheus web-config file: TLS, client certificates, basic auth
	Pprof     bool   `yaml:"pprof"`      // on the socket only
}

// SeverityConfig is another label for all events of one id.
type SeverityConfig struct {
	Provider string `yaml:"provider"` // as in the event
	EventID  *int   `yaml:"event_id"`
	Severity int    `yaml:"severity"` // 1 to 5
}

// LimitsConfig bounds what peers can cost.
type LimitsConfig struct {
	Body                      strict.Size     `yaml:"body"` // raised to the largest max_envelope_size + 64KiB
	Inflated                  strict.Size     `yaml:"inflated"`
	Event                     strict.Size     `yaml:"event"`
	EventsPerBatch            int             `yaml:"events_per_batch"`
	XMLDepth                  int             `yaml:"xml_depth"`
	InFlight                  strict.Size     `yaml:"in_flight"` // wire bytes x worst growth of the admitted requests; above it 503
	HeaderTimeout             strict.Duration `yaml:"header_timeout"`
	AuthTimeout               strict.Duration `yaml:"auth_timeout"`
	AckTimeout                strict.Duration `yaml:"ack_timeout"`
	IdleTimeout               strict.Duration `yaml:"idle_timeout"` // 0: longest heartbeat + 5m
	Unauthenticated           int             `yaml:"unauthenticated"`
	UnauthenticatedPerAddress int             `yaml:"unauthenticated_per_address"`
	AuthFailuresPerSecond     int             `yaml:"auth_failures_per_second"`
}

// LogConfig is what the log says and how it looks.
type LogConfig struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"` // text | json | auto: text on a terminal, else json
	Access bool   `yaml:"access"`
}

func defaults() *Config {
	const second = strict.Duration(time.Second)
	c := &Config{Subscriptions: "subscriptions.d"}
	c.Kafka = KafkaConfig{ClientID: "wefka", Topic: "wef.{subscription}", DefaultTopic: "wef.events", DeadLetterTopic: "wef.dead",
		Compression: "zstd", Timestamp: "clamped", TimestampMaxAge: 24 * 3600 * second, DeliveryTimeout: 25 * second, Buffer: 128 << 20}
	c.State = StateConfig{Backend: "bbolt", Path: "/var/lib/wefka/state.db", Topic: "wef.state", ForgetAfter: 2160 * 3600 * second}
	c.Admin = AdminConfig{Address: "127.0.0.1:9985", Socket: "/run/wefka/admin.sock"}
	c.Identity = IdentityConfig{Computer: "tag"}
	c.Limits = LimitsConfig{Body: 2 << 20, Inflated: 16 << 20, Event: 1 << 20, EventsPerBatch: 65535, XMLDepth: 256, InFlight: 256 << 20,
		HeaderTimeout: 10 * second, AuthTimeout: 30 * second, AckTimeout: 30 * second,
		Unauthenticated: 1000, UnauthenticatedPerAddress: 50, AuthFailuresPerSecond: 20}
	c.Log = LogConfig{Level: "info", Format: "auto"}
	return c
}

// loadConfig reads the main file over the defaults. Errors say file, line and column.
func (p *program) loadConfig() (*Config, error) { return readConfig(p.config, p.env) }

func readConfig(name string, env func(string) (string, bool)) (*Config, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w; name the file with --config", err)
	}
	c := defaults()
	c.name, c.dir, c.env = name, filepath.Dir(name), env
	reader := strict.Reader{Lookup: env, Dir: c.dir}
	if c.file, err = reader.Read(name, data, c); err != nil {
		return nil, err
	}
	c.complete()
	return c, nil
}

// complete fills what follows from other values.
func (c *Config) complete() {
	if c.Node == "" {
		c.Node, _ = os.Hostname()
	}
	for i := range c.Listeners {
		l := &c.Listeners[i]
		if l.Kerberos != nil && l.Kerberos.Skew == 0 {
			l.Kerberos.Skew = strict.Duration(5 * time.Minute)
		}
		if l.TLS == nil {
			continue
		}
		if l.TLS.Identity == "" {
			l.TLS.Identity = "auto"
		}
		if l.TLS.MinVersion == "" {
			l.TLS.MinVersion = "1.2"
		}
		if l.TLS.CBC == nil {
			l.TLS.CBC = new(true)
		}
	}
}

// path is a file of the configuration: relative ones start at the main file's folder.
func (c *Config) path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.dir, name)
}
