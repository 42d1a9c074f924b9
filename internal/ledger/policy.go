package ledger

// Policy says of which shipments an app file is deployed by itself.
type Policy struct {
	Branch   string    `json:"branch"`
	Event    *GitEvent `json:"event"`
	Tag      string    `json:"tag"`
	Messages []string  `json:"commitMessagePatterns"`
}

// Cleanup says with which branch an app is deleted.
type Cleanup struct {
	App    string `json:"app"`
	Event  string `json:"event"`
	Branch string `json:"branch"`
}
