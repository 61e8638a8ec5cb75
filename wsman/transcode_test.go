package wsman_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/wefka/wefka/wsman"
)

// TestTranscode: a body that becomes text while it is read is the text that it would be as a whole, wherever a piece cuts it.
func TestTranscode(t *testing.T) {
	c := start(t)
	var got string
	var bad int
	c.handler.onEvents = func(_ context.Context, _ wsman.Source, m *wsman.Events) error {
		got, bad = string(bytes.Join(m.Items, []byte("|"))), m.BadUTF16
		return nil
	}
	p := c.dial()
	for shift := range 4 {
		text := strings.Repeat("a", shift) + strings.Repeat("\U0001F600\u00E9x", 60_000)
		body := toUTF16(eventsMessage(t, text))
		p.write(post(notifyPath, "", body))
		if a := p.read(); a.status != 200 || got != text || bad != 0 {
			t.Errorf("shift %d: %d, equal %v, %d bad", shift, a.status, got == text, bad)
		}
		// Without a mark, and with the second half of each pair gone in the first third.
		third := len(body) / 3 &^ 1
		lone := append(bytes.ReplaceAll(body[2:third], []byte{0x00, 0xDE}, nil), body[third:]...)
		p.write(post(notifyPath, "", lone))
		a := p.read()
		if a.status != 200 || bad == 0 || strings.Count(got, "\uFFFD") != bad {
			t.Errorf("shift %d: %d, %d bad, %d replaced", shift, a.status, bad, strings.Count(got, "\uFFFD"))
		}
	}
	if used := wsman.BudgetOf(c.server).Used(); used != 0 {
		t.Error(fmt.Sprint(used, " bytes still charged"))
	}
}
