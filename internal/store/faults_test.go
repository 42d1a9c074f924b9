package store_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gravitee-lab/gio/internal/fault"
	"github.com/gravitee-lab/gio/internal/ledger"
	"github.com/gravitee-lab/gio/internal/store/storetest"
)

// attempt is a method with arguments that do not fit, and the code of its fault.
type attempt struct {
	title, code string
	do          func(ctx context.Context, tx ledger.Tx) error
}

func missing() []attempt {
	stray := deployment("new", 1, ledger.Pending)
	stray.Environment = "nowhere"
	elsewhere, far := candidate(9), environment("far")
	elsewhere.Project, far.Project = "other", "other"
	return []attempt{
		{"Project", "no-project", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.Project(ctx, "other"); return err }},
		{"LockEnvironment", "no-environment", func(ctx context.Context, tx ledger.Tx) error {
			_, err := tx.LockEnvironment(ctx, "acme", "other")
			return err
		}},
		{"Environment", "no-environment", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.Environment(ctx, "acme", "QA"); return err }},
		{"PutEnvironment", "no-project", func(ctx context.Context, tx ledger.Tx) error { return tx.PutEnvironment(ctx, far, at(0)) }},
		{"Candidate", "no-candidate", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.Candidate(ctx, "acme", rc(9)); return err }},
		{"Candidate of another project", "no-candidate", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.Candidate(ctx, "other", rc(1)); return err }},
		{"InsertCandidate", "no-project", func(ctx context.Context, tx ledger.Tx) error { return tx.InsertCandidate(ctx, elsewhere) }},
		{"InsertComponents", "no-candidate", func(ctx context.Context, tx ledger.Tx) error {
			return tx.InsertComponents(ctx, "other", map[string]string{"api": "1"})
		}},
		{"PutWatch", "no-project", func(ctx context.Context, tx ledger.Tx) error { return tx.PutWatch(ctx, "other") }},
		{"Watch", "no-watch", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.Watch(ctx, "acme"); return err }},
		{"TakeWatch", "no-watch", func(ctx context.Context, tx ledger.Tx) error {
			_, err := tx.TakeWatch(ctx, "acme", time.Minute, true)
			return err
		}},
		{"UpdateWatch", "no-watch", func(ctx context.Context, tx ledger.Tx) error {
			return tx.UpdateWatch(ctx, ledger.Watch{Project: "acme"}, time.Minute)
		}},
		{"Succeeded", "no-deployment", func(ctx context.Context, tx ledger.Tx) error {
			_, err := tx.Succeeded(ctx, "environment-prod", "")
			return err
		}},
		{"InsertDeployment of no candidate", "no-candidate", func(ctx context.Context, tx ledger.Tx) error {
			return tx.InsertDeployment(ctx, deployment("new", 9, ledger.Pending))
		}},
		{"InsertDeployment in no environment", "no-environment", func(ctx context.Context, tx ledger.Tx) error { return tx.InsertDeployment(ctx, stray) }},
		{"UpdateDeployment", "no-deployment", func(ctx context.Context, tx ledger.Tx) error {
			return tx.UpdateDeployment(ctx, deployment("other", 1, ledger.Pending))
		}},
		{"LockProject", "no-project", func(ctx context.Context, tx ledger.Tx) error { return tx.LockProject(ctx, "other") }},
		{"EnvironmentByID", "no-environment", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.EnvironmentByID(ctx, "qa"); return err }},
		{"LockEnvironmentByID", "no-environment", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.LockEnvironmentByID(ctx, "qa"); return err }},
		{"SetHold", "no-environment", func(ctx context.Context, tx ledger.Tx) error { return tx.SetHold(ctx, "qa", "1") }},
		{"CandidateByID", "no-candidate", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.CandidateByID(ctx, "other"); return err }},
		{"UpdateCandidate", "no-candidate", func(ctx context.Context, tx ledger.Tx) error {
			return tx.UpdateCandidate(ctx, ledger.Candidate{ID: "other", State: ledger.Blocked})
		}},
		{"Deployment", "no-deployment", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.Deployment(ctx, "other"); return err }},
		{"PutApproval", "no-deployment", func(ctx context.Context, tx ledger.Tx) error {
			return tx.PutApproval(ctx, ledger.Approval{Deployment: "other", Subject: "ann"})
		}},
		{"InsertFreeze", "no-project", func(ctx context.Context, tx ledger.Tx) error {
			return tx.InsertFreeze(ctx, ledger.Freeze{ID: "1", Project: "other", Reason: "r"})
		}},
		{"LiftFreeze", "no-freeze", func(ctx context.Context, tx ledger.Tx) error {
			_, err := tx.LiftFreeze(ctx, "acme", "other", "ann", at(0))
			return err
		}},
		{"Effect", "no-effect", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.Effect(ctx, "other"); return err }},
		{"EffectOf", "no-effect", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.EffectOf(ctx, "1"); return err }},
		{"TakeEffect", "no-effect", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.TakeEffect(ctx, "other", 0); return err }},
		{"File", "no-file", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.File(ctx, "left", "other"); return err }},
		{"LockFile", "no-file", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.LockFile(ctx, "left", "other"); return err }},
		{"InsertFile", "no-repository", func(ctx context.Context, tx ledger.Tx) error {
			kept, err := tx.KeepBlob(ctx, blob("d"), at(0))
			return cmp.Or(err, tx.InsertFile(ctx, ledger.File{Repository: "other", Path: "a", Blob: kept}))
		}},
		{"UpdateFile", "no-file", func(ctx context.Context, tx ledger.Tx) error {
			return tx.UpdateFile(ctx, ledger.File{Repository: "left", Path: "other"})
		}},
		{"DeleteFile", "no-file", func(ctx context.Context, tx ledger.Tx) error { return tx.DeleteFile(ctx, "left", "other") }},
		{"LockBlob", "no-content", func(ctx context.Context, tx ledger.Tx) error {
			_, err := tx.LockBlob(ctx, blob("e").Checksums, "")
			return err
		}},
		{"LockBlob by SHA-1", "no-content", func(ctx context.Context, tx ledger.Tx) error {
			_, err := tx.LockBlob(ctx, ledger.Checksums{SHA1: blob("e").SHA1}, "")
			return err
		}},
		{"Build", "no-build-info", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.Build(ctx, "key", "name", "1"); return err }},
		{"PutBuild", "no-project", func(ctx context.Context, tx ledger.Tx) error {
			return tx.PutBuild(ctx, ledger.Build{Project: "other", Key: "key", Name: "name", Number: "1"}, at(0))
		}},
		{"Bundle", "no-bundle", func(ctx context.Context, tx ledger.Tx) error {
			_, err := tx.Bundle(ctx, "acme", "box", "2")
			return err
		}},
		{"BundleByID", "no-bundle", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.BundleByID(ctx, "other"); return err }},
		{"BundleOf", "no-bundle", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.BundleOf(ctx, "candidate-1"); return err }},
		{"LockBundle", "no-bundle", func(ctx context.Context, tx ledger.Tx) error {
			_, err := tx.LockBundle(ctx, "acme", "box", "2")
			return err
		}},
		{"LockBundleByID", "no-bundle", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.LockBundleByID(ctx, "other"); return err }},
		{"InsertBundle", "no-project", func(ctx context.Context, tx ledger.Tx) error {
			b := bundle("2")
			b.Project = "other"
			return tx.InsertBundle(ctx, b)
		}},
		{"UpdateBundle", "no-bundle", func(ctx context.Context, tx ledger.Tx) error { return tx.UpdateBundle(ctx, bundle("2")) }},
		{"SealBundle that is sealed", "no-bundle", func(ctx context.Context, tx ledger.Tx) error { return tx.SealBundle(ctx, "bundle-1", "key") }},
		{"DeleteBundle", "no-bundle", func(ctx context.Context, tx ledger.Tx) error { return tx.DeleteBundle(ctx, bundle("2")) }},
		{"Envelope", "no-signature", func(ctx context.Context, tx ledger.Tx) error {
			_, err := tx.Envelope(ctx, "bundle-1", "other")
			return err
		}},
		{"PutSignature", "no-bundle", func(ctx context.Context, tx ledger.Tx) error {
			return tx.PutSignature(ctx, "other", "key", "{}", at(0))
		}},
		{"InsertItems of a content that is gone", "no-file", func(ctx context.Context, tx ledger.Tx) error {
			gone := item(2)
			gone.Path, gone.SHA256 = "gone", strings.Repeat("9", 64)
			return tx.InsertItems(ctx, "bundle-1", []ledger.Item{gone})
		}},
		{"FileItem", "no-file", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.FileItem(ctx, "libs", "none"); return err }},
		{"FileOfContent", "no-file", func(ctx context.Context, tx ledger.Tx) error {
			_, err := tx.FileOfContent(ctx, "other", strings.Repeat("a", 64), "")
			return err
		}},
		{"InsertPromotion", "no-bundle", func(ctx context.Context, tx ledger.Tx) error {
			p := promotion("2")
			p.Bundle = "other"
			_, err := tx.InsertPromotion(ctx, p, at(0))
			return err
		}},
		{"Promotion", "no-promotion", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.Promotion(ctx, "bundle-1", 7); return err }},
		{"PromotionByID", "no-promotion", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.PromotionByID(ctx, "other"); return err }},
		{"NewestPromotion", "no-promotion", func(ctx context.Context, tx ledger.Tx) error {
			_, err := tx.NewestPromotion(ctx, "bundle-1", "environment-prod")
			return err
		}},
		{"LastPromotion that is under way", "no-promotion", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.LastPromotion(ctx, "bundle-1"); return err }},
		{"NewestStanding", "no-promotion", func(ctx context.Context, tx ledger.Tx) error {
			_, err := tx.NewestStanding(ctx, "environment-qa", "box")
			return err
		}},
		{"UpdatePromotion", "no-promotion", func(ctx context.Context, tx ledger.Tx) error { return tx.UpdatePromotion(ctx, promotion("2")) }},
		{"RemovePromotion", "no-promotion", func(ctx context.Context, tx ledger.Tx) error { return tx.RemovePromotion(ctx, promotion("2")) }},
		{"InsertShelf", "no-repository", func(ctx context.Context, tx ledger.Tx) error {
			return tx.InsertShelf(ctx, promotion("1"), ledger.Target{Kind: ledger.FileItem, Type: "npm", To: ledger.Repository{Name: "other"}})
		}},
		{"Shipment", "no-shipment", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.Shipment(ctx, "acme", "other"); return err }},
		{"InsertShipment", "no-project", func(ctx context.Context, tx ledger.Tx) error {
			s := shipment(1)
			s.Project = "other"
			return tx.InsertShipment(ctx, s)
		}},
		{"Batch", "no-batch", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.Batch(ctx, "acme", "other"); return err }},
		{"BatchOfShipment", "no-batch", func(ctx context.Context, tx ledger.Tx) error {
			_, err := tx.BatchOfShipment(ctx, "acme", "other")
			return err
		}},
		{"Token", "no-token", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.Token(ctx, "other"); return err }},
		{"InsertToken", "no-project", func(ctx context.Context, tx ledger.Tx) error { return tx.InsertToken(ctx, token("new", "other")) }},
		{"RevokeToken", "no-token", func(ctx context.Context, tx ledger.Tx) error { return tx.RevokeToken(ctx, "other", at(0)) }},
		{"UseToken", "no-token", func(ctx context.Context, tx ledger.Tx) error { return tx.UseToken(ctx, "other", at(0)) }},
	}
}

func present() []attempt {
	twice := func(ctx context.Context, tx ledger.Tx) error {
		c, err := tx.Candidate(ctx, "acme", rc(1))
		for range 2 {
			err = cmp.Or(err, tx.InsertComponents(ctx, c.ID, map[string]string{"api": "1"}))
		}
		return err
	}
	again, twin, known := candidate(1), environment("new"), token("new", "")
	again.ID, twin.ID, known.Hash = "another", "environment-qa", token("1", "").Hash
	return []attempt{
		{"PutProject", "other-repository", func(ctx context.Context, tx ledger.Tx) error {
			return tx.PutProject(ctx, ledger.Project{Name: "acme", Repository: "acme/other"}, at(0))
		}},
		{"PutEnvironment", "environment-exists", func(ctx context.Context, tx ledger.Tx) error { return tx.PutEnvironment(ctx, twin, at(0)) }},
		{"InsertCandidate", "candidate-exists", func(ctx context.Context, tx ledger.Tx) error { return tx.InsertCandidate(ctx, again) }},
		{"InsertComponents", "component-exists", twice},
		{"InsertDeployment", "deployment-exists", func(ctx context.Context, tx ledger.Tx) error {
			return tx.InsertDeployment(ctx, deployment("1", 2, ledger.Pending))
		}},
		{"InsertBundle", "bundle-exists", func(ctx context.Context, tx ledger.Tx) error {
			b := bundle("1")
			b.ID = "another"
			return tx.InsertBundle(ctx, b)
		}},
		{"InsertItems by number", "item-exists", func(ctx context.Context, tx ledger.Tx) error {
			i := item(1)
			i.Path = "another"
			return tx.InsertItems(ctx, "bundle-1", []ledger.Item{i})
		}},
		{"InsertItems by place", "item-exists", func(ctx context.Context, tx ledger.Tx) error {
			i := item(1)
			i.Number = 2
			return tx.InsertItems(ctx, "bundle-1", []ledger.Item{i})
		}},
		{"InsertShelf", "shelf-exists", func(ctx context.Context, tx ledger.Tx) error {
			return tx.InsertShelf(ctx, promotion("1"), ledger.Target{Kind: ledger.FileItem, Type: "generic", To: ledger.Repository{Name: "libs"}})
		}},
		{"InsertShipment", "shipment-exists", func(ctx context.Context, tx ledger.Tx) error {
			return cmp.Or(tx.InsertShipment(ctx, shipment(1)), tx.InsertShipment(ctx, shipment(1)))
		}},
		{"InsertBatch", "batch-exists", func(ctx context.Context, tx ledger.Tx) error {
			return cmp.Or(tx.InsertBatch(ctx, batch("1", "", ledger.OfDeploy)), tx.InsertBatch(ctx, batch("1", "", ledger.OfDeploy)))
		}},
		{"Shipments after none", "invalid-cursor", func(ctx context.Context, tx ledger.Tx) error {
			_, err := tx.Shipments(ctx, "acme", ledger.ShipmentList{After: "other", Limit: 1})
			return err
		}},
		{"InsertToken by hash", "token-exists", func(ctx context.Context, tx ledger.Tx) error { return tx.InsertToken(ctx, known) }},
		{"InsertToken by id", "token-exists", func(ctx context.Context, tx ledger.Tx) error {
			k := token("1", "")
			k.Hash = ledger.HashOf("another")
			return tx.InsertToken(ctx, k)
		}},
		{"InsertFile", "file-exists", func(ctx context.Context, tx ledger.Tx) error {
			err := tx.PutRepository(ctx, ledger.Repository{Name: "libs", Project: "acme", Kind: ledger.Hosted, Type: "generic"}, at(0))
			kept, other := tx.KeepBlob(ctx, blob("d"), at(0))
			for range 2 {
				err = cmp.Or(err, other, tx.InsertFile(ctx, ledger.File{Repository: "libs", Path: "a", Blob: kept}))
			}
			return err
		}},
		{"DeleteBlob", "blob-used", func(ctx context.Context, tx ledger.Tx) error {
			_, err := tx.DeleteBlob(ctx, blob("e").SHA256)
			return err
		}},
		{"AppendEvent", "event-exists", func(ctx context.Context, tx ledger.Tx) error { return tx.AppendEvent(ctx, event("1")) }},
	}
}

func unreadable() []attempt {
	return []attempt{
		{"no UTF-8, asked for", "invalid-text", func(ctx context.Context, tx ledger.Tx) error { _, err := tx.Project(ctx, "a\xff"); return err }},
		{"a zero byte, listed", "invalid-text", func(ctx context.Context, tx ledger.Tx) error {
			_, err := tx.Environments(ctx, "a\x00")
			return err
		}},
		{"a zero byte, kept", "invalid-text", func(ctx context.Context, tx ledger.Tx) error {
			d := deployment("1", 1, ledger.Pending)
			d.Message = "a\x00b"
			return tx.UpdateDeployment(ctx, d)
		}},
	}
}

func bundle(version string) ledger.Bundle {
	return ledger.Bundle{ID: "bundle-" + version, Project: "acme", Name: "box", Version: version, Status: ledger.Sealed, Key: "key", CreatedAt: at(1), CreatedBy: "ann"}
}

func item(number int64) ledger.Item {
	return ledger.Item{Number: number, Kind: ledger.FileItem, Type: "generic", Repository: "libs", Path: "one.txt", SHA256: strings.Repeat("a", 64), Size: 3, Kept: true, Properties: "{}"}
}

func promotion(id string) ledger.Promotion {
	return ledger.Promotion{ID: "promotion-" + id, Bundle: "bundle-1", Environment: "environment-qa", To: "qa", Operation: ledger.CopyContents, Status: ledger.Processing, CreatedBy: "ann"}
}

// promote makes a bundle of one file, and a promotion of it.
func promote(ctx context.Context, tx ledger.Tx) error {
	sums := ledger.Checksums{SHA256: strings.Repeat("a", 64), SHA1: strings.Repeat("a", 40), MD5: strings.Repeat("a", 32)}
	for name, environment := range map[string]string{"libs": "", "qa-libs": "qa"} {
		if err := tx.PutRepository(ctx, ledger.Repository{Name: name, Project: "acme", Environment: environment, Kind: ledger.Hosted, Type: "generic"}, at(0)); err != nil {
			return err
		}
	}
	_, err := tx.KeepBlob(ctx, ledger.Blob{Checksums: sums, Place: "place", Size: 3}, at(0))
	err = errors.Join(err,
		tx.InsertFile(ctx, ledger.File{Repository: "libs", Path: "one.txt", Blob: ledger.Blob{Checksums: sums}, CreatedAt: at(0), ModifiedAt: at(0)}),
		tx.InsertBundle(ctx, bundle("1")),
		tx.PutSignature(ctx, "bundle-1", "key", "{}", at(0)),
		tx.InsertItems(ctx, "bundle-1", []ledger.Item{item(1)}),
	)
	if err != nil {
		return err
	}
	_, err = tx.InsertPromotion(ctx, promotion("1"), at(0))
	return errors.Join(err,
		tx.InsertShelf(ctx, promotion("1"), ledger.Target{Kind: ledger.FileItem, Type: "generic", To: ledger.Repository{Name: "qa-libs"}}),
		tx.ShelveFiles(ctx, promotion("1"), at(0)),
	)
}

// One promotion of a bundle to an environment at a time, whoever asks.
func TestPromotionSlot(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		change(t, s, promote)
		next := promotion("2")
		insert := func() error {
			return s.Change(t.Context(), func(tx ledger.Tx) error {
				_, err := tx.InsertPromotion(t.Context(), next, at(0))
				return err
			})
		}
		if err := insert(); !fault.Is(err, "promotion-under-way") || fault.KindOf(err) != fault.Stopped {
			t.Errorf("a second one: %v", err)
		}
		ended := promotion("1")
		ended.Status = ledger.Completed
		change(t, s, func(ctx context.Context, tx ledger.Tx) error { return tx.UpdatePromotion(ctx, ended) })
		if err := insert(); err != nil {
			t.Error(err)
		}
	})
}

func TestFaults(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		insert(t, s, deployment("1", 1, ledger.Pending))
		change(t, s, func(ctx context.Context, tx ledger.Tx) error {
			return errors.Join(tx.InsertToken(ctx, token("1", "")), tx.AppendEvent(ctx, event("1")), promote(ctx, tx))
		})
		for kind, attempts := range map[fault.Kind][]attempt{fault.NotFound: missing(), fault.Invalid: append(present(), unreadable()...)} {
			for _, a := range attempts {
				err := s.Change(t.Context(), func(tx ledger.Tx) error { return a.do(t.Context(), tx) })
				if !fault.Is(err, a.code) || fault.KindOf(err) != kind {
					t.Errorf("%s: %v, kind %d, want %s", a.title, err, fault.KindOf(err), a.code)
				}
				if text := strings.ToLower(fmt.Sprint(err)); strings.Contains(text, "constraint") || strings.Contains(text, "sql") {
					t.Errorf("%s: it speaks the language of databases: %s", a.title, text)
				}
			}
		}
	})
}

// What was written before a fault is not kept, whatever the fault.
func TestNothingIsLeftOfAFailure(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := filled(t, url)
		insert(t, s, deployment("1", 1, ledger.Pending))
		db := storetest.Raw(t, url)
		before := content(t, db)
		failures := append(missing(), present()[2:5]...)
		failures = append(failures, attempt{"a rule", "refused", func(context.Context, ledger.Tx) error { return fault.New(fault.Invalid, "refused", "no") }})
		for _, a := range failures {
			err := s.Change(t.Context(), func(tx ledger.Tx) error {
				if err := writeAll(t.Context(), tx); err != nil {
					t.Errorf("%s: %v", a.title, err)
				}
				return a.do(t.Context(), tx)
			})
			if err == nil {
				t.Errorf("%s did not fail", a.title)
			}
		}
		func() {
			defer func() { _ = recover() }()
			_ = s.Change(t.Context(), func(tx ledger.Tx) error {
				_ = writeAll(t.Context(), tx)
				panic("a defect")
			})
		}()
		same(t, content(t, db), before)
		change(t, s, writeAll) // all of it can be written
		if content(t, db) == before {
			t.Error("nothing was written: this test finds nothing")
		}
	})
}

// writeAll changes every table.
func writeAll(ctx context.Context, tx ledger.Tx) error {
	_, err := tx.LockEnvironment(ctx, "acme", "qa")
	return errors.Join(err,
		tx.UpdateDeployment(ctx, deployment("1", 1, ledger.Failure)),
		writeAllButDeployments(ctx, tx),
		tx.InsertDeployment(ctx, deployment("left", 4, ledger.Pending)),
	)
}

func writeAllButDeployments(ctx context.Context, tx ledger.Tx) error {
	return errors.Join(
		tx.PutProject(ctx, ledger.Project{Name: "left", Repository: "acme/left"}, at(0)),
		tx.PutEnvironment(ctx, environment("left"), at(0)),
		tx.InsertCandidate(ctx, candidate(4)),
		tx.InsertComponents(ctx, candidate(4).ID, map[string]string{"api": "1.25.1"}),
		tx.PutWatch(ctx, "left"),
		tx.PutRepository(ctx, ledger.Repository{Name: "left", Project: "left", Kind: ledger.Hosted, Type: "generic"}, at(0)),
		keep(ctx, tx, "left", "left", "c"),
		tx.PutBuild(ctx, ledger.Build{Project: "left", Key: "key", Name: "left", Number: "1"}, at(0)),
		tx.InsertToken(ctx, token("left", "left")),
		tx.PutQuarantine(ctx, at(0), "left"),
		tx.AppendEvent(ctx, event("left")),
		promote(ctx, tx),
	)
}
