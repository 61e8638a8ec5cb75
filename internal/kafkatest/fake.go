package kafkatest

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Fake starts a cluster of kfake in this process and closes it with the test. It validates batches, sequences and order, and
// fails on order (Cluster.Fault); it does not replicate, so what "acknowledged by all" means only Start can show.
func Fake(t testing.TB, brokers, partitions int, topics ...string) *kfake.Cluster {
	t.Helper()
	return FakeWith(t, kfake.NumBrokers(brokers), kfake.SeedTopics(int32(partitions), topics...))
}

// FakeWith is Fake with kfake's own options.
func FakeWith(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatalf("start kfake: %v", err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}
