package wire

import "time"

// BundleNames is a page of the names of a project's bundles, the one with the newest version first.
type BundleNames struct {
	Bundles []BundleName `json:"bundles"`
	Next    string       `json:"next,omitempty" doc:"cursor of the next page; left out on the last"`
}

// BundleName is the name that versions of a bundle share.
type BundleName struct {
	Name      string    `json:"name"`
	Versions  int       `json:"versions" doc:"how many there are"`
	Latest    string    `json:"latest" doc:"the version that was made last"`
	CreatedAt time.Time `json:"created_at" doc:"when that was"`
}

// Bundles is a page of the versions of a bundle, the newest first.
type Bundles struct {
	Bundles []Bundle `json:"bundles"`
	Next    string   `json:"next,omitempty" doc:"cursor of the next page; left out on the last"`
}

// Bundle is a box: files and images with their checksums. Once it is sealed it is signed, and never changes.
type Bundle struct {
	Name       string    `json:"name"`
	Version    string    `json:"version"`
	Status     string    `json:"status" enum:"draft,sealed"`
	Missing    string    `json:"missing,omitempty" doc:"what keeps a draft from being sealed"`
	Candidate  string    `json:"candidate,omitempty" doc:"RELEASE-rcN, of which it is the box; lists leave it out"`
	Key        string    `json:"key" doc:"name of the key that has signed its list, of a draft the one that is to"`
	Promotions int       `json:"promotions" doc:"how many records there are"`
	CreatedAt  time.Time `json:"created_at"`
	CreatedBy  string    `json:"created_by"`
}

// ShownBundle is all about one bundle.
type ShownBundle struct {
	Bundle
	Items     []BundleItem `json:"items"`
	Records   []Promotion  `json:"records" doc:"its newest promotions, those that failed, too, but not those that were rolled back or deleted"`
	Signature *Envelope    `json:"signature,omitempty" doc:"DSSE over an in-toto statement of the items; left out of a draft"`
}

// BundleItem is one thing in a bundle.
type BundleItem struct {
	Kind       string `json:"kind" enum:"file,image"`
	Type       string `json:"type" doc:"of the repository: generic, maven, npm, docker or helm"`
	Repository string `json:"repository" doc:"where it was when the bundle was made"`
	Path       string `json:"path" doc:"of an image NAME:TAG"`
	SHA256     string `json:"sha256" doc:"of its content, of an image that of its manifest"`
	Size       int64  `json:"size,omitempty" doc:"in bytes; left out where the server does not keep it"`
}

// Envelope is a signature as DSSE (github.com/secure-systems-lab/dsse) writes it.
type Envelope struct {
	PayloadType string              `json:"payloadType"`
	Payload     string              `json:"payload" doc:"in base64"`
	Signatures  []EnvelopeSignature `json:"signatures"`
}

// EnvelopeSignature is one signature of an envelope.
type EnvelopeSignature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig" doc:"in base64"`
}

// NewBundle asks for a bundle of files, or for the one of a candidate.
type NewBundle struct {
	Name      string       `json:"name,omitempty" maxLength:"255" doc:"with files; the bundle of a candidate has the name of its project"`
	Version   string       `json:"version,omitempty" maxLength:"255" doc:"with files; the bundle of a candidate has the version of its release, or its own where there is another one"`
	Files     []BundleFile `json:"files,omitempty" maxItems:"10000" doc:"left out: those that the project's bundle names for the candidate; what is missing keeps it a draft, and is looked for again"`
	Candidate string       `json:"candidate,omitempty" doc:"RELEASE-rcN, of which it is the box; the same again looks at once for what is missing"`
}

// Mapping says what a component of a release is made of. In path and image {{.Component}}, {{.Version}} and {{.ProductVersion}} stand for the component,
// its version and the version of the release.
type Mapping struct {
	Repository string   `json:"repository,omitempty" doc:"of the project; left out of an image: its only one of the kind registry, of no environment"`
	Path       string   `json:"path,omitempty" doc:"of files; of the kind hosted * stands for any text without a slash, and at least one file must fit"`
	Image      string   `json:"image,omitempty" doc:"NAME:TAG of an image or a Helm chart, instead of path"`
	Components []string `json:"components,omitempty" doc:"names, in which * stands for any text; left out: each component"`
}

// BundleFile names a file, those that fit a pattern, or an image.
type BundleFile struct {
	Repository string `json:"repository" minLength:"1" doc:"where it is"`
	Path       string `json:"path" minLength:"1" doc:"of an image NAME:TAG; of the kind hosted * stands for any text without a slash, and at least one file must fit"`
}

// VerifiedBundle says whether a bundle is what was signed, and whether all is there.
type VerifiedBundle struct {
	Intact  bool     `json:"intact"`
	Key     string   `json:"key,omitempty" doc:"whose signature it bears; left out where that is not good"`
	Problem string   `json:"problem,omitempty" doc:"why the signature is not good"`
	Items   int      `json:"items"`
	Kept    int      `json:"kept" doc:"of these, those whose contents the server is to keep; the others are compared where they are when the bundle is promoted"`
	Lost    []string `json:"lost,omitempty" doc:"those whose contents are gone, as REPOSITORY/PATH"`
}

// NewPromotion asks for a bundle in the repositories of an environment.
type NewPromotion struct {
	Environment string   `json:"environment" minLength:"1"`
	Move        bool     `json:"move,omitempty" doc:"the contents leave the environment that they come from; the first promotion copies, and so does one to where the bundle is"`
	Include     []string `json:"include,omitempty" doc:"only into these repositories of the environment"`
	Exclude     []string `json:"exclude,omitempty" doc:"into none of these, where nothing is included"`
	Force       *Force   `json:"force,omitempty"`
}

// Promotion carries a bundle to the repositories of an environment.
type Promotion struct {
	ID           string     `json:"id"`
	Environment  string     `json:"environment"`
	From         string     `json:"from,omitempty" doc:"the environment that the contents came from; left out where they were in none"`
	Operation    string     `json:"operation" enum:"copy,move"`
	Status       string     `json:"status" enum:"processing,completed,failed,deleting" doc:"of one that failed nothing is there"`
	Messages     []string   `json:"messages,omitempty" doc:"why it failed, or what was left out"`
	Repositories []string   `json:"repositories" doc:"where the items went to"`
	Actor        string     `json:"actor"`
	StartedAt    time.Time  `json:"started_at"`
	EndedAt      *time.Time `json:"ended_at,omitempty"`
}

// Promotions is a page of the records of a bundle, the newest first.
type Promotions struct {
	Promotions []Promotion `json:"promotions"`
	Next       string      `json:"next,omitempty" doc:"cursor of the next page; left out on the last"`
}

// PromotionRollback asks to take a bundle out of the environment to which it was promoted last.
type PromotionRollback struct {
	Environment string `json:"environment" minLength:"1" doc:"so that nobody takes it out of another one"`
	Force       *Force `json:"force,omitempty"`
}
