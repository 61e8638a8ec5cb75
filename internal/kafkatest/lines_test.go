package kafkatest_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/wefka/wefka/internal/kafkatest"
)

// A guest comes in by its line, may what it is allowed, and no more when that is taken back.
func TestLines(t *testing.T) {
	same := func(_ int, addr string) string { return addr }
	c := kafkatest.StartCluster(t, 3, kafkatest.SASL(), kafkatest.Line("alone", same), kafkatest.Between(same))
	c.CreateTopic("wef.a", 2, -1, nil)
	may := func() error {
		client, err := kgo.NewClient(kgo.SeedBrokers(c.Line("alone")...), kgo.SASL(plain.Auth{User: "guest", Pass: "guest"}.AsMechanism()), kgo.DefaultProduceTopic("wef.a"))
		if err != nil {
			return err
		}
		defer client.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		return client.ProduceSync(ctx, &kgo.Record{Value: []byte("x")}).FirstErr()
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	if may() == nil {
		t.Error("a guest may write without being allowed to")
	}
	do(c.Allow("wef.", kmsg.ACLOperationWrite, kmsg.ACLOperationDescribe))
	do(may())
	do(c.Forbid("wef.", kmsg.ACLOperationWrite))
	if may() == nil {
		t.Error("a guest may write what was forbidden")
	}
	do(c.Configure("wef.a", "min.insync.replicas", "3"))
	do(c.Configure("wef.a", "min.insync.replicas", ""))
	do(c.Replicas("wef.a", 1, 2))
	if n := c.Leader("wef.a", 1); n != 2 {
		t.Errorf("led by %d", n)
	}
	do(c.Replicas("wef.a", 1, 2, 0, 1))
}
