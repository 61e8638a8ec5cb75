package simulator

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// latency is a histogram of bounded size: 32 buckets for each power of two of microseconds, so that a quantile is at most 3 % off. Many
// may observe at once.
type latency struct {
	buckets [latencyBuckets]atomic.Int64
	max     atomic.Int64 // microseconds
}

const (
	latencySteps   = 32
	latencyBuckets = 40 * latencySteps // up to 2^44 µs, half a year
)

func (l *latency) observe(d time.Duration) {
	us := max(d.Microseconds(), 0)
	l.buckets[latencyBucket(us)].Add(1)
	for {
		old := l.max.Load()
		if us <= old || l.max.CompareAndSwap(old, us) {
			return
		}
	}
}

// latencyBucket: the first 32 values have a bucket each; then the five bits below the highest choose.
func latencyBucket(us int64) int {
	if us < latencySteps {
		return int(us)
	}
	shift := bits.Len64(uint64(us)) - 6
	return min((shift+1)*latencySteps+int(us>>shift)-latencySteps, latencyBuckets-1)
}

// latencyTop is the largest value of a bucket.
func latencyTop(bucket int) int64 {
	switch {
	case bucket < latencySteps:
		return int64(bucket)
	case bucket == latencyBuckets-1:
		return math.MaxInt64
	}
	shift := bucket/latencySteps - 1
	return (int64(bucket%latencySteps+latencySteps)+1)<<shift - 1
}

// quantile is in milliseconds; 0 when nothing was observed.
func (l *latency) quantile(q float64) float64 {
	var total int64
	for i := range l.buckets {
		total += l.buckets[i].Load()
	}
	rank := int64(q*float64(total) + 0.5)
	if total == 0 {
		return 0
	}
	largest := l.max.Load()
	var seen int64
	for i := range l.buckets {
		if seen += l.buckets[i].Load(); seen >= max(rank, 1) {
			return round(float64(min(latencyTop(i), largest)) / 1000)
		}
	}
	return round(float64(largest) / 1000)
}
