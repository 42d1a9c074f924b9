package check

import (
	"slices"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Rule is one thing that is checked.
type Rule struct {
	Code     string
	Severity Severity
	Kind     fault.Kind // the exit code of an error
	Means    string     // one sentence, for `gio help findings`
	Never    string     // why an error cannot be skipped; "" where it can
}

// The codes. They are stable: scripts and --skip-check name them.
const (
	Manifest               = "manifest"
	ManifestOdd            = "manifest-odd"
	Configuration          = "configuration"
	WrongBranch            = "wrong-branch"
	StaleCheckout          = "stale-checkout"
	NextVersion            = "next-version"
	ReleaseRepository      = "release-repository"
	CannotPush             = "cannot-push"
	ProductTagExists       = "product-tag-exists"
	SupportBranch          = "support-branch"
	BranchProtected        = "branch-protected"
	SignedCommits          = "signed-commits"
	ServerRules            = "server-rules"
	RefInTheWay            = "ref-in-the-way"
	JournalDamaged         = "journal"
	Token                  = "token"
	ProjectUnknown         = "project-unknown"
	DefinitionMissing      = "definition-missing"
	PipelineRunning        = "pipeline-running"
	ReleasedUnknown        = "released-unknown"
	AutoCancel             = "auto-cancel"
	GitHubToken            = "github-token"
	RepositoryMissing      = "repository-missing"
	RepositoryRenamed      = "repository-renamed"
	Archived               = "archived"
	BranchMissing          = "branch-missing"
	VersionMismatch        = "version-mismatch"
	VersionUnknown         = "version-unknown"
	TagExists              = "tag-exists"
	SkipCI                 = "skip-ci"
	ConfigMissing          = "config-missing"
	ConfigUnreadable       = "config-unreadable"
	ParameterUnknown       = "parameter-undeclared"
	ParameterType          = "parameter-type"
	ParameterDefaulted     = "parameter-defaulted"
	OrderWrong             = "order-wrong"
	OrderNoEdge            = "order-no-edge"
	DependencyNotOpen      = "dependency-not-open"
	DependencyOtherVersion = "dependency-other-version"
	DependencyCycle        = "dependency-cycle"
	DependencyNeeded       = "dependency-needed"
	DependencyLeftOut      = "dependency-left-out"
	DependencySplit        = "dependency-split"
	DependencyOlder        = "dependency-older"
	DependencyUnknown      = "dependency-unknown"
	OpenElsewhere          = "open-elsewhere"
	Unreleased             = "unreleased-commits"
	NotChecked             = "not-checked"
)

const (
	noPlan   = "without it there is no plan"
	refused  = "gio release refuses it in any case"
	twice    = "the version could be released twice"
	noToken  = "nothing can be started without it"
	noRecord = "what is released could not be recorded"
)

// rules is the one table of codes, in the order in which findings of one severity are listed.
var rules = []Rule{
	{Manifest, Error, fault.Invalid, "release.json cannot be released from", noPlan},
	{Configuration, Error, fault.Invalid, "gio.yaml does not fit release.json (notify: a warning)", noPlan},
	{WrongBranch, Error, fault.Invalid, "the branch is not one to release this version from", noPlan},
	{Token, Error, fault.Auth, "CircleCI refuses the token, or there is none", noToken},
	{GitHubToken, Error, fault.Auth, "GitHub refuses the token", noToken},
	{ReleaseRepository, Error, fault.Remote, "the release repository cannot be read", noRecord},
	{CannotPush, Error, fault.Auth, "there is no right to push to the release repository", noRecord},
	{StaleCheckout, Error, fault.Invalid, "the checkout's release.json is not the remote's", refused},
	{JournalDamaged, Error, fault.Invalid, "the run's journal is wrong, too new, or hidden by the server", twice},
	{ProductTagExists, Error, fault.Invalid, "the product's tag exists, and not by this run", twice},
	{SupportBranch, Error, fault.Invalid, "the next support branch exists and cannot follow", refused},
	{RefInTheWay, Error, fault.Invalid, "Git cannot make a branch or tag: another is in its way", refused},
	{BranchProtected, Error, fault.Invalid, "a branch that is pushed accepts no direct push", ""},
	{SignedCommits, Error, fault.Invalid, "a ref that is pushed accepts signed commits only; gio's are not", ""},
	{ServerRules, Error, fault.Invalid, "GitHub's rules refuse a ref, a message, an address or a file", ""},
	{TagExists, Error, fault.Invalid, "the version's tag exists: it is released", twice},
	{PipelineRunning, Error, fault.Invalid, "a pipeline of this user runs on the branch", twice},
	{ReleasedUnknown, Error, fault.Invalid, "a green pipeline may be its release, and no run knows it", ""},
	{ProjectUnknown, Error, fault.Invalid, "CircleCI knows no such project", ""},
	{DefinitionMissing, Error, fault.Invalid, "the pipeline definition is not named, or does not exist", ""},
	{RepositoryMissing, Error, fault.Invalid, "the component's repository does not exist", ""},
	{Archived, Error, fault.Invalid, "the component's repository is archived: read-only", ""},
	{BranchMissing, Error, fault.Invalid, "the branch to build from does not exist", ""},
	{VersionMismatch, Error, fault.Invalid, "pom.xml or package.json has another version", ""},
	{SkipCI, Error, fault.Invalid, "the branch's head says [skip ci]: no pipeline would start", ""},
	{ConfigMissing, Error, fault.Invalid, "the branch has no .circleci/config.yml", ""},
	{ConfigUnreadable, Error, fault.Invalid, ".circleci/config.yml is not valid YAML", ""},
	{ParameterUnknown, Error, fault.Invalid, "a parameter that is sent is not declared there", ""},
	{ParameterType, Error, fault.Invalid, "a parameter has another type, or no value of its enum", ""},
	{ParameterDefaulted, Error, fault.Invalid, "a declared parameter is not sent (dry run: a warning)", ""},
	{OrderWrong, Error, fault.Invalid, "a component would be built before what it names", ""},
	{DependencyNotOpen, Error, fault.Invalid, "a SNAPSHOT is named that this run does not release", ""},
	{DependencyOtherVersion, Error, fault.Invalid, "a SNAPSHOT is named, and another version is released", ""},
	{DependencyCycle, Error, fault.Invalid, "components need each other's version of this run", ""},
	{DependencyNeeded, Error, fault.Invalid, "not_needed in gio.yaml takes a SNAPSHOT away", ""},
	{DependencyLeftOut, Error, fault.Invalid, "by the graph: --only or --except leave out what is needed", refused},
	{ManifestOdd, Warning, 0, "release.json holds something that is probably a mistake", ""},
	{NextVersion, Warning, 0, "the next version cannot be counted: --next or --no-next", ""},
	{RepositoryRenamed, Warning, 0, "the component's repository has another name now", ""},
	{VersionUnknown, Warning, 0, "no pom.xml or package.json says the branch's version", ""},
	{AutoCancel, Warning, 0, "a push to the branch would cancel the release's pipeline", ""},
	{OpenElsewhere, Warning, 0, "another release branch is to release the same version", ""},
	{DependencySplit, Warning, 0, "different versions of a component of the run are named", ""},
	{DependencyUnknown, Warning, 0, "whom a component needs cannot be read", ""},
	{OrderNoEdge, Note, 0, "by the graph: it names none of the run, and starts at once", ""},
	{DependencyOlder, Note, 0, "a component stays on an older line of another one", ""},
	{Unreleased, Note, 0, "commits since the tag of a component that stays as it is", ""},
	{NotChecked, Note, fault.Remote, "something could not be checked (an error if a remote failed)", ""},
}

// IsOfOrder tells whether a rule is about who needs whom.
func (r Rule) IsOfOrder() bool {
	return strings.HasPrefix(r.Code, "order-") || strings.HasPrefix(r.Code, "dependency-")
}

// Rules is the table of codes.
func Rules() []Rule { return slices.Clone(rules) }

// indexOf is the index of a code in the table; of one that is not there, the table's length.
func indexOf(code string) int {
	if i := slices.IndexFunc(rules, func(r Rule) bool { return r.Code == code }); i >= 0 {
		return i
	}
	return len(rules)
}
