package wsman

import "github.com/prometheus/client_golang/prometheus/testutil"

// Poison makes the server spoil each buffer that is given back, so that a test sees who still reads it.
func Poison(s *Server) {
	s.init()
	s.budget.pool.poison = true
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
