package wsman

import (
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// Poison makes the server spoil each buffer that is given back, so that a test sees who still reads it.
func Poison(s *Server) {
	s.init()
	s.budget.pool.poison = true
	s.tlsInput.poison = true
}

// BudgetOf is the budget in force.
func BudgetOf(s *Server) *Budget {
	s.init()
	return s.budget
}

// Used is what is charged now.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Panics is how many there were.
func Panics(s *Server) float64 {
	s.init()
	return testutil.ToFloat64(s.budget.metrics.panics)
}

// RestAfter sets how long a connection idles before it rests.
func RestAfter(d time.Duration) func(*Server) { return func(s *Server) { s.restAfter = d } }

// KnowsTLS says whether slim knows the fields of this Go's tls.Conn.
func KnowsTLS() bool { return tlsBuffers.known }
