package fetch

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/describeconfigs"
)

// Settings are the topic's settings in force, the cluster's defaults included. It needs DESCRIBE_CONFIGS on the topic.
func (t *Topic) Settings(ctx context.Context) (map[string]string, error) {
	const topics = 2
	res, err := t.Transport.RoundTrip(ctx, t.Brokers, &describeconfigs.Request{Resources: []describeconfigs.RequestResource{{ResourceType: topics, ResourceName: t.Name}}})
	if err != nil {
		return nil, fmt.Errorf("settings of topic %s: %w", t.Name, err)
	}
	m, ok := res.(*describeconfigs.Response)
	if !ok || len(m.Resources) != 1 {
		return nil, fmt.Errorf("settings of topic %s: %w", t.Name, errAnswer)
	}
	if code := m.Resources[0].ErrorCode; code != 0 {
		return nil, fmt.Errorf("settings of topic %s: %w", t.Name, kafka.Error(code))
	}
	settings := map[string]string{}
	for _, entry := range m.Resources[0].ConfigEntries {
		settings[entry.ConfigName] = entry.ConfigValue
	}
	return settings, nil
}
