// Package kafkatest gives tests a Kafka: a real Apache Kafka in its own processes (Start, StartCluster), or kfake in this
// one, which fails on order (Fake). Linux only. It is test help: nothing that ships imports it.
//
// The real one needs java and, the first time, mvn; its jars are kept in the user's cache folder. A desk without them skips
// with the reason; CI=true or a WEFKA_REQUIRE that lists kafka makes that a failure.
package kafkatest
