package output

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/output/producer"
)

// deadHead is what is kept of a misfit that even the dead-letter topic finds too large.
const deadHead = 64 << 10

// bury writes misfits to the dead-letter topic: original bytes, the headers that are known, the reason and the error. nil means
// that all of them are acknowledged there.
func (k *Kafka) bury(ctx context.Context, b *events.Batch, dead []misfit) error {
	if len(dead) == 0 {
		return nil
	}
	refused, err := k.buryAll(ctx, b, dead, func(raw []byte) ([]byte, string) { return raw, "" })
	if err != nil {
		return err
	}
	var tooLarge []misfit
	for _, r := range refused {
		if !r.TooLarge {
			return fmt.Errorf("dead letter refused: %w", r.Err)
		}
		tooLarge = append(tooLarge, dead[r.Index])
	}
	refused, err = k.buryAll(ctx, b, tooLarge, func(raw []byte) ([]byte, string) {
		if len(raw) <= deadHead {
			return raw, ""
		}
		return raw[:deadHead], fmt.Sprintf("; too large for the dead-letter topic too: first %d of %d bytes kept, SHA-256 of all %x", deadHead, len(raw), sha256.Sum256(raw))
	})
	if err == nil && len(refused) > 0 {
		err = fmt.Errorf("dead letter of at most %d bytes refused: %w", deadHead, refused[0].Err)
	}
	if err == nil {
		k.mourn(b, dead)
	}
	return err
}

// mourn logs what was buried: a line for each reason, with its first error.
func (k *Kafka) mourn(b *events.Batch, dead []misfit) {
	for i, first := range dead {
		same := func(m misfit) bool { return m.reason == first.reason }
		if slices.ContainsFunc(dead[:i], same) {
			continue
		}
		n := 0
		for _, m := range dead[i:] {
			if same(m) {
				n++
			}
		}
		k.Log.Warn("dead letter", "source", b.Source, "subscription", b.Subscription, "reason", first.reason, "error", first.err, "events", n, "topic", k.DeadTopic)
	}
}

func (k *Kafka) buryAll(ctx context.Context, b *events.Batch, dead []misfit, cut func([]byte) ([]byte, string)) ([]producer.Refused, error) {
	if len(dead) == 0 {
		return nil, nil
	}
	asSent := *b
	asSent.Format = "xml" // the value is what the source sent, whatever the subscription asks for
	shared, _ := k.shared(nil, nil, &asSent, asSent.Format)
	records := make([]producer.Record, len(dead))
	for i, d := range dead {
		value, note := cut(b.Raw[d.event])
		headers := slices.Concat(shared, k.known(b, b.Raw[d.event]), []producer.Header{
			{Key: "wef.reason", Value: []byte(d.reason)}, {Key: "wef.error", Value: []byte(d.err.Error() + note)}})
		records[i] = producer.Record{Value: value, Headers: headers, Time: b.Received}
	}
	var d producer.Delivery
	if err := k.Producer.Append(ctx, &d, k.DeadTopic, []byte(b.Source), records); err != nil {
		return nil, fmt.Errorf("append to topic %s: %w", k.DeadTopic, err)
	}
	return d.Wait(ctx)
}

// known are the event's own headers, as far as it can be read.
func (k *Kafka) known(b *events.Batch, raw []byte) []producer.Header {
	var decoder events.Decoder
	var r events.Record
	err := decoder.Decode(raw, &r) // what came before an error counts
	var id []byte
	if err == nil || r.Computer != nil && r.TimeCreated != nil && r.EventRecordID != nil {
		id = AppendID(nil, b.Source, &r)
	}
	if err == nil || r.Computer != nil { // else it may name one further on
		var s sender
		s.is(b.Source, &k.Identity)
		r.Identity = s.compare(r.Computer)
	}
	var h []producer.Header
	for i, text := range ownTexts(&r, id) {
		if len(text) > 0 {
			h = append(h, producer.Header{Key: ownKeys[i], Value: text})
		}
	}
	return h
}
