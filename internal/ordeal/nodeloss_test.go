package ordeal

import (
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/wefka/wefka/internal/kafkatest"
)

// TestNodeLoss kills one of two nodes under a fleet, for good: every host goes on through the other within its retry interval and
// what that needs, from where it was. WEFKA_ORDEAL_HOSTS says how many hosts; without it few, since this is part of every test run.
func TestNodeLoss(t *testing.T) {
	fleetSize := 200
	if text := os.Getenv("WEFKA_ORDEAL_HOSTS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("WEFKA_ORDEAL_HOSTS: %v", err)
		}
		fleetSize = n
	}
	o := stage(t, build(t), "kafka", 1)
	const length = 40 * time.Second
	f := o.fleet("certificates", length, "--url", "https://localhost:5986/wsman/SubscriptionManager/WEC", "--connect", o.tls.address(),
		"--ca", o.path("ca.pem"), "--issue-ca", o.path("ca.pem"), "--issue-key", o.path("ca.key"), "--hosts", strconv.Itoa(fleetSize), "--rate", strconv.Itoa(fleetSize))
	<-time.After(length / 2)
	killed := time.Now().UTC()
	o.collectors[0].end(syscall.SIGKILL)
	v := f.verdict(t)
	if v.Missing > 0 || v.Acked == 0 {
		t.Errorf("%s", v)
	}
	before, after := map[string]bool{}, map[string]time.Time{} // hosts of the dead node; their first record through the other
	kafkatest.Each(t, o.cluster.Brokers()[0], func(r kafkatest.Record) {
		var client, node, received string
		for _, h := range r.Headers {
			switch h.Key {
			case "wef.client":
				client = string(h.Value)
			case "wef.node":
				node = string(h.Value)
			case "wef.received_at":
				received = string(h.Value)
			}
		}
		at, err := time.Parse(time.RFC3339, received)
		switch {
		case err != nil:
			t.Fatal(err)
		case node == "c0":
			before[client] = true
		case before[client] && at.After(killed) && (after[client].IsZero() || at.Before(after[client])):
			after[client] = at
		}
	}, topics[0])
	slowest, silentHosts := time.Duration(0), 0
	for client := range before {
		if after[client].IsZero() {
			silentHosts++
			continue
		}
		slowest = max(slowest, after[client].Sub(killed))
	}
	o.tell("%d hosts, %d of them at the node that was killed; the last of those delivered again after %.1f s, %d never; %s", fleetSize, len(before), slowest.Seconds(), silentHosts, v)
	if len(before) < fleetSize/4 || silentHosts > 0 {
		t.Errorf("%d of %d hosts of the dead node never came back", silentHosts, len(before))
	}
	// No history is replayed: copies are those of the deliveries that were under way.
	if v.Duplicated > int64(40*fleetSize) {
		t.Errorf("%d copies", v.Duplicated)
	}
}
