// Package bench measures the whole program. It has only benchmarks.
//
// `wefka serve`, the broker and `wefka simulate` run as processes of their own, all on this machine, so the figure that counts is the CPU of the
// server's process an event: it is nearly the same on a busy machine. No figure is printed unless every event that was acknowledged is read
// back from the broker once and no other. docs/performance.md says how the rest is measured, and what came out.
//
//	make bench-server                                    every row, on real Kafka
//	make bench-server RUN=tls/sldc/json/160              one of them
//	make bench-server RUN=tls/plain/json/160 ARGS='-broker null -events 1000000'
//	make bench-hosts                                     memory and reconnects of many hosts
package bench
