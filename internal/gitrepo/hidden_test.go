package gitrepo

import (
	"testing"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/gitrepo/gittest"
)

// TestHides: what a server shows only to those who push, or only to those who read.
func TestHides(t *testing.T) {
	t.Parallel()
	const ref = "refs/gio/journal"
	for setting, tt := range map[string]struct{ there, fromReaders, fromPushers bool }{
		"":                    {true, false, false},
		"uploadpack.hideRefs": {true, true, false},
		"receive.hideRefs":    {true, false, true},
		"transfer.hideRefs":   {true, false, false}, // as if it were not there
		"gc.auto":             {false, false, false},
	} {
		dir := gittest.Bare(t, files, branch)
		if tt.there {
			gittest.Git(t, dir, "update-ref", ref, "refs/heads/"+branch)
		}
		if setting != "" {
			gittest.Git(t, dir, "config", setting, "refs/gio")
		}
		fromReaders, fromPushers, err := open(t, dir).Hides(t.Context(), ref)
		if err != nil || fromReaders != tt.fromReaders || fromPushers != tt.fromPushers {
			t.Errorf("%s: hidden from readers %t, from pushers %t, %v", setting, fromReaders, fromPushers, err)
		}
	}
	server := gittest.HTTP(t, gittest.Bare(t, files, branch), gittest.Options{DenyPush: true})
	_, _, err := open(t, server.URL).Hides(t.Context(), ref)
	wantFault(t, err, fault.Auth, "git-auth")
}

// TestPushIntoHidden: a push of a ref that the server hides says that it may be hidden.
func TestPushIntoHidden(t *testing.T) {
	t.Parallel()
	for setting, says := range map[string]string{"uploadpack.hideRefs": "it refuses or hides refs/gio/journal", "receive.hideRefs": "hidden ref", "transfer.hideRefs": "hidden ref"} {
		dir := gittest.Bare(t, files, branch)
		gittest.Git(t, dir, "config", setting, "refs/gio")
		r := open(t, dir)
		tag, err := r.Tag("3.9.4_START", r.Head(), "Start")
		if err != nil {
			t.Fatal(err)
		}
		journal, err := r.Commit("", "release/3.9.4.jsonl", []byte("{}\n"), "journal")
		if err != nil {
			t.Fatal(err)
		}
		err = r.Push(t.Context(), []Update{{Ref: "refs/tags/3.9.4_START", New: tag}, {Ref: "refs/gio/journal", New: journal}})
		wantFault(t, err, fault.Remote, "push-partial", "refs/gio/journal", says)
	}
}
