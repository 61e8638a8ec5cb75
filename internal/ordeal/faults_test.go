package ordeal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const second = time.Second

// tracks are the rows of faults that go on side by side. disks says whether the collectors have disks of their own.
func tracks(state string, disks bool) []track {
	nodes := []kind{
		{"kill -9 a collector", 3 * second, killCollector(syscall.SIGKILL)},
		{"SIGTERM to a collector", 3 * second, killCollector(syscall.SIGTERM)},
		{"a collector freezes", 6 * second, freezeCollector},
	}
	if disks && state == "bbolt" {
		nodes = append(nodes, kind{"disk full under the state", 5 * second, diskFull}, kind{"read-only disk under the state", 4 * second, readOnly})
	}
	return []track{
		{"collectors", nodes},
		{"cluster", []kind{
			{"kill -9 a broker", 8 * second, killBroker},
			{"a broker freezes", 8 * second, freezeBroker},
			{"leaders move", 0, moveLeaders},
			{"min.insync.replicas not met", 6 * second, notEnoughReplicas},
			{"a partition without leader", 8 * second, leaderless},
			{"the right to write is taken away", 5 * second, forbidden},
			{"a node is cut off from the others", 6 * second, cutBetween},
		}},
		{"lines", []kind{
			{"cut: collector to a broker", 5 * second, kafkaLine(cut)},
			{"silence: collector to a broker", 5 * second, kafkaLine(silent)},
			{"lost answers: collector to a broker", 5 * second, kafkaLine(deaf)},
			{"slow line: collector to a broker", 8 * second, kafkaLine(slow)},
			{"cut: hosts to a collector", 4 * second, hostLine(cut)},
			{"silence: hosts to a collector", 6 * second, hostLine(silent)},
			{"hosts vanish before they read the Ack", 4 * second, hostLine(deaf)},
			{"slow line: hosts to a collector", 8 * second, hostLine(slow)},
		}},
	}
}

func (o *ordeal) any(r *rand.Rand) *collector { return o.collectors[r.IntN(len(o.collectors))] }

func killCollector(signal syscall.Signal) func(*ordeal, *rand.Rand) (string, func() error, error) {
	return func(o *ordeal, r *rand.Rand) (string, func() error, error) {
		c := o.any(r)
		c.end(signal)
		return c.name, c.start, nil
	}
}

func freezeCollector(o *ordeal, r *rand.Rand) (string, func() error, error) {
	c := o.any(r)
	c.signal(syscall.SIGSTOP)
	return c.name, func() error { c.signal(syscall.SIGCONT); return nil }, nil
}

func diskFull(o *ordeal, r *rand.Rand) (string, func() error, error) {
	c := o.any(r)
	return c.name, c.disk.empty, c.disk.fill()
}

// readOnly starts a collector anew on a disk that it cannot write, which it must refuse to do.
func readOnly(o *ordeal, r *rand.Rand) (string, func() error, error) {
	c := o.any(r)
	c.end(syscall.SIGTERM)
	if err := c.disk.readOnly(true); err != nil {
		return c.name, nil, errors.Join(err, c.start())
	}
	err := c.start()
	return c.name, func() error {
		c.end(syscall.SIGKILL)
		return errors.Join(c.disk.readOnly(false), c.start())
	}, err
}

func killBroker(o *ordeal, r *rand.Rand) (string, func() error, error) {
	n := r.IntN(nodes)
	o.cluster.Kill(n)
	return fmt.Sprintf("node %d", n+1), func() error { o.cluster.Restart(n); return nil }, nil
}

func freezeBroker(o *ordeal, r *rand.Rand) (string, func() error, error) {
	n := r.IntN(nodes)
	o.cluster.Stop(n)
	return fmt.Sprintf("node %d", n+1), func() error { o.cluster.Resume(n); return nil }, nil
}

func moveLeaders(o *ordeal, r *rand.Rand) (string, func() error, error) {
	to := r.IntN(nodes)
	var moved []string
	for p := range partitions {
		if o.cluster.Leader(topics[0], p) == to {
			continue
		}
		if err := o.cluster.MoveLeader(topics[0], p, to); err == nil {
			moved = append(moved, fmt.Sprint(p))
		}
	}
	return fmt.Sprintf("partitions %s to node %d", strings.Join(moved, ","), to+1), nil, nil
}

func notEnoughReplicas(o *ordeal, _ *rand.Rand) (string, func() error, error) {
	const key = "min.insync.replicas"
	return topics[0], func() error { return o.cluster.Configure(topics[0], key, "2") }, o.cluster.Configure(topics[0], key, fmt.Sprint(nodes+1))
}

// leaderless leaves a partition to two nodes and ends both: the third cannot lead it.
func leaderless(o *ordeal, r *rand.Rand) (string, func() error, error) {
	p, spare := r.IntN(partitions), r.IntN(nodes)
	a, b := (spare+1)%nodes, (spare+2)%nodes
	if err := o.cluster.Replicas(topics[0], p, a, b); err != nil {
		return "", nil, err
	}
	o.cluster.Stop(a)
	o.cluster.Stop(b)
	return fmt.Sprintf("partition %d", p), func() error {
		o.cluster.Resume(a)
		o.cluster.Resume(b)
		return o.cluster.Replicas(topics[0], p, a, b, spare)
	}, nil
}

func forbidden(o *ordeal, _ *rand.Rand) (string, func() error, error) {
	return "wef.*", func() error { return o.cluster.Allow("wef.", kmsg.ACLOperationWrite) }, o.cluster.Forbid("wef.", kmsg.ACLOperationWrite)
}

func cutBetween(o *ordeal, r *rand.Rand) (string, func() error, error) {
	n := r.IntN(nodes)
	o.between[n].set(cut)
	return fmt.Sprintf("node %d", n+1), func() error { o.between[n].set(open); return nil }, nil
}

func kafkaLine(c condition) func(*ordeal, *rand.Rand) (string, func() error, error) {
	return func(o *ordeal, r *rand.Rand) (string, func() error, error) {
		i, n := r.IntN(collectors), r.IntN(nodes)
		o.toKafka[i][n].set(c)
		return fmt.Sprintf("%s, node %d", o.collectors[i].name, n+1), func() error { o.toKafka[i][n].set(open); return nil }, nil
	}
}

func hostLine(c condition) func(*ordeal, *rand.Rand) (string, func() error, error) {
	return func(o *ordeal, r *rand.Rand) (string, func() error, error) {
		to := o.any(r)
		l, how := to.tls, "TLS"
		if r.IntN(2) == 1 {
			l, how = to.kerberos, "Kerberos"
		}
		l.set(c)
		return to.name + ", " + how, func() error { l.set(open); return nil }, nil
	}
}
