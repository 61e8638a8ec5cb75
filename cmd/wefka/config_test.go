package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The sample shows every key with its default: loading it must give the defaults, beside the two that have none.
func TestSampleShowsDefaults(t *testing.T) {
	p := &program{config: "../../docs/wefka.yaml", env: func(string) (string, bool) { return "", false }}
	got, err := p.loadConfig()
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.Listeners = []ListenerConfig{{Name: "tls", Address: ":5986", TLS: &TLSConfig{Certificate: "server.pem", Key: "server.key", ClientCA: "issuing-cas.pem"}},
		{Name: "kerberos", Address: ":5985", Kerberos: &KerberosConfig{Keytab: "wef.keytab"}}}
	want.Kafka.Brokers = []string{"kafka1.corp.example:9093"}
	want.complete()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Config{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("docs/wefka.yaml is not the defaults (-default +sample):\n%s", diff)
	}
	if problems := got.Validate(); len(problems) > 0 {
		t.Errorf("the sample does not validate: %v", problems)
	}
	subs, warnings, err := got.loadSubscriptions()
	if err != nil || len(warnings) > 0 || len(subs) == 0 {
		t.Errorf("%d subscriptions, warnings %v, error %v", len(subs), warnings, err)
	}
}
