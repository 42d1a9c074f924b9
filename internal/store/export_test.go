package store

import (
	"context"
	"io/fs"
	"maps"
	"time"

	"github.com/gravitee-lab/gio/internal/ledger"
)

// OpenKeeping opens a file of SQLite as the store does.
var OpenKeeping = openKeeping

// MigrateBy brings the tables up to date by other files.
func (s *Store) MigrateBy(ctx context.Context, files fs.FS, version int64) error {
	return s.migrateBy(ctx, files, version)
}

// OpenAt opens a database whose tables are of a version.
func OpenAt(ctx context.Context, url string, version int64) (*Store, error) {
	s, err := connect(ctx, url)
	if err == nil {
		err = s.migrateTo(ctx, version)
	}
	return s, err
}

// lists are those of shipments that an index serves.
func lists() map[string][]any {
	last := ledger.Shipment{CreatedAt: time.UnixMilli(1), Made: "a"}
	all := map[string][]any{}
	for _, o := range []ledger.ShipmentList{{Limit: 1}, {Repository: "a", Limit: 1}, {Repository: "a", Branch: "b", Since: time.UnixMilli(1), Until: time.UnixMilli(2), Limit: 1}, {SHAs: []string{"a"}, Limit: 1}} {
		for _, after := range []*ledger.Shipment{nil, &last} {
			query, arguments := shipmentsQuery("a", o, after)
			all[query] = arguments
		}
	}
	return all
}

// Queries are those that must find what they want by an index, with as many arguments as each takes.
func Queries() map[string][]any {
	all := map[string][]any{
		projectByName: {"a"}, lockProject: {"a"}, effectOf: {"a"}, endBuild: {"a"}, cancelBuild: {"a"}, allProjects: nil, environmentByName: {"a", "b"}, lockEnvironment: {"a", "b"},
		candidateByVersion: {"a", "b", 1}, deploymentsOf: {"a", 1, 1}, deploymentsBefore: {"a", "b", 1}, deploymentsFrom: {"a", "b", 1}, openDeployments: {"a"}, succeeded: {"a", "b"}, deploymentsOfOne: {"a"}, deploymentsOfApp: {"a", "b", 1}, ofCommit: {"a", "b"}, committed: {"a", 1}, committedUpTo: {"a", "b", 1}, revisionOf: {"a", "b"},
		dropApp: {"a", "b"}, appsOf: {"a"}, appByName: {"a", "b"}, setAppHold: {"a", "b", "c"}, reportable: {"a", "b", 1}, newestOfCandidate: {"a", "b", 1},
		updateDeployment: {"a", "b", "c", 1, "done", 0, "d", "e", 1, "f", "g", "h", "i", 1}, deploymentByID: {"a"}, busyDeployment: {"a"}, wantedIn: nil, unpromoted: nil,
		environmentByID: {"a"}, lockByID: {"a"}, setHold: {"a", "b"}, candidateByID: {"a"}, candidatesOf: {"a", "b", 1}, candidatesOfRelease: {"a", "b", 1}, updateCandidate: {"a", "b", "c"},
		effectByID: {"a"}, waitingEffects: {1, 1}, takeEffect: {"a", 1, 1}, renewLease: {"a", 1, 1}, setEffect: {"a", 1, "done", 0},
		countEntries: {"a", 1, 1, 0, 1}, entriesOf: {"a"}, cancelEffect: {"a", 1}, endEffect: {"a", "done"}, answerEffect: {"a", "b"}, pipelineOwner: {"a", "b"},
		approvalsOf: {"a"}, freezesOf: {"a"}, liftFreeze: {"a", "b", 1, "c"},
		tokenByID: {"a"}, tokenByHash: {"a"}, allTokens: nil, anyToken: nil, projectTokens: {"a"},
		revokeToken: {"a", 1}, useToken: {"a", 1}, eventsAfter: {1, 1}, projectEventsAfter: {1, 1, "a"},
		anyUnsealed: nil, giveOut: {1, 1}, digests: {1}, sealsAfter: {1}, anyAfter: {1},
		sealAt: {1}, answerByRequest: {"a", "b", "c", "d"}, pruneRequests: {1},
		waitingNews: {1, 1}, takeNews: {"a", 1, 1}, putOffNews: {"a", 1}, deleteNews: {"a"}, deliveriesSince: {1}, pruneDeliveries: {1},
		watchOf: {"a"}, deleteWatch: {"a"}, dueWatches: {1, 1}, takeWatch: {"a", 1, 1}, updateWatch: {"a", 1, "b", 1, 1, 1, "c", "d", 1, 0, 1},
		repositoryByName: {"a"}, lockBlob: {"a"}, moveBlob: {"a", "b"}, blobBySHA256: {"a", "b"}, blobBySHA1: {"a", "b"}, blobsAfter: {"a", 1}, blobAtPlace: {"a"},
		unusedBlobs: {"a", 1}, deleteBlob: {"a"}, fileByPath: {"a", "b"}, filesBetween: {"a", "b", "c", 1}, lockFile: {"a", "b"}, updateFile: {"a", "b", "c", "d", "e", 1},
		deleteFile: {"a", "b"}, deleteFiles: {"a", "b", "c"}, buildByNumber: {"a", "b", "c"}, buildsOfName: {"a", "b", 1},
		bundleByName: {"a", "b", "c"}, bundleByID: {"a"}, bundleOf: {"a"}, lockBox: {"a", "b", 1, "c"}, lockBundle: {"a", "b", "c"}, lockBundleByID: {"a"}, envelopeOf: {"a", "b"},
		updateBundle: {"a", "b", "c", "d"}, sealBundle: {"a", "b"}, tryAgain: {"a", 1}, dueDrafts: {1, 1}, takeDraft: {"a", 1, 1}, deleteBundlePromoted: {"a"}, deleteBundleShelves: {"a"}, deleteBundlePromotions: {"a"}, deleteBundleSignatures: {"a"}, deleteBundleItems: {"a"}, deleteBundle: {"a"},
		dropLastName: {"a", "b"}, dropVersion: {"a", "b"}, countNames: {"a", 1}, namesCounted: {"a"}, versionsCount: {"a", "b"}, newestNames: {"a"}, newestBundles: {"a", "b"},
		itemsOf: {"a"}, contentsOf: {"a"}, madeIn: {"a"}, fileItem: {"a", "b"},
		promotionByID: {"a"}, promotionByMillis: {"a", 1}, newestPromotion: {"a", "b"}, lastPromotion: {"a"}, newestStanding: {"a", "b"},
		newestRecords: {"a"}, recordsCount: {"a"}, countPromotions: {"a", 1}, newestMillis: {"a"},
		updatePromotion: {"a", "COMPLETED", "", "b", 1, 1}, removePromotion: {"a", "COMPLETED", 1}, dropPromoted: {"a"}, dropShelves: {"a"},
		waitingPromotions: {1, 1}, takePromotion: {"a", 1, 1}, holdPromotion: {"a", 1, 1}, notePlace: {"a", 1, "b"}, noteStep: {"a", 1}, noteDone: {"a", 1}, noteGone: {"a", 1, "b"}, noteUndone: {"a", 1},
		quarantined: nil, endQuarantine: nil, unsealed: nil, statuses: nil, unknowns: nil,
		dueImports: {1, 1}, openImport: {"a"},
		shipmentByID: {"a", "b"}, shipmentByMade: {"a"}, batchByID: {"a", "b"}, batchOfShipment: {"a", "b"},
	}
	maps.Copy(all, lists())
	return all
}

// WholeQueries are those that go through all that one promotion or one bundle has, and leave out some of it.
func WholeQueries() map[string][]any {
	return map[string][]any{
		promotionUnderWay: {"a"}, promotionsToEnd: {"a"}, standsIn: {"a", "b"}, insertWanted: {"a", "b", "c", "d", "e"}, promotedItems: {"a"}, takenPlaces: {"a", 1},
		shelveFiles: {"a", "b", "{}", 1, "c"}, countLaid: {"a"}, takeOut: {"a"}, takeAway: {"a", "b", "c"}, outOf: {"a"}, awayFrom: {"a", "b", "c"},
		leave: {"a", "b", 1}, unleave: {"a", "b"}, restoreFiles: {"a", "b", "c", 1, "d", "skip"}, backAgain: {"a", "b", "c"}, wantedAgain: {"a", "b", "c"},
		wantedOf: {"a"}, wantedAt: {"a", "b"}, outsideOf: {"a"}, outsideFrom: {"a", "b", "c"},
		intruders: {"a"}, keepItem: {"a", 1, "b", "{}"}, vacate: {"a"}, wantedSteps: {"a", "b", "c", 1}, leftBehind: {"a", "b", "c", 1}, leftOver: {"a", 1}, undone: {"a", 1}, outsideSources: {"a", 1, 1}, madeOutside: {"a", 1, 1}, occupyAll: {"a"},
	}
}

// Settings are pragmas of the connection that writes.
func (s *Store) Settings(ctx context.Context, names ...string) (values []string) {
	for _, name := range names {
		var value string
		if err := s.write.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value); err != nil {
			value = err.Error()
		}
		values = append(values, value)
	}
	return values
}
