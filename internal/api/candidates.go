package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/wire"
)

// Page is the part of a request that lists things page by page.
type Page struct {
	After string `query:"after" maxLength:"200" doc:"next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"100" default:"20"`
}

type candidatesInput struct {
	Authorized
	Page
	Project string `path:"project" maxLength:"100"`
}

type newCandidateInput struct {
	Authorized
	Project string `path:"project" maxLength:"100"`
	Body    wire.NewCandidate
}

type candidateInput struct {
	Authorized
	Project   string `path:"project" maxLength:"100"`
	Candidate string `path:"candidate" maxLength:"150" doc:"RELEASE-rcN"`
}

type blockInput struct {
	Authorized
	Project   string `path:"project" maxLength:"100"`
	Candidate string `path:"candidate" maxLength:"150" doc:"RELEASE-rcN"`
	Body      wire.Reason
}

func (a API) candidates(routes huma.API) {
	const path = "/v1/projects/{project}/candidates"
	route(a, routes, http.MethodGet, path, "list-candidates", "The candidates of a project, the newest first",
		func(in *candidatesInput) Authorized { return in.Authorized }, a.listCandidates)
	route(a, routes, http.MethodPost, path, "create-candidate", "Make a candidate; the same one again changes nothing",
		func(in *newCandidateInput) Authorized { return in.Authorized }, a.createCandidate, created)
	route(a, routes, http.MethodGet, path+"/{candidate}", "show-candidate", "A candidate, and what it is made of",
		func(in *candidateInput) Authorized { return in.Authorized },
		func(ctx context.Context, c ledger.Caller, in *candidateInput) (wire.Candidate, error) {
			v, err := ledger.ParseVersion(in.Candidate)
			if err != nil {
				return wire.Candidate{}, err
			}
			found, components, err := a.Ledger.Candidate(ctx, c, in.Project, v)
			out := candidateOf(found)
			out.Components = components
			return out, err
		})
	route(a, routes, http.MethodPost, path+"/{candidate}/block", "block-candidate", "Keep a candidate from being deployed, for good",
		func(in *blockInput) Authorized { return in.Authorized },
		func(ctx context.Context, c ledger.Caller, in *blockInput) (wire.Candidate, error) {
			v, err := ledger.ParseVersion(in.Candidate)
			if err != nil {
				return wire.Candidate{}, err
			}
			blocked, err := a.Ledger.Block(ctx, c, in.Project, v, in.Body.Reason)
			return candidateOf(blocked), err
		})
}

func (a API) listCandidates(ctx context.Context, c ledger.Caller, in *candidatesInput) (wire.Candidates, error) {
	list := wire.Candidates{Candidates: []wire.Candidate{}}
	before, err := after(in.After)
	if err != nil {
		return list, err
	}
	all, err := a.Ledger.Candidates(ctx, c, in.Project, before, in.Limit+1)
	if len(all) > in.Limit {
		all = all[:in.Limit]
		list.Next = cursor(all[in.Limit-1].ID)
	}
	for _, one := range all {
		list.Candidates = append(list.Candidates, candidateOf(one))
	}
	return list, err
}

func (a API) createCandidate(ctx context.Context, c ledger.Caller, in *newCandidateInput) (wire.Candidate, error) {
	b := in.Body
	v, err := ledger.ParseVersion(b.Version)
	if err != nil {
		return wire.Candidate{}, err
	}
	if b.Repository == "" {
		d, err := a.Ledger.Declared(ctx, c, in.Project) // it never changes
		if err != nil {
			return wire.Candidate{}, err
		}
		b.Repository = d.Project.Repository
	}
	made, err := a.Ledger.CreateCandidate(ctx, c, in.Project, v, b.Repository, b.Commit, ledger.CandidateOptions{Author: b.Author, Build: b.Build})
	return candidateOf(made), err
}

func candidateOf(c ledger.Candidate) wire.Candidate {
	return wire.Candidate{
		Candidate: c.Version.String(), Version: c.Version.Release, Commit: c.Commit, Author: c.Author, State: string(c.State), Message: c.Message,
		CreatedAt: c.CreatedAt, CreatedBy: c.CreatedBy,
	}
}
