package jfrog

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
)

// promotions are the routes of promotions.
func (a API) promotions(mux *http.ServeMux) {
	const promotion = lifecycle + "/promotion"
	mux.Handle("POST "+promotion+"/records/{name}/{version}", a.answering(a.promote))
	mux.Handle("GET "+promotion+"/records/{name}/{version}", a.answering(a.promotionRecords))
	mux.Handle("GET "+promotion+"/records/{name}/{version}/{millis}", a.answering(a.promotionDetails))
	mux.Handle("DELETE "+promotion+"/records/{name}/{version}/{millis}", a.answering(a.deletePromotion))
	mux.Handle("GET "+promotion+"/statuses/{name}/{version}/{millis}", a.answering(a.promotionStatus))
	mux.Handle("POST "+promotion+"/rollback/{name}/{version}", a.answering(a.rollBackPromotion))
}

// way is what all requests about promotions say.
type way struct {
	project, name, version string
	async                  bool
}

// wayOf reads what all requests about a bundle's promotions say.
func (a API) wayOf(r *http.Request, c ledger.Caller) (w way, err error) {
	w.name, w.version = r.PathValue("name"), r.PathValue("version")
	if w.async, err = isAsync(r); err == nil {
		w.project, err = a.of(r, c)
	}
	return w, err
}

// promotion is one as it is answered.
type promotion struct {
	Repository  string        `json:"repository_key"`
	Name        string        `json:"release_bundle_name"`
	Version     string        `json:"release_bundle_version"`
	Environment string        `json:"environment"`
	Included    []string      `json:"included_repository_keys"`
	Excluded    []string      `json:"excluded_repository_keys"`
	Properties  []setProperty `json:"artifact_additional_properties"`
	Created     string        `json:"created"`
	Millis      int64         `json:"created_millis"`
	From        string        `json:"source_environment"`
}

func (a API) promote(r *http.Request, c ledger.Caller) (int, any, error) {
	w, err := a.wayOf(r, c)
	if err != nil {
		return 0, nil, err
	}
	body, err := decode[struct {
		Environment string        `json:"environment"`
		Included    []string      `json:"included_repository_keys"`
		Excluded    []string      `json:"excluded_repository_keys"`
		Properties  []setProperty `json:"artifact_additional_properties"`
	}](r)
	if err != nil {
		return 0, nil, err
	}
	if body.Environment == "" {
		return 0, nil, fault.New(fault.Invalid, "no-environment-named", "environment is missing: where is the bundle to go?")
	}
	o := ledger.PromoteOptions{
		Operation: ledger.Operation(r.URL.Query().Get("operation")), Include: body.Included, Exclude: body.Excluded, Key: r.Header.Get(signingKey),
	}
	for _, p := range body.Properties {
		o.Properties = append(o.Properties, ledger.Property(p))
	}
	p, err := a.Ledger.Promote(r.Context(), c, w.project, w.name, w.version, body.Environment, o)
	if err == nil && !w.async {
		p, err = a.ended(r.Context(), c, w, p)
	}
	if err != nil {
		return 0, nil, err
	}
	if p.Status == ledger.Failed && !w.async {
		return http.StatusConflict, failures(p), nil
	}
	answer := promotion{
		Repository: a.bundlesOf(w.project), Name: w.name, Version: w.version, Environment: p.To, Included: shownList(p.Included), Excluded: shownList(p.Excluded),
		Properties: []setProperty{}, Created: iso(time.UnixMilli(p.Millis)), Millis: p.Millis, From: p.From,
	}
	for _, each := range p.Properties {
		answer.Properties = append(answer.Properties, setProperty{each.Key, shownList(each.Values)})
	}
	return whole(w.async, http.StatusCreated), answer, nil
}

// shownList is a list that JSON shows, even if nothing is in it.
func shownList(all []string) []string {
	if all == nil {
		return []string{}
	}
	return all
}

// failures are what kept a promotion from happening.
func failures(p ledger.Promotion) problems {
	all := problems{[]problem{}}
	for _, m := range p.Messages {
		all.Errors = append(all.Errors, problem{http.StatusConflict, m.Text})
	}
	return all
}

const (
	// looks is how often somebody who waits looks whether a promotion has ended.
	looks = 200 * time.Millisecond
	// longestWait is how long somebody may wait. Images may be large, and nobody waits for what waits for another system.
	longestWait = 30 * time.Minute
)

// ended waits until a promotion has ended: what is kept outside is carried by others.
func (a API) ended(ctx context.Context, c ledger.Caller, w way, p ledger.Promotion) (ledger.Promotion, error) {
	ticker, late := time.NewTicker(looks), time.NewTimer(longestWait)
	defer ticker.Stop()
	defer late.Stop()
	goesOn := fault.New(fault.Stopped, "still-under-way", "%s %s to %s is still under way, and goes on without who waited for it", w.name, w.version, p.To).
		Hint("its status says how it ends: created_millis is %d", p.Millis)
	var err error
	for err == nil && p.Status.UnderWay() {
		select {
		case <-ctx.Done():
			return p, ctx.Err()
		case <-a.Ending:
			return p, goesOn
		case <-late.C:
			return p, goesOn
		case <-ticker.C:
			p, err = a.Ledger.Promotion(ctx, c, w.project, w.name, w.version, p.Millis)
		}
	}
	return p, err
}

// recordOf reads which promotion of a bundle a request means.
func (a API) recordOf(r *http.Request, c ledger.Caller) (w way, millis int64, err error) {
	if w, err = a.wayOf(r, c); err != nil {
		return w, 0, err
	}
	if millis, err = strconv.ParseInt(r.PathValue("millis"), 10, 64); err != nil {
		err = fault.New(fault.NotFound, "no-promotion", "there is no promotion %.40q: its created_millis is a number", r.PathValue("millis"))
	}
	return w, millis, err
}

func messagesOf(p ledger.Promotion) []message {
	all := []message{}
	for _, m := range p.Messages {
		all = append(all, message{serviceID, m.Text, iso(m.At)})
	}
	return all
}

func (a API) promotionStatus(r *http.Request, c ledger.Caller) (int, any, error) {
	w, millis, err := a.recordOf(r, c)
	if err != nil {
		return 0, nil, err
	}
	p, err := a.Ledger.Promotion(r.Context(), c, w.project, w.name, w.version, millis)
	return http.StatusOK, stands{string(p.Status), messagesOf(p)}, err
}

// allRecords is how many promotions are listed where nobody says how many: who deletes those to an environment wants them all.
const allRecords = 1000

func (a API) promotionRecords(r *http.Request, c ledger.Caller) (int, any, error) {
	w, err := a.wayOf(r, c)
	if err != nil {
		return 0, nil, err
	}
	o, err := listOf(r, allRecords, map[string]string{"created": "", "created_millis": "", "created_by": "created_by", "environment": "environment"})
	if err != nil {
		return 0, nil, err
	}
	all, total, err := a.Ledger.Promotions(r.Context(), c, w.project, w.name, w.version, o)
	type record struct {
		Status      string    `json:"status"`
		Repository  string    `json:"repository_key"`
		Name        string    `json:"release_bundle_name"`
		Version     string    `json:"release_bundle_version"`
		Environment string    `json:"environment"`
		ServiceID   string    `json:"service_id"`
		CreatedBy   string    `json:"created_by"`
		Created     string    `json:"created"`
		Millis      int64     `json:"created_millis"`
		Messages    []message `json:"messages,omitempty"`
	}
	records := []record{}
	for _, p := range all {
		one := record{
			Status: string(p.Status), Repository: a.bundlesOf(w.project), Name: w.name, Version: w.version, Environment: p.To, ServiceID: serviceID,
			CreatedBy: p.CreatedBy, Created: iso(time.UnixMilli(p.Millis)), Millis: p.Millis,
		}
		if r.URL.Query().Get("include") == "messages" {
			one.Messages = messagesOf(p)
		}
		records = append(records, one)
	}
	return http.StatusOK, struct {
		Promotions []record `json:"promotions"`
		bounds
	}{records, bounds{total, o.Limit, o.Offset}}, err
}

func (a API) promotionDetails(r *http.Request, c ledger.Caller) (int, any, error) {
	w, millis, err := a.recordOf(r, c)
	if err != nil {
		return 0, nil, err
	}
	p, items, err := a.Ledger.PromotedItems(r.Context(), c, w.project, w.name, w.version, millis)
	if err != nil {
		return 0, nil, err
	}
	all := []artifact{}
	for _, i := range items {
		one := artifactOf(i.Item)
		one.Path = i.Repository + "/" + i.Path
		all = append(all, one)
	}
	return http.StatusOK, struct {
		Environment string     `json:"environment"`
		CreatedBy   string     `json:"created_by"`
		Created     string     `json:"created"`
		Millis      int64      `json:"created_millis"`
		Artifacts   []artifact `json:"artifacts"`
		Included    []string   `json:"included_repository_keys"`
		Excluded    []string   `json:"excluded_repository_keys"`
	}{p.To, p.CreatedBy, iso(time.UnixMilli(p.Millis)), p.Millis, all, shownList(p.Included), shownList(p.Excluded)}, nil
}

func (a API) deletePromotion(r *http.Request, c ledger.Caller) (int, any, error) {
	w, millis, err := a.recordOf(r, c)
	if err != nil {
		return 0, nil, err
	}
	p, err := a.Ledger.DeletePromotion(r.Context(), c, w.project, w.name, w.version, millis, ledger.UnpromoteOptions{})
	if err == nil && !w.async {
		err = a.gone(r.Context(), c, w, p)
	}
	return whole(w.async, http.StatusNoContent), nil, err
}

// gone waits until a promotion that is being deleted is gone.
func (a API) gone(ctx context.Context, c ledger.Caller, w way, p ledger.Promotion) error {
	p, err := a.ended(ctx, c, w, p)
	switch {
	case fault.Is(err, "no-promotion"):
		return nil
	case err == nil && p.RemovedAt.IsZero():
		return fault.New(fault.Stopped, "not-deleted", "the promotion of %s %s to %s is still there", w.name, w.version, p.To).Hint("its status says why")
	}
	return err
}

func (a API) rollBackPromotion(r *http.Request, c ledger.Caller) (int, any, error) {
	w, err := a.wayOf(r, c)
	if err != nil {
		return 0, nil, err
	}
	from := r.URL.Query().Get("from_environment")
	if from == "" {
		return 0, nil, fault.New(fault.Invalid, "no-environment-named", "from_environment is missing: from where is the bundle to be rolled back?")
	}
	o := ledger.UnpromoteOptions{}
	if r.ContentLength != 0 {
		body, err := decode[struct {
			Overwrite string `json:"overwrite_strategy"`
		}](r)
		if err != nil {
			return 0, nil, err
		}
		o.Overwrite = ledger.Overwrite(strings.ToLower(body.Overwrite))
	}
	p, err := a.Ledger.RollBackPromotion(r.Context(), c, w.project, w.name, w.version, from, o)
	if err == nil && !w.async {
		err = a.gone(r.Context(), c, w, p)
	}
	return http.StatusOK, struct {
		Repository string `json:"repository_key"`
		Name       string `json:"release_bundle_name"`
		Version    string `json:"release_bundle_version"`
		From       string `json:"rollback_from_environment"`
		To         string `json:"rollback_to_environment"`
	}{a.bundlesOf(w.project), w.name, w.version, p.To, p.From}, err
}
