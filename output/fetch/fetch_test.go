package fetch_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wefka/wefka/internal/kafkatest"
	"github.com/wefka/wefka/output/fetch"
)

func topic(t *testing.T, addr string) *fetch.Topic {
	transport := &kafka.Transport{MetadataTopics: []string{"t"}, Context: t.Context()}
	t.Cleanup(transport.CloseIdleConnections)
	return &fetch.Topic{Transport: transport, Brokers: kafka.TCP(addr), Name: "t"}
}

// What kafka-go's readers cannot do is tried in the room of the state; here the way to a broker and back, for every codec.
func testFetch(t *testing.T, addr string) {
	top := topic(t, addr)
	n, err := top.Partitions(t.Context())
	if err != nil || n != 1 {
		t.Fatal(n, err)
	}
	var want []string
	for i, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ProducerBatchCompression(codec))
		if err != nil {
			t.Fatal(err)
		}
		var records []*kgo.Record
		for j := range 100 {
			text := fmt.Sprint(i*100 + j)
			want = append(want, text)
			records = append(records, &kgo.Record{Topic: "t", Value: []byte(text)})
		}
		err = client.ProduceSync(t.Context(), records...).FirstErr()
		client.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	p := &fetch.Partition{Topic: top, Bytes: 100}
	var got []string
	for end := false; !end; {
		if end, err = p.Fetch(t.Context(), func(r *fetch.Record) error { got = append(got, string(r.Value)); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d records, want %d: %q", len(got), len(want), got)
	}
	for which, at := range map[int64]int64{fetch.First: 0, fetch.End: 500} {
		if got, err := top.Offset(t.Context(), 0, which); err != nil || got != at {
			t.Error(which, got, err)
		}
	}
	p.Offset = 1000
	if _, err := p.Fetch(t.Context(), nil); !errors.Is(err, fetch.ErrGone) {
		t.Error(err)
	}
	top.Name = "missing"
	if _, err := top.Partitions(t.Context()); !errors.Is(err, kafka.UnknownTopicOrPartition) {
		t.Error(err)
	}
}

func TestFetchFake(t *testing.T) { testFetch(t, kafkatest.Fake(t, 3, 1, "t").ListenAddrs()[0]) }

func TestFetch(t *testing.T) {
	b := kafkatest.Start(t)
	b.CreateTopic("t", 1, nil)
	testFetch(t, b.Addr())
}
