package circleci

import (
	"context"
	"net/http"

	"go.yaml.in/yaml/v3"
)

// CompiledWorkflows reads the names of the workflows in the compiled configuration of a pipeline, the setup configuration left
// out (contracts/circleci.md 1.5). Each may run; filters and conditions may leave some out.
func (c *Client) CompiledWorkflows(ctx context.Context, pipelineID string) ([]string, error) {
	path, err := escape("pipeline", pipelineID, "config")
	if err != nil {
		return nil, err
	}
	var answer struct {
		Compiled *string `json:"compiled"`
	}
	k := call{method: http.MethodGet, path: path, subject: "pipeline " + pipelineID}
	if _, err := c.get(ctx, k, &answer); err != nil {
		return nil, err
	}
	if answer.Compiled == nil {
		return nil, missing(k, "configuration")
	}
	var compiled struct {
		Workflows map[string]yaml.Node `yaml:"workflows"`
	}
	if err := yaml.Unmarshal([]byte(*answer.Compiled), &compiled); err != nil {
		return nil, c.cannotRead(k, http.StatusOK, []byte(*answer.Compiled), err)
	}
	var names []string
	for name, w := range compiled.Workflows {
		if w.Kind == yaml.MappingNode { // `version: 2` stands among them
			names = append(names, name)
		}
	}
	return names, nil
}
