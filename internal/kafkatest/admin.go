package kafkatest

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Configure sets a setting of a topic; "" takes it back.
func (c *Cluster) Configure(topic, key, value string) error {
	config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	config.Name, config.Value = key, &value
	if value == "" {
		config.Op, config.Value = kmsg.IncrementalAlterConfigOpDelete, nil
	}
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName, resource.Configs = kmsg.ConfigResourceTypeTopic, topic, append(resource.Configs, config)
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Resources = append(req.Resources, resource)
	return c.ask("set "+key+" of "+topic, func(ctx context.Context, client *kgo.Client) error {
		res, err := req.RequestWith(ctx, client)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(res.Resources[0].ErrorCode)
	})
}

// Allow lets the user guest do something with all topics whose names begin so.
func (c *Cluster) Allow(prefix string, operations ...kmsg.ACLOperation) error {
	req := kmsg.NewPtrCreateACLsRequest()
	for _, operation := range operations {
		acl := kmsg.NewCreateACLsRequestCreation()
		acl.ResourceType, acl.ResourceName, acl.ResourcePatternType = kmsg.ACLResourceTypeTopic, prefix, kmsg.ACLResourcePatternTypePrefixed
		acl.Principal, acl.Host, acl.Operation, acl.PermissionType = "User:guest", "*", operation, kmsg.ACLPermissionTypeAllow
		req.Creations = append(req.Creations, acl)
	}
	return c.ask("allow "+prefix, func(ctx context.Context, client *kgo.Client) error {
		res, err := req.RequestWith(ctx, client)
		if err != nil {
			return err
		}
		for _, r := range res.Results {
			if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
				return err
			}
		}
		return nil
	})
}

// Forbid takes back what Allow gave.
func (c *Cluster) Forbid(prefix string, operation kmsg.ACLOperation) error {
	acl := kmsg.NewDeleteACLsRequestFilter()
	principal := "User:guest"
	acl.ResourceType, acl.ResourceName, acl.ResourcePatternType = kmsg.ACLResourceTypeTopic, &prefix, kmsg.ACLResourcePatternTypePrefixed
	acl.Principal, acl.Operation, acl.PermissionType = &principal, operation, kmsg.ACLPermissionTypeAllow
	req := kmsg.NewPtrDeleteACLsRequest()
	req.Filters = append(req.Filters, acl)
	return c.ask("forbid "+prefix, func(ctx context.Context, client *kgo.Client) error {
		res, err := req.RequestWith(ctx, client)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(res.Results[0].ErrorCode)
	})
}

// Replicas puts a partition on these nodes, and returns when they are in sync.
func (c *Cluster) Replicas(topic string, partition int, nodes ...int) error {
	p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	p.Partition = int32(partition)
	for _, n := range nodes {
		p.Replicas = append(p.Replicas, int32(n+1))
	}
	t := kmsg.NewAlterPartitionAssignmentsRequestTopic()
	t.Topic, t.Partitions = topic, append(t.Partitions, p)
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.Topics, req.TimeoutMillis = append(req.Topics, t), 5000
	asked := false
	return c.ask(fmt.Sprintf("replicas of %s/%d", topic, partition), func(ctx context.Context, client *kgo.Client) error {
		if !asked {
			res, err := req.RequestWith(ctx, client)
			if err == nil {
				err = kerr.ErrorForCode(res.Topics[0].Partitions[0].ErrorCode)
			}
			if err != nil {
				return err
			}
			asked = true
		}
		now, err := describe(ctx, client, topic, partition)
		if err == nil && (len(now.Replicas) != len(nodes) || len(now.ISR) != len(nodes)) {
			err = fmt.Errorf("on %v, in sync %v", now.Replicas, now.ISR)
		}
		return err
	})
}

// ask tries for half a minute: controllers are elected, nodes catch up.
func (c *Cluster) ask(what string, try func(context.Context, *kgo.Client) error) error {
	client := c.client()
	defer client.Close()
	if err := poll(c.t.Context(), 30*time.Second, func(ctx context.Context) error { return try(ctx, client) }); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
