package bench_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/wefka/wefka/internal/kafkatest"
)

// broker is where events go.
type broker interface {
	address() string
	create(topic string)
	// consumed reads a topic back, and removes it: how many events there are, and how many of them are there twice.
	consumed(topic string) (events, twice int)
}

const partitions = 6

func newBroker(b *testing.B) broker {
	b.Helper()
	results(b)
	switch *brokerFlag {
	case "kafka":
		k := kafkatest.Start(b)
		k.CreateTopic("wef.dead", 1, nil)
		return realBroker{b, k}
	case "null":
		self, err := os.Executable()
		if err != nil {
			b.Fatal(err)
		}
		n := &nullBroker{b: b, process: start(b, self, []string{nullBrokerEnv + "=1"})}
		n.at = n.line(b)
		return n
	}
	b.Fatalf("-broker %s: there are kafka and null", *brokerFlag)
	return nil
}

// realBroker is Apache Kafka.
type realBroker struct {
	b *testing.B
	*kafkatest.Broker
}

func (k realBroker) address() string { return k.Addr() }

func (k realBroker) create(topic string) { k.CreateTopic(topic, partitions, nil) }

func (k realBroker) consumed(topic string) (events, twice int) {
	seen := map[string]bool{}
	kafkatest.Each(k.b, k.Addr(), func(r kafkatest.Record) {
		id := ""
		for _, h := range r.Headers {
			if h.Key == "wef.id" {
				id = string(h.Value)
			}
		}
		events++
		if seen[id] {
			twice++
		}
		seen[id] = true
	}, topic)
	k.DeleteTopic(topic)
	return events, twice
}

// nullBroker is kafkatest.Null in a process of its own: it answers and counts. Twice it does not know.
type nullBroker struct {
	b *testing.B
	*process
	at   string
	read int // records of the topics before
}

func (n *nullBroker) address() string { return n.at }
func (n *nullBroker) create(string)   {}

func (n *nullBroker) consumed(string) (events, twice int) {
	fmt.Fprintln(n.stdin)
	var all int
	if _, err := fmt.Sscan(n.line(n.b), &all); err != nil {
		n.b.Fatal(err)
	}
	events, n.read = all-n.read, all
	return events, 0
}

const nullBrokerEnv = "WEFKA_BENCH_NULL_BROKER"

// TestMain is the null broker, or a crowd, when it is asked to be.
func TestMain(m *testing.M) {
	err := error(nil)
	switch config := os.Getenv(crowdEnv); {
	case config != "":
		err = runCrowd(config)
	case os.Getenv(nullBrokerEnv) != "":
		err = runNullBroker()
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runNullBroker() error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	null := &kafkatest.Null{Partitions: partitions}
	go null.Serve(ln)
	fmt.Println(ln.Addr())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println(null.Records.Load())
	}
	return nil
}
