package config

import (
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/plan"
)

// Order is plan.ByWaves or plan.ByGraph; "" is not set.
type Order plan.Order

// UnmarshalYAML refuses other words.
func (o *Order) UnmarshalYAML(node *yaml.Node) error {
	if !isOrder(node.Value) {
		return lineError(node, "order is %s or %s, not %q", plan.ByGraph, plan.ByWaves, node.Value)
	}
	*o = Order(node.Value)
	return nil
}

func isOrder(word string) bool { return word == string(plan.ByGraph) || word == string(plan.ByWaves) }

// ParseOrder parses the value of --order; "" is not set.
func ParseOrder(word string) (plan.Order, error) {
	if word != "" && !isOrder(word) {
		return "", fault.New(fault.Usage, "usage", "--order is %s or %s, not %q", plan.ByGraph, plan.ByWaves, word).
			Hint("`gio help order` says what they are")
	}
	return plan.Order(word), nil
}

// Settle is a time of at most an hour.
type Settle time.Duration

// maxSettle bounds what is waited each time: an artifact server lags by seconds, or minutes.
const maxSettle = time.Hour

// UnmarshalYAML parses 90s or 2m.
func (s *Settle) UnmarshalYAML(node *yaml.Node) error {
	d, err := time.ParseDuration(node.Value)
	if err != nil || d < 0 || d > maxSettle {
		return lineError(node, "settle is a time such as 90s or 2m, of at most an hour, not %q", node.Value)
	}
	*s = Settle(d)
	return nil
}
