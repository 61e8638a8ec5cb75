package kafkatest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Cluster is some nodes of a real Apache Kafka, each broker and controller. Nodes are counted from 0. Its methods may be called
// from one goroutine at a time.
type Cluster struct {
	t     testing.TB
	nodes []*Broker
}

// StartCluster starts n nodes, waits until they answer, and ends them with the test. Replication factor n by default,
// min.insync.replicas n-1 (at least 1).
func StartCluster(t testing.TB, n int, opts ...Option) *Cluster {
	t.Helper()
	if _, err := exec.LookPath("java"); err != nil {
		absent(t, err)
	}
	libs, err := jars()
	if err != nil {
		absent(t, err)
	}
	o := options{settings: map[string]string{}}
	for _, opt := range opts {
		opt(&o)
	}
	identity, err := newIdentity()
	if err != nil {
		t.Fatal(err)
	}
	each := 6 + len(o.lines)
	ports := freePorts(t, each*n)
	nodes := make([]*Broker, n)
	for i := range nodes {
		p := ports[each*i:]
		nodes[i] = &Broker{t: t, id: i + 1, dir: t.TempDir(), libs: libs, options: o, nodes: nodes, identity: identity,
			addr: p[0], controller: p[1], sasl: p[2], tls: p[3], front: p[4], lines: p[5:each]}
	}
	var random [16]byte
	rand.Read(random[:])
	random[0] &= 0x7f // no id that begins with a dash
	id := base64.RawURLEncoding.EncodeToString(random[:])
	for _, b := range nodes {
		b.write()
		args := []string{"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-cp", libs + "/*", "kafka.tools.StorageTool", "format", "-t", id, "-c", b.path("server.properties"), "--ignore-formatted"}
		for _, user := range []string{"wefka,password=secret", "guest,password=guest"} {
			if o.users {
				args = append(args, "--add-scram", "SCRAM-SHA-256=[name="+user+"]", "--add-scram", "SCRAM-SHA-512=[name="+user+"]")
			}
		}
		if out, err := exec.Command("java", args...).CombinedOutput(); err != nil {
			t.Fatalf("format the log folder of node %d: %v\n%s", b.id, err, out)
		}
	}
	t.Cleanup(func() {
		for _, b := range nodes {
			b.Kill()
		}
		if t.Failed() {
			for _, b := range nodes {
				t.Logf("node %d: last lines of its log:\n%s", b.id, b.tail())
			}
		}
	})
	for _, b := range nodes {
		b.launch()
	}
	for _, b := range nodes {
		b.ready()
	}
	return &Cluster{t, nodes}
}

// Node is one node; its own listeners lead past a proxy (Behind).
func (c *Cluster) Node(i int) *Broker { return c.nodes[i] }

// Brokers are the addresses to give to a client, host:port, one a node.
func (c *Cluster) Brokers() []string {
	addrs := make([]string, len(c.nodes))
	for i, b := range c.nodes {
		if addrs[i] = b.addr; b.options.behind != nil {
			addrs[i] = b.front
		}
	}
	return addrs
}

// Kill ends a node at once (SIGKILL) and returns when it has ended.
func (c *Cluster) Kill(i int) { c.nodes[i].Kill() }

// Restart runs a node again after Kill and waits until it answers.
func (c *Cluster) Restart(i int) { c.nodes[i].Start() }

// Stop freezes a node (SIGSTOP): its connections stay, and nothing comes out of them.
func (c *Cluster) Stop(i int) {
	c.t.Helper()
	c.nodes[i].signal(syscall.SIGSTOP)
	c.nodes[i].frozen = true
}

// Resume lets a frozen node go on (SIGCONT).
func (c *Cluster) Resume(i int) {
	c.t.Helper()
	c.nodes[i].signal(syscall.SIGCONT)
	c.nodes[i].frozen = false
}

// CreateTopic creates a topic and waits until every partition has a leader. replication -1 is the cluster's default.
func (c *Cluster) CreateTopic(name string, partitions, replication int, config map[string]string) {
	c.t.Helper()
	createTopic(c.t, c.client(), name, partitions, replication, config)
}

// Leader is the node that leads a partition, as one of the nodes knows it; -1 if none does or nobody says.
func (c *Cluster) Leader(topic string, partition int) int {
	client := c.client()
	defer client.Close()
	p, err := describe(c.t.Context(), client, topic, partition)
	if err != nil || p.Leader < 0 {
		return -1
	}
	return int(p.Leader) - 1
}

// MoveLeader makes a node the leader of a partition that it has a replica of, and returns when every node knows. The error says why
// it does not lead after ten seconds.
func (c *Cluster) MoveLeader(topic string, partition, to int) error {
	if c.nodes[to].process == nil {
		return fmt.Errorf("node %d does not run", to)
	}
	client := c.client()
	defer client.Close()
	return poll(c.t.Context(), 10*time.Second, func(ctx context.Context) error {
		p, err := describe(ctx, client, topic, partition)
		if err != nil {
			return err
		}
		if int(p.Leader) == to+1 {
			return c.agree(ctx, client, topic, partition, p.Leader)
		}
		if err := prefer(ctx, client, topic, int32(partition), int32(to+1), p.Replicas); err != nil {
			return fmt.Errorf("prefer node %d for %s/%d: %w", to, topic, partition, err)
		}
		if err := elect(ctx, client, topic, int32(partition)); err != nil {
			return fmt.Errorf("elect node %d for %s/%d: %w", to, topic, partition, err)
		}
		return fmt.Errorf("%s/%d is led by node %d", topic, partition, p.Leader-1)
	})
}

// agree fails while a node names another leader.
func (c *Cluster) agree(ctx context.Context, client *kgo.Client, topic string, partition int, leader int32) error {
	for _, seed := range client.SeedBrokers() {
		p, err := describe(ctx, seed, topic, partition)
		if err != nil {
			return err
		}
		if p.Leader != leader {
			return fmt.Errorf("a node still names node %d as the leader of %s/%d", p.Leader-1, topic, partition)
		}
	}
	return nil
}

// prefer puts a replica at the head of the list: the preferred leader.
func prefer(ctx context.Context, client *kgo.Client, topic string, partition, id int32, replicas []int32) error {
	if !slices.Contains(replicas, id) {
		return errors.New("no replica there")
	}
	if replicas[0] == id {
		return nil
	}
	order := append([]int32{id}, slices.DeleteFunc(replicas, func(r int32) bool { return r == id })...)
	p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	p.Partition, p.Replicas = partition, order
	t := kmsg.NewAlterPartitionAssignmentsRequestTopic()
	t.Topic, t.Partitions = topic, append(t.Partitions, p)
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.Topics, req.TimeoutMillis = append(req.Topics, t), 5000
	res, err := req.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(res.ErrorCode); err != nil {
		return err
	}
	return kerr.ErrorForCode(res.Topics[0].Partitions[0].ErrorCode)
}

// elect makes the preferred leader lead.
func elect(ctx context.Context, client *kgo.Client, topic string, partition int32) error {
	t := kmsg.NewElectLeadersRequestTopic()
	t.Topic, t.Partitions = topic, []int32{partition}
	req := kmsg.NewPtrElectLeadersRequest()
	req.Topics, req.TimeoutMillis = append(req.Topics, t), 5000
	res, err := req.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(res.ErrorCode); err != nil {
		return err
	}
	for _, t := range res.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil && !errors.Is(err, kerr.ElectionNotNeeded) {
				return err
			}
		}
	}
	return nil
}

func describe(ctx context.Context, client kmsg.Requestor, topic string, partition int) (p kmsg.MetadataResponseTopicPartition, err error) {
	m, err := metadata(ctx, client, topic)
	if err != nil {
		return p, err
	}
	for _, p := range m.Topics[0].Partitions {
		if int(p.Partition) == partition {
			return p, nil
		}
	}
	return p, fmt.Errorf("no partition %s/%d", topic, partition)
}

// client asks any node that runs, past a proxy.
func (c *Cluster) client() *kgo.Client {
	c.t.Helper()
	var seeds []string
	for _, b := range c.nodes {
		if b.process != nil && !b.frozen {
			seeds = append(seeds, b.addr)
		}
	}
	return newClient(c.t, seeds[0], kgo.SeedBrokers(seeds...), kgo.DialTimeout(2*time.Second))
}
