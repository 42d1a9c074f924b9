# Everything that is done to this repository, for people and for CI alike: `make help` lists it.

SHELL := bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

# Tools are run from the module proxy at the version named here; nothing is installed.
GOLANGCI := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
# The newest whose dependencies the proxy has all: later ones need go-msix.
GORELEASER := go run github.com/goreleaser/goreleaser/v2@v2.15.2
HELM := go run helm.sh/helm/v3/cmd/helm@v3.22.0

# A tree without commits or without .git still builds.
VERSION   := $(shell git describe --always --dirty 2>/dev/null || echo unknown)
GO_BUILD  := CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/gravitee-lab/gio/internal/config.version=$(VERSION)"
CA_BUNDLE ?= /etc/ssl/certs/ca-certificates.crt
FUZZTIME  ?= 5s
DEMO      := go run ./cmd/demo

.PHONY: help
help: ## This list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## The main job on the built-in simulator: no account, no network.
	$(DEMO)

.PHONY: demo-server
demo-server: build ## gio-server on SQLite and the simulator: promoted, deployed, approved, frozen, rolled back, shipped; half a minute.
	$(DEMO) server build

.PHONY: build
build: ## The programs, as build/gio and build/gio-server.
	$(GO_BUILD) -o build/gio ./cmd/gio
	$(GO_BUILD) -o build/gio-server ./cmd/gio-server

# Three packages at once, whatever the processors: most tests wait, and with four those starve that wait for Git.
.PHONY: test
test: ## All tests; they need Go and git, no network.
	go test -p 3 -timeout 20m ./...

.PHONY: race
race: ## All tests under the race detector, none from the cache; of the crash points a part.
	CGO_ENABLED=1 go test -race -short -count=1 -timeout 25m $(WITHOUT_HELM)

.PHONY: fmt
fmt: ## Formats the Go files (gofumpt, goimports).
	$(GOLANGCI) fmt

.PHONY: fmt-check
fmt-check: ## Fails, with a diff, where make fmt would change something.
	$(GOLANGCI) fmt --diff

.PHONY: lint
lint: ## The linters of .golangci.yml.
	$(GOLANGCI) run

# What links Helm compiles Kubernetes' client, a minute each time. gio-server is released for Linux alone, so that is not done for Windows; nor for
# the race detector, since what these two packages share between goroutines they share through others.
LINKS_HELM := cmd/gio-server|internal/helm
WITHOUT_HELM = $$(go list ./... | grep -vE '/($(LINKS_HELM))$$')

.PHONY: vet
vet: ## go vet, for every system that gio is built for; what differs for darwin is in the program alone.
	GOOS=linux go vet ./...
	GOOS=darwin go vet ./cmd/gio
	GOOS=windows go vet $(WITHOUT_HELM)

# A package has golden files when its tests define the flag.
.PHONY: golden
golden: ## Writes the golden files anew; read the diff before you commit it.
	@packages=$$(grep -rl --include='*_test.go' 'flag\.Bool("update"' . | sed 's|/[^/]*$$||' | sort -u); \
	[[ -n $$packages ]] || { echo "make golden: no test defines the flag -update" >&2; exit 1; }; \
	go test -count=1 $$packages -update

.PHONY: fuzz
fuzz: ## Every fuzz function, FUZZTIME (5s) each.
	.ci/fuzz $(FUZZTIME)

.PHONY: cover
cover: ## Test coverage: the total, and build/cover.html.
	mkdir -p build
	go test -timeout 5m -coverpkg=./... -coverprofile=build/cover.out ./...
	go tool cover -html=build/cover.out -o build/cover.html
	go tool cover -func=build/cover.out | tail -n 1

# The figures are lines that begin with two spaces; the rest of go test's output says nothing new.
FIGURES := go test ./internal/engine -count=1 -v -timeout 30m -figures

.PHONY: bench
bench: ## What gio costs, and what the graph saves: requests, pushes, lateness, CPU, memory, a real release in real time (7 minutes).
	@set -o pipefail; $(FIGURES) -run Figures | grep -E '^(  |FAIL|---.FAIL)'
	@set -o pipefail; go test -count=1 -v ./internal/check -run Figures -figures | grep -E '^(  [^ ]|FAIL|---.FAIL)'
	@set -o pipefail; go test -run '^$$' -bench Plan -benchtime 20x ./internal/cli | grep -E '^(Bench|FAIL|---)'
	@set -o pipefail; go test -run '^$$' -bench Check -benchtime 3x ./internal/cli | grep -E '^(Bench|FAIL|---)'
	@set -o pipefail; go test -run '^$$' -bench Day -benchtime 3x ./internal/cli | grep -E '^(Bench|FAIL|---)'
	@set -o pipefail; go test -run '^$$' -bench Replay -benchtime 1x ./internal/cli | grep -E '^(Bench|FAIL|---)'
	@set -o pipefail; go test -count=1 -v -timeout 30m ./internal/server -run Figures -figures | grep -E '^(  [^ ]|FAIL|---.FAIL)'
	@set -o pipefail; go test -count=1 -v -timeout 30m ./internal/gitops -run Figures -figures | grep -E '^(  [^ ]|FAIL|---.FAIL)'

.PHONY: storm
storm: ## Every crash point, and storms in which one request or push in five goes wrong (8 minutes).
	@set -o pipefail; $(FIGURES) -run 'Storm|CrashSweep' | grep -E '^(  [^ ]|FAIL|---.FAIL)'
	@set -o pipefail; go test -count=1 -v -timeout 30m ./internal/blobs -run AgainstUploads -figures | grep -E '^(  [^ ]|FAIL|---.FAIL)'

.PHONY: storm-server
storm-server: ## gio-server: every crash point; 200 kills; three replicas that are killed in turn; one that sleeps (30 minutes).
	@set -o pipefail; go test -count=1 -v -timeout 30m ./internal/worker -run 'CrashSweep|TwoWorkersOfOneRepository' -figures | grep -E '^(  [^ ]|FAIL|---.FAIL)'
	@set -o pipefail; go test -count=1 -v -timeout 30m ./internal/registry -run Death -figures | grep -E '^(  [^ ]|FAIL|---.FAIL)'
	@set -o pipefail; go test -count=1 -v -timeout 30m ./internal/gitops -run KillSweep -figures | grep -E '^(  [^ ]|FAIL|---.FAIL)'
	@set -o pipefail; go test -count=1 -v -timeout 60m ./internal/server -run 'Storm|Sleeping' -kills 200 | grep -E '^(  [^ ]|FAIL|---.FAIL)'

# Real processes on one release repository; -rounds also prints the figures.
KILL := go test -count=1 -v -timeout 60m ./internal/cli

.PHONY: kill
kill: ## Kills 200 releases with SIGKILL, resumes each elsewhere; 50 races of two drivers; a long sleep (40 minutes).
	@set -o pipefail; $(KILL) -run 'TestKill$$' -rounds 200 | grep -E '^(  [^ ]|FAIL| *--- FAIL)'
	@set -o pipefail; $(KILL) -run 'TestTwo|TestSleeper' -rounds 50 | grep -E '^(  [^ ]|FAIL| *--- FAIL)'

.PHONY: scenarios
scenarios: ## What went wrong before and must not again: S1 to S63, each with its tests and whether they pass (two minutes).
	@.ci/scenarios

.PHONY: image-files
image-files: ## What the two Dockerfiles copy, in build/image.
	@[[ -s $(CA_BUNDLE) ]] || { echo "make image-files: no CA bundle at $(CA_BUNDLE): install ca-certificates, or set CA_BUNDLE" >&2; exit 1; }
	mkdir -p build/image/data
	GOOS=linux $(GO_BUILD) -o build/image/gio ./cmd/gio
	GOOS=linux $(GO_BUILD) -o build/image/gio-server ./cmd/gio-server
	cp $(CA_BUNDLE) build/image/ca-certificates.crt

.PHONY: image
image: image-files ## Builds the images of gio and gio-server with buildah, tries them and throws them away.
	.ci/image $(VERSION)

# The program that people use is run, and gio-server's rendering of charts is held against it. The first run compiles it, in two
# minutes: gio-server has the engine of the same version, and not the 120 modules of the rest.
.PHONY: chart
chart: ## The Helm chart: helm lint, what helm template makes of it with both databases, and that gio-server makes the same of charts.
	$(HELM) lint --strict --quiet deploy/chart/gio-server
	GIO_TEST_HELM="$(HELM)" go test -count=1 -run '^TestChart' ./internal ./internal/helm

# Not part of ci: the first run compiles GoReleaser, which takes minutes.
.PHONY: snapshot
snapshot: ## Archives, packages, SBOMs in dist, published nowhere; installs the debs into scratch roots and runs them.
	@version=$$(.ci/snapshot-version) && SNAPSHOT_VERSION=$$version $(GORELEASER) release --snapshot --clean && .ci/packages $$version

# In this order, one after the other: what fails fast comes first, and the tests come last, so that a run ends with
# their result. All but the race detector compile as make build does: otherwise every package would be compiled twice.
ci: export CGO_ENABLED := 0
ci: export GOFLAGS = $(strip $(shell go env GOFLAGS) -trimpath)
.PHONY: ci
ci: ## What CI runs: all checks, the images, the chart, the tests.
	$(MAKE) fmt-check
	$(MAKE) lint
	$(MAKE) vet
	$(MAKE) build
	$(MAKE) image
	$(MAKE) chart
	$(MAKE) fuzz FUZZTIME=3s
	$(MAKE) test
	$(MAKE) race
