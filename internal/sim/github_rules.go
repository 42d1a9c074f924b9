package sim

import "net/http"

type hubEnabled struct {
	Enabled bool `json:"enabled"`
}

type hubProtectionItem struct {
	URL          string           `json:"url"`
	Checks       *hubChecksItem   `json:"required_status_checks,omitempty"`
	Reviews      *hubReviewsItem  `json:"required_pull_request_reviews,omitempty"`
	Signatures   hubEnabled       `json:"required_signatures"`
	Admins       hubEnabled       `json:"enforce_admins"`
	Restrictions *hubRestrictions `json:"restrictions,omitempty"`
	ForcePushes  hubEnabled       `json:"allow_force_pushes"`
	Deletions    hubEnabled       `json:"allow_deletions"`
	Lock         hubEnabled       `json:"lock_branch"`
	Creations    hubEnabled       `json:"block_creations"`
}

type hubChecksItem struct {
	Strict   bool     `json:"strict"`
	Contexts []string `json:"contexts"`
}

type hubReviewsItem struct {
	Count int `json:"required_approving_review_count"`
}

type hubRestrictions struct {
	Users []hubUserItem `json:"users"`
	Teams []hubUserItem `json:"teams"`
	Apps  []hubUserItem `json:"apps"`
}

// hubProtection: docs.github.com/rest/branches/branch-protection#get-branch-protection. Others than administrators get
// the 404 of what does not exist.
func (s *Sim) hubProtection(c *hubCall) answer {
	protection := c.repository.Branches[c.args[0]].Protection
	switch {
	case c.repository.branches[c.args[0]] == nil:
		return hubFail(http.StatusNotFound, "Branch not found")
	case c.token == "" || !c.repository.Admin:
		return hubNotFound()
	case protection == nil:
		return hubFail(http.StatusNotFound, "Branch not protected")
	}
	item := hubProtectionItem{
		URL: c.url("branches/" + c.args[0] + "/protection"), Signatures: hubEnabled{protection.Signatures}, Admins: hubEnabled{protection.Admins},
		Creations: hubEnabled{protection.Creations},
	}
	if len(protection.Statuses) > 0 {
		item.Checks = &hubChecksItem{Contexts: protection.Statuses}
	}
	if protection.Review {
		item.Reviews = &hubReviewsItem{Count: 1}
	}
	if protection.Restricted {
		item.Restrictions = &hubRestrictions{Users: []hubUserItem{}, Teams: []hubUserItem{}, Apps: []hubUserItem{}}
		for i, login := range protection.Pushers {
			item.Restrictions.Users = append(item.Restrictions.Users, hubUserItem{Login: login, ID: 10 + i, Type: "User"})
		}
	}
	return reply(http.StatusOK, item)
}

// hubTagProtection: docs.github.com/rest/repos/tags, closing down. Others than administrators get the 404 of what is gone.
func (s *Sim) hubTagProtection(c *hubCall) answer {
	if c.token == "" || !c.repository.Admin || c.repository.TagProtection == nil {
		return hubNotFound()
	}
	items := []hubTagProtectionItem{}
	for i, pattern := range c.repository.TagProtection {
		items = append(items, hubTagProtectionItem{ID: i + 1, Pattern: pattern})
	}
	return reply(http.StatusOK, items)
}

type hubTagProtectionItem struct {
	ID      int    `json:"id"`
	Pattern string `json:"pattern"`
}
