// Package wire holds the plain structs of gio-server's API /v1, which server and client share. Names and types are a contract.
// Times are RFC 3339 in UTC.
package wire

import "time"

// Project is what is built and deployed together, with its environments.
type Project struct {
	Name         string        `json:"name"`
	Repository   string        `json:"repository" doc:"org/name of the Git repository; for good"`
	Build        *Trigger      `json:"build,omitempty" doc:"what builds a candidate that is to be built"`
	Releases     *Releases     `json:"releases,omitempty" doc:"where gio releases it: each product that is finished there arrives as a candidate"`
	Environments []Environment `json:"environments,omitempty"`
	Repositories []Repository  `json:"repositories,omitempty"`
	Bundle       []Mapping     `json:"bundle,omitempty" doc:"of what the bundle of a candidate is made; left out: nobody makes it"`
}

// Repository holds files or images.
type Repository struct {
	Name        string `json:"name" doc:"unique on the server"`
	Environment string `json:"environment,omitempty" doc:"to which its contents are promoted; left out: what is built lands here"`
	Kind        string `json:"kind,omitempty" enum:"hosted,artifactory,registry" doc:"hosted, where it is left out: the server keeps its files"`
	Type        string `json:"type,omitempty" enum:"generic,maven,npm,docker,helm" doc:"of what it holds; generic, where it is left out, docker in a registry"`
	Connection  string `json:"connection,omitempty" doc:"of the server's settings; of the kinds artifactory and registry"`
	Path        string `json:"path,omitempty" doc:"Artifactory's key, or the path in the registry"`
}

// Releases says where gio releases what a project deploys.
type Releases struct {
	Connection string `json:"connection" doc:"of the server's settings, of the kind git"`
	Repository string `json:"repository,omitempty" doc:"below the address of the connection; the project's repository, where it is left out"`
	Manifest   string `json:"manifest,omitempty" doc:"path in the repository; release.json, where it is left out"`
}

// Watched is what is known of a release repository.
type Watched struct {
	Releases
	LookedAt *time.Time `json:"looked_at,omitempty" doc:"left out: not yet"`
	Problem  *Problem   `json:"problem,omitempty" doc:"why nothing can arrive"`
}

// Problem is why what gio releases cannot arrive.
type Problem struct {
	Code    string    `json:"code"`
	Message string    `json:"message"`
	Since   time.Time `json:"since"`
}

// Look tells of a release, and asks to look at its repository now.
type Look struct {
	Repository string `json:"repository" minLength:"1" maxLength:"500" doc:"address of the release repository, without secrets"`
	Manifest   string `json:"manifest,omitempty" maxLength:"200" doc:"release.json, where it is left out"`
	Version    string `json:"version" minLength:"1" maxLength:"100" doc:"of the product that was released"`
}

// Looked is what came of it in a project that names the repository.
type Looked struct {
	Project   string   `json:"project"`
	Candidate string   `json:"candidate,omitempty" doc:"the newest of the version; left out: there is none"`
	State     string   `json:"state,omitempty"`
	Problem   *Problem `json:"problem,omitempty" doc:"why nothing can arrive"`
}

// ListedProject is a project in the list of all.
type ListedProject struct {
	Name       string `json:"name"`
	Repository string `json:"repository"`
	Default    bool   `json:"default,omitempty" doc:"the project of those who name none, by the server's settings"`
}

// Environment is where a project runs.
type Environment struct {
	Name string `json:"name"`
	Tier string `json:"tier,omitempty" enum:"production,staging,development" doc:"groups environments; development where it is left out"`
	Kind string `json:"kind,omitempty" enum:"none,circleci,webhook,gitops" doc:"how it is deployed; none, where it is left out: others deploy it, and report"`

	Deploy   *Trigger      `json:"deploy,omitempty" doc:"of the kinds circleci and webhook"`
	GitOps   *GitOps       `json:"gitops,omitempty" doc:"of the kind gitops"`
	Requires *Requirements `json:"requires,omitempty" doc:"what must hold before a deployment begins"`
}

// Trigger is a pipeline on CircleCI, or a request to a webhook. In branch and parameters {{.Version}}, {{.Candidate}}, {{.Commit}},
// {{.DeploymentID}} and {{.Previous}} stand for what is deployed.
type Trigger struct {
	Connection string         `json:"connection" doc:"of the server's settings"`
	Project    string         `json:"project,omitempty" doc:"CircleCI's slug"`
	Branch     string         `json:"branch,omitempty"`
	Definition string         `json:"definition,omitempty" doc:"of a GitHub App project"`
	Parameters map[string]any `json:"parameters,omitempty" doc:"texts, whole numbers, true and false"`
}

// GitOps says where the desired state of an environment is kept: in Git, from where Flux applies it.
type GitOps struct {
	Connection     string `json:"connection" doc:"of the server's settings, of the kind git"`
	Repository     string `json:"repository" doc:"below the address of the connection: org/name"`
	Branch         string `json:"branch,omitempty" doc:"main, where it is left out"`
	Path           string `json:"path,omitempty" doc:"folder in the repository; its root, where it is left out"`
	PerEnvironment bool   `json:"per_environment,omitempty" doc:"the repository is this environment's: no folder has its name"`
	Confirm        string `json:"confirm,omitempty" enum:"flux,push" doc:"who tells that a commit is applied: Flux, by its events, where it is left out; with push nobody, and what is pushed counts as applied"`
}

// Requirements are what must hold before a deployment begins.
type Requirements struct {
	Approvals int    `json:"approvals,omitempty" minimum:"0" maximum:"20" doc:"by that many persons"`
	Previous  string `json:"previous,omitempty" doc:"the environment where the candidate must run, or its bundle be"`
	Signed    bool   `json:"signed,omitempty" doc:"there is a bundle of it, whose signature is good"`
}

// Change is one thing that a declaration changes.
type Change struct {
	What string `json:"what"`
	From string `json:"from,omitempty"`
	To   string `json:"to" doc:"left out: it is declared no more"`
}

// Applied says what a declaration has changed, or would change.
type Applied struct {
	DryRun  bool     `json:"dry_run"`
	Changes []Change `json:"changes"`
}

// Deployment makes an environment run a candidate.
type Deployment struct {
	ID          string     `json:"id"`
	Project     string     `json:"project"`
	Environment string     `json:"environment"`
	Candidate   string     `json:"candidate" doc:"RELEASE-rcN; empty of an app"`
	App         *AppOf     `json:"app,omitempty" doc:"of an environment whose apps are deployed one by one"`
	From        string     `json:"from,omitempty" doc:"what ran there before; of an app its shipment"`
	Status      string     `json:"status" doc:"what is said: pending, in_progress, success, failure, canceling, canceled, error or unknown"`
	Effect      string     `json:"effect,omitempty" doc:"what is done: wanted, intended, running, done, failed or unknown; left out where others deploy"`
	Message     string     `json:"message,omitempty" doc:"why it waits, or failed"`
	Link        string     `json:"link,omitempty" doc:"to what deploys it"`
	Actor       string     `json:"actor"`
	Restores    string     `json:"restores,omitempty" doc:"the deployment that a rollback restores"`
	Forced      string     `json:"forced,omitempty" doc:"why it passes freezes"`
	StartedAt   time.Time  `json:"started_at"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`
}

// Running is what runs in an environment, and what is under way.
type Running struct {
	Environment Environment  `json:"environment"`
	Current     *Deployment  `json:"current,omitempty"`
	Active      []Deployment `json:"active,omitempty" doc:"the newest first; the last may be one whose end a person must say"`
	Frozen      bool         `json:"frozen,omitempty" doc:"it takes nothing new"`
	Held        bool         `json:"held,omitempty" doc:"no policy deploys there: it was rolled back"`
	Apps        []RunningApp `json:"apps,omitempty" doc:"of an environment whose apps are deployed one by one, by name"`
}

// Overview is all about one environment.
type Overview struct {
	Running
	Hold    *Deployment  `json:"hold,omitempty" doc:"the rollback that keeps policies from it"`
	Freezes []Freeze     `json:"freezes,omitempty" doc:"those that hold there"`
	Recent  []Deployment `json:"recent" doc:"the newest ten"`
}

// Deployments is a page of them, the newest first.
type Deployments struct {
	Deployments []Deployment `json:"deployments"`
	Next        string       `json:"next,omitempty" doc:"cursor of the next page; left out on the last"`
}

// NewDeployment asks for a deployment, by candidate or by version.
type NewDeployment struct {
	Candidate string `json:"candidate,omitempty" doc:"RELEASE-rcN"`
	Version   string `json:"version,omitempty" doc:"the newest candidate of this release that is ready"`
	Force     *Force `json:"force,omitempty"`
}

// Force passes freezes, and nothing else.
type Force struct {
	Reason string `json:"reason" minLength:"1" maxLength:"1000"`
}

// NewRollback asks for what ran before.
type NewRollback struct {
	To    string `json:"to,omitempty" doc:"RELEASE-rcN, of an app a commit of the Git repository or a shipment; left out: what ran before"`
	App   string `json:"app,omitempty" maxLength:"63" doc:"of an environment whose apps are deployed one by one"`
	Force *Force `json:"force,omitempty"`
}

// Gate is a deployment with what it waits for.
type Gate struct {
	Deployment
	Commit     string       `json:"commit"`
	Author     string       `json:"author,omitempty" doc:"of the commit; may not approve"`
	Closed     string       `json:"closed,omitempty" doc:"why it may not begin; left out when it may, or has begun"`
	Requires   Requirements `json:"requires"`
	Previous   string       `json:"previous,omitempty" doc:"what runs in the environment that is required before"`
	Freeze     string       `json:"freeze,omitempty" doc:"the environment is frozen: by whom and why"`
	Bundle     string       `json:"bundle,omitempty" doc:"NAME VERSION of the candidate's, where the environment has repositories or requires something of it"`
	Unpromoted string       `json:"unpromoted,omitempty" doc:"why the bundle is not in the repositories of the environment; left out where it is, or need not be"`
	Approvals  []Approval   `json:"approvals"`
}

// Approval is one person's yes to one deployment.
type Approval struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// Reason says why.
type Reason struct {
	Reason string `json:"reason,omitempty" maxLength:"1000"`
}

// Resolution says what became of a deployment of which nobody knows it: a pipeline or an outcome.
type Resolution struct {
	Pipeline int64  `json:"pipeline,omitempty" minimum:"1" doc:"its number on CircleCI: it is watched like any other"`
	Outcome  string `json:"outcome,omitempty" enum:"succeeded,failed,not_started"`
	Reason   string `json:"reason" minLength:"1" maxLength:"1000" doc:"how you know it"`
}

// Candidate is one try at a release: one commit, which never changes.
type Candidate struct {
	Candidate string    `json:"candidate" doc:"RELEASE-rcN"`
	Version   string    `json:"version" doc:"of the release"`
	Commit    string    `json:"commit"`
	Author    string    `json:"author,omitempty"`
	State     string    `json:"state" doc:"building, ready, failed or blocked"`
	Message   string    `json:"message,omitempty" doc:"why it failed or is blocked"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`

	Components map[string]string `json:"components,omitempty" doc:"their versions by their names, of one that gio has released; lists leave them out"`
}

// Candidates is a page of them, the newest first.
type Candidates struct {
	Candidates []Candidate `json:"candidates"`
	Next       string      `json:"next,omitempty" doc:"cursor of the next page; left out on the last"`
}

// NewCandidate asks for a candidate.
type NewCandidate struct {
	Version    string `json:"version" doc:"RELEASE-rcN"`
	Repository string `json:"repository,omitempty" doc:"org/name; the project's, where it is left out"`
	Commit     string `json:"commit" doc:"all digits of its hash"`
	Author     string `json:"author,omitempty" maxLength:"200" doc:"address of the commit's author, who may not approve it"`
	Build      bool   `json:"build,omitempty" doc:"the project's build decides whether it is ready; otherwise it is at once"`
}

// Freeze is a time in which an environment, or all of a project, takes nothing new.
type Freeze struct {
	ID          string     `json:"id"`
	Environment string     `json:"environment,omitempty" doc:"left out: all of the project"`
	Reason      string     `json:"reason"`
	Actor       string     `json:"actor"`
	CreatedAt   time.Time  `json:"created_at"`
	Until       *time.Time `json:"until,omitempty" doc:"left out: until somebody lifts it"`
}

// NewFreeze asks for a freeze.
type NewFreeze struct {
	Environment string     `json:"environment,omitempty" doc:"left out: all of the project"`
	Reason      string     `json:"reason" minLength:"1" maxLength:"1000"`
	Until       *time.Time `json:"until,omitempty" doc:"left out: until somebody lifts it"`
}

// Token is the right of a person or a service.
type Token struct {
	ID        string     `json:"id"`
	Subject   string     `json:"subject" doc:"a person's address, or the name of a service"`
	Project   string     `json:"project,omitempty" doc:"left out: all projects"`
	Role      string     `json:"role" enum:"reader,reporter,deployer,approver,releaser,admin"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	UsedAt    *time.Time `json:"used_at,omitempty"`
}

// NewToken asks for a token.
type NewToken struct {
	Subject   string     `json:"subject" minLength:"1" maxLength:"200"`
	Project   string     `json:"project,omitempty"`
	Role      string     `json:"role" enum:"reader,reporter,deployer,approver,releaser,admin"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	Secret    string     `json:"secret,omitempty" doc:"of a foreign system, to be imported: at least 20 characters; only its hash is kept"`
}

// CreatedToken is a new token with its secret, which is shown this once; "" where it was imported.
type CreatedToken struct {
	Token
	Secret string `json:"secret"`
	Note   string `json:"note,omitempty" doc:"why there is no secret"`
}

// Event is one fact of the history.
type Event struct {
	Position int64             `json:"position"`
	Time     time.Time         `json:"time"`
	Project  string            `json:"project,omitempty"`
	Type     string            `json:"type"`
	Subject  string            `json:"subject,omitempty"`
	Actor    string            `json:"actor"`
	Dialect  string            `json:"dialect"`
	Address  string            `json:"address,omitempty"`
	Data     map[string]string `json:"data,omitempty"`
}

// Head is the end of the history.
type Head struct {
	Position int64  `json:"position"`
	Hash     string `json:"hash" doc:"SHA-256 over all events up to there; kept elsewhere, it tells whether they were changed"`
}

// Verified says whether the history is what was written.
type Verified struct {
	Intact  bool   `json:"intact"`
	Head    *Head  `json:"head,omitempty" doc:"its end, where it is intact"`
	Problem string `json:"problem,omitempty" doc:"where it was changed, and how that shows"`
}
