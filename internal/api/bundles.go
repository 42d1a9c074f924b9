package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/wire"
)

type bundleNamesInput struct {
	Authorized
	Page
	Project string `path:"project" maxLength:"100"`
}

type bundleVersionsInput struct {
	Authorized
	Page
	Project string `path:"project" maxLength:"100"`
	Bundle  string `path:"bundle" maxLength:"255"`
}

type newBundleInput struct {
	Authorized
	Project string `path:"project" maxLength:"100"`
	Body    wire.NewBundle
}

// Box is the part of a request that names one bundle.
type Box struct {
	Project string `path:"project" maxLength:"100"`
	Bundle  string `path:"bundle" maxLength:"255"`
	Version string `path:"version" maxLength:"255"`
}

type bundleInput struct {
	Authorized
	Box
}

type promotionsInput struct {
	Authorized
	Box
	Page
}

type newPromotionInput struct {
	Authorized
	Box
	Body wire.NewPromotion
}

type promotionRollbackInput struct {
	Authorized
	Box
	Body wire.PromotionRollback
}

func (a API) bundles(routes huma.API) {
	const names = "/v1/projects/{project}/bundles"
	const path = names + "/{bundle}/{version}"
	who := func(in *bundleInput) Authorized { return in.Authorized }
	route(a, routes, http.MethodGet, names, "list-bundles", "The names of a project's bundles, the one with the newest version first",
		func(in *bundleNamesInput) Authorized { return in.Authorized }, a.listBundles)
	route(a, routes, http.MethodPost, names, "create-bundle", "Make a bundle of files, as they are now, or the one of a candidate, and seal it",
		func(in *newBundleInput) Authorized { return in.Authorized }, a.createBundle, created)
	route(a, routes, http.MethodGet, names+"/{bundle}", "list-bundle-versions", "The versions of a bundle, the newest first",
		func(in *bundleVersionsInput) Authorized { return in.Authorized }, a.listBundleVersions)
	route(a, routes, http.MethodGet, path, "show-bundle", "A bundle: what is in it, its signature, its promotions, and what it lacks", who,
		func(ctx context.Context, c ledger.Caller, in *bundleInput) (wire.ShownBundle, error) {
			s, err := a.Ledger.ShowBundle(ctx, c, in.Project, in.Bundle, in.Version)
			if err != nil {
				return wire.ShownBundle{}, err
			}
			return shownBundleOf(s)
		})
	route(a, routes, http.MethodDelete, path, "delete-bundle", "Delete a bundle, its promotions, and what they have put into environments", who,
		func(ctx context.Context, c ledger.Caller, in *bundleInput) (struct{}, error) {
			_, err := a.Ledger.DeleteBundle(ctx, c, in.Project, in.Bundle, in.Version, ledger.UnpromoteOptions{})
			return struct{}{}, err
		})
	route(a, routes, http.MethodPost, path+"/seal", "seal-bundle", "End a draft: its list is signed, and never changes", who,
		func(ctx context.Context, c ledger.Caller, in *bundleInput) (wire.Bundle, error) {
			b, err := a.Ledger.SealBundle(ctx, c, in.Project, in.Bundle, in.Version, "")
			return bundleOf(b), err
		})
	route(a, routes, http.MethodGet, path+"/verify", "verify-bundle", "Whose signature a bundle bears, and whether all that is in it is there", who,
		func(ctx context.Context, c ledger.Caller, in *bundleInput) (wire.VerifiedBundle, error) {
			f, err := a.Ledger.CheckBundle(ctx, c, in.Project, in.Bundle, in.Version)
			return wire.VerifiedBundle{
				Intact: err == nil && f.Problem == "" && len(f.Lost) == 0, Key: f.Key, Problem: f.Problem, Items: f.Items, Kept: f.Kept, Lost: f.Lost,
			}, err
		})
	a.promotions(routes, path+"/promotions")
}

func (a API) promotions(routes huma.API, path string) {
	route(a, routes, http.MethodGet, path, "list-promotions", "The promotions of a bundle, the newest first; not those that were rolled back or deleted",
		func(in *promotionsInput) Authorized { return in.Authorized }, a.listPromotions)
	route(a, routes, http.MethodPost, path, "promote-bundle", "Carry a bundle to the repositories of an environment; where something else is there, it has failed",
		func(in *newPromotionInput) Authorized { return in.Authorized },
		func(ctx context.Context, c ledger.Caller, in *newPromotionInput) (wire.Promotion, error) {
			b := in.Body
			o := ledger.PromoteOptions{Include: b.Include, Exclude: b.Exclude, Force: forced(b.Force)}
			if b.Move {
				o.Operation = ledger.MoveContents
			}
			p, err := a.Ledger.Promote(ctx, c, in.Project, in.Bundle, in.Version, b.Environment, o)
			return promotionOf(p), err
		}, created)
	route(a, routes, http.MethodPost, path+"/rollback", "roll-back-promotion",
		"Take a bundle out of the environment to which it was promoted last; after a move it is where it was before",
		func(in *promotionRollbackInput) Authorized { return in.Authorized },
		func(ctx context.Context, c ledger.Caller, in *promotionRollbackInput) (wire.Promotion, error) {
			o := ledger.UnpromoteOptions{Force: forced(in.Body.Force)}
			p, err := a.Ledger.RollBackPromotion(ctx, c, in.Project, in.Bundle, in.Version, in.Body.Environment, o)
			return promotionOf(p), err
		})
}

// part is the part of a list that a page is, and one more, which tells whether there is another page.
func (p Page) part() (ledger.List, error) {
	o := ledger.List{Limit: p.Limit + 1}
	text, err := after(p.After)
	if err != nil || text == "" {
		return o, err
	}
	if o.Offset, err = strconv.Atoi(text); err != nil || o.Offset < 0 {
		return o, errCursor
	}
	return o, nil
}

// paged cuts off the one more, and returns the cursor of the page after.
func paged[T any](p Page, o ledger.List, all []T) ([]T, string) {
	if len(all) <= p.Limit {
		return all, ""
	}
	return all[:p.Limit], cursor(strconv.Itoa(o.Offset + p.Limit))
}

func (a API) listBundles(ctx context.Context, c ledger.Caller, in *bundleNamesInput) (wire.BundleNames, error) {
	list := wire.BundleNames{Bundles: []wire.BundleName{}}
	o, err := in.part()
	if err != nil {
		return list, err
	}
	all, _, err := a.Ledger.BundleNames(ctx, c, in.Project, o)
	all, list.Next = paged(in.Page, o, all)
	for _, n := range all {
		list.Bundles = append(list.Bundles, wire.BundleName{Name: n.Name, Versions: n.Versions, Latest: n.Latest, CreatedAt: n.LatestAt})
	}
	return list, err
}

func (a API) listBundleVersions(ctx context.Context, c ledger.Caller, in *bundleVersionsInput) (wire.Bundles, error) {
	list := wire.Bundles{Bundles: []wire.Bundle{}}
	o, err := in.part()
	if err != nil {
		return list, err
	}
	all, _, err := a.Ledger.BundleVersions(ctx, c, in.Project, in.Bundle, o)
	all, list.Next = paged(in.Page, o, all)
	for _, b := range all {
		list.Bundles = append(list.Bundles, bundleOf(b))
	}
	return list, err
}

func (a API) createBundle(ctx context.Context, c ledger.Caller, in *newBundleInput) (wire.Bundle, error) {
	body := in.Body
	n := ledger.NewBundle{Name: body.Name, Version: body.Version}
	if body.Candidate != "" {
		v, err := ledger.ParseVersion(body.Candidate)
		if err != nil {
			return wire.Bundle{}, err
		}
		n.Candidate = &v
	}
	var b ledger.Bundle
	var err error
	switch {
	case len(body.Files) > 0:
		files := ledger.Source{}
		for _, f := range body.Files {
			files.Patterns = append(files.Patterns, ledger.Pattern(f))
		}
		n.Sources = []ledger.Source{files}
		b, err = a.Ledger.CreateBundle(ctx, c, in.Project, n)
	case n.Candidate == nil || body.Name != "" || body.Version != "":
		err = errNothingNamed
	default:
		b, err = a.Ledger.CreateBox(ctx, c, in.Project, *n.Candidate)
	}
	out := bundleOf(b)
	out.Candidate = body.Candidate
	return out, err
}

var errNothingNamed = fault.New(fault.Invalid, "invalid-bundle", "either name, version and files are needed, or a candidate alone")

func (a API) listPromotions(ctx context.Context, c ledger.Caller, in *promotionsInput) (wire.Promotions, error) {
	list := wire.Promotions{Promotions: []wire.Promotion{}}
	o, err := in.part()
	if err != nil {
		return list, err
	}
	all, _, err := a.Ledger.Promotions(ctx, c, in.Project, in.Bundle, in.Version, o)
	all, list.Next = paged(in.Page, o, all)
	list.Promotions = promotionsOf(all)
	return list, err
}

func bundleOf(b ledger.Bundle) wire.Bundle {
	status := "draft"
	if b.Status == ledger.Sealed {
		status = "sealed"
	}
	return wire.Bundle{
		Name: b.Name, Version: b.Version, Status: status, Missing: b.Missing, Key: b.Key, Promotions: b.Promotions, CreatedAt: b.CreatedAt, CreatedBy: b.CreatedBy,
	}
}

func shownBundleOf(s ledger.ShownBundle) (wire.ShownBundle, error) {
	out := wire.ShownBundle{Bundle: bundleOf(s.Bundle), Items: []wire.BundleItem{}, Records: promotionsOf(s.Promotions)}
	out.Candidate = candidateOrNone(s.Of)
	for _, i := range s.Items {
		out.Items = append(out.Items, wire.BundleItem{Kind: string(i.Kind), Type: i.Type, Repository: i.Repository, Path: i.Path, SHA256: i.SHA256, Size: i.Size})
	}
	if s.Envelope == "" {
		return out, nil
	}
	out.Signature = &wire.Envelope{}
	if err := json.Unmarshal([]byte(s.Envelope), out.Signature); err != nil {
		return out, fault.New(fault.Internal, "damaged-signature", "the signature of %s %s cannot be read", s.Name, s.Version).Because(err)
	}
	return out, nil
}

func promotionsOf(all []ledger.Promotion) []wire.Promotion {
	list := []wire.Promotion{}
	for _, p := range all {
		list = append(list, promotionOf(p))
	}
	return list
}

func promotionOf(p ledger.Promotion) wire.Promotion {
	out := wire.Promotion{
		ID: p.ID, Environment: p.To, From: p.From, Operation: string(p.Operation), Status: strings.ToLower(string(p.Status)), Repositories: []string{},
		Actor: p.CreatedBy, StartedAt: time.UnixMilli(p.Millis).UTC(), EndedAt: optional(p.EndedAt),
	}
	out.Repositories = append(out.Repositories, p.Included...)
	for _, m := range p.Messages {
		out.Messages = append(out.Messages, m.Text)
	}
	return out
}
