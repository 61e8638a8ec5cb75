package compacted

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wefka/wefka/output/fetch"
)

// Command is how to create the topic.
const Command = `kafka-topics.sh --bootstrap-server BROKER --create --topic %s --partitions 12 --replication-factor 3 ` +
	`--config cleanup.policy=compact --config retention.ms=-1 --config min.insync.replicas=2 --config segment.bytes=67108864 --config segment.ms=3600000 ` +
	`--config min.cleanable.dirty.ratio=0.1 --config max.compaction.lag.ms=3600000 --config delete.retention.ms=86400000`

// examine says how many partitions the topic has, after a look at its settings.
func (s *Store) examine(ctx context.Context) (int, error) {
	n, err := s.topic.Partitions(ctx)
	if err != nil {
		return 0, fmt.Errorf("%w; if it is missing, create it: "+Command, err, s.topic.Name)
	}
	if n == 0 {
		return 0, errors.New("the topic has no partitions yet")
	}
	warnings, err := Check(ctx, s.topic)
	for _, w := range warnings {
		s.log.Warn("state topic", "topic", s.topic.Name, "error", w)
	}
	return n, err
}

// Check looks at the settings that decide whether state survives. An error says that it would not.
func Check(ctx context.Context, t *fetch.Topic) (warnings []error, err error) {
	settings, err := t.Settings(ctx)
	if err != nil {
		return []error{fmt.Errorf("its settings are not checked: %w; allow this user to DESCRIBE_CONFIGS the topic", err)}, nil
	}
	alter := "; mend it: kafka-configs.sh --bootstrap-server BROKER --alter --topic " + t.Name + " --add-config "
	if policy := settings["cleanup.policy"]; strings.TrimSpace(policy) != "compact" {
		return nil, fmt.Errorf("topic %s has cleanup.policy=%s: Kafka would delete bookmarks by their age"+alter+"cleanup.policy=compact", t.Name, policy)
	}
	if v := settings["retention.ms"]; v != "-1" && v != "" {
		warnings = append(warnings, fmt.Errorf("retention.ms=%s: some services apply it to compacted topics too"+alter+"retention.ms=-1", v))
	}
	if v := settings["max.compaction.lag.ms"]; len(v) > len("86400000") {
		warnings = append(warnings, fmt.Errorf("max.compaction.lag.ms=%s: what is not compacted is read at each start"+alter+"max.compaction.lag.ms=3600000", v))
	}
	if settings["min.insync.replicas"] == "1" {
		warnings = append(warnings, errors.New("min.insync.replicas=1: a bookmark that only one broker has counts as written"+alter+"min.insync.replicas=2"))
	}
	return warnings, nil
}
