package wire

import "time"

// AppOf is what the deployment of an app has beside that of a candidate.
type AppOf struct {
	Name     string  `json:"name"`
	Action   string  `json:"action" enum:"deploy,rollback,delete"`
	Shipment string  `json:"shipment,omitempty" doc:"id of what is deployed; left out where nothing is, or nobody knows"`
	To       string  `json:"to,omitempty" doc:"hash of the commit to which a rollback goes back"`
	Batch    string  `json:"batch,omitempty" doc:"id of the request that made it"`
	Commit   *Commit `json:"commit,omitempty" doc:"left out before one is pushed, and where nothing had to change"`
}

// Commit is one in the repository of an environment's desired state.
type Commit struct {
	Hash    string    `json:"hash"`
	Status  string    `json:"status" doc:"in Flux's words; NotReconciled before it says anything"`
	Message string    `json:"message,omitempty"`
	At      time.Time `json:"at"`
}

// RunningApp is what runs of an app.
type RunningApp struct {
	Name    string      `json:"name"`
	Current *Deployment `json:"current,omitempty" doc:"left out: nothing of it has succeeded"`
	SHA     string      `json:"sha,omitempty" doc:"hash of the commit that was shipped"`
	Held    bool        `json:"held,omitempty" doc:"no policy deploys it: it was rolled back"`
}

// Revision is the commit that was shipped.
type Revision struct {
	Repository   string `json:"repository"`
	SHA          string `json:"sha"`
	Branch       string `json:"branch,omitempty"`
	Event        string `json:"event" enum:"push,tag,pr"`
	SourceBranch string `json:"source_branch,omitempty"`
	TargetBranch string `json:"target_branch,omitempty"`
	Tag          string `json:"tag,omitempty"`
	Author       string `json:"author,omitempty" doc:"address; may not approve"`
	Message      string `json:"message,omitempty"`
	URL          string `json:"url,omitempty"`
}

// Shipment is CI's note that a commit can be deployed.
type Shipment struct {
	ID        string    `json:"id"`
	Revision  Revision  `json:"revision"`
	Apps      []AppFile `json:"apps" doc:"what it has app files for"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
}

// AppFile says for which app and environment one is, as it says itself: both may be templates.
type AppFile struct {
	App         string `json:"app"`
	Environment string `json:"environment"`
	Policy      bool   `json:"policy,omitempty" doc:"it says when it is deployed by itself"`
}

// ShownShipment is all about one shipment.
type ShownShipment struct {
	Shipment
	Files     []any             `json:"files" doc:"the app files"`
	Variables map[string]string `json:"variables" doc:"what they may name"`
	Dropped   []string          `json:"dropped,omitempty" doc:"names of variables that looked secret and were not kept"`
	Policies  Batch             `json:"policies" doc:"what its policies have made"`
}

// Shipments is a page of them, the newest first.
type Shipments struct {
	Shipments []Shipment `json:"shipments"`
	Next      string     `json:"next,omitempty" doc:"cursor of the next page; left out on the last"`
}

// Batch is what one request has made: deployments of apps.
type Batch struct {
	ID          string       `json:"id"`
	Kind        string       `json:"kind" enum:"shipment,deploy,rollback,delete,branch-deleted"`
	Shipment    string       `json:"shipment,omitempty"`
	Deployments []Deployment `json:"deployments"`
	Refused     []Refused    `json:"refused" doc:"what was not made"`
	CreatedAt   time.Time    `json:"created_at"`
	CreatedBy   string       `json:"created_by"`
}

// Refused is an app that was not deployed.
type Refused struct {
	App         string `json:"app"`
	Environment string `json:"environment"`
	Why         string `json:"why"`
}

// DeployShipment asks for the apps of a shipment in an environment.
type DeployShipment struct {
	Shipment    string `json:"shipment" minLength:"1" maxLength:"300"`
	Environment string `json:"environment" minLength:"1" maxLength:"100"`
	App         string `json:"app,omitempty" maxLength:"200" doc:"left out: all that it has for the environment"`
	Force       *Force `json:"force,omitempty"`
}

// DeletedBranch tells that a branch is gone.
type DeletedBranch struct {
	Repository string `json:"repository,omitempty" maxLength:"200" doc:"owner/name; the project's, where it is left out"`
	Branch     string `json:"branch" minLength:"1" maxLength:"500"`
}
