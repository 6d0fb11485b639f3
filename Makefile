# Everything a developer does here. `make` shows the list.

MODULES     := shared services/gateway services/orchestrator services/provider-executor services/webhook-notifier services/standalone
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@latest
NATSCLI     := github.com/nats-io/natscli/nats@v0.5.1
ERRAND      := ./services/standalone/cmd/errand

# Tests at once in a package. Three packages run at once, and many tests wait for a page or a server half of their time.
PARALLEL    := $(shell nproc)

# Tests of pages share a headless shell if there is one, which needs a third of the CPU; tests of the browser itself use Chromium.
HEADLESS_SHELL := /usr/lib/chromium/chromium-headless-shell

PAGES          := test -n "$${ERRAND_TEST_CHROMIUM+set}" || ! test -x $(HEADLESS_SHELL) || export ERRAND_TEST_CHROMIUM=$(HEADLESS_SHELL);

# The packages that take longest begin first, so that both cores are busy to the end.
EXECUTOR    := ./services/provider-executor
HEAVY       := $(EXECUTOR)/browser $(EXECUTOR) ./services/standalone

# Without the race detector, which trebles their CPU: plain computation; the packages that drive Chromium (of the executor, the
# tests that need none run with it too); the four services together, whose own packages have it. `make race` runs all with it.
PLAIN       := provider-executor provider-executor/browser provider-executor/answer provider-executor/reading shared/action \
	shared/event shared/totp shared/workflow shared/schema shared/cmd/.* services/standalone services/standalone/.* gateway/web

.DEFAULT_GOAL := help

space        := $(subst ,, )
WITHOUT_RACE := /($(subst $(space),|,$(strip $(PLAIN))))$$

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## watch a task run in a real browser, the model simulated; installs Chromium if there is none; OPEN=1 keeps its web page open
	@deploy/install-chromium.sh || true
	@go run $(ERRAND) demo $(if $(OPEN),--stay)

.PHONY: serve
serve: ## run everything in one process on 127.0.0.1:8080, data in ./errand-data
	@go run $(ERRAND) serve

.PHONY: build
build: ## build all binaries into bin/
	go build -o bin/ work

.PHONY: test
test: browser headless-shell ## run every test: real JetStream, real Chromium, race detector; ends with the slowest tests
	@plain=$$(go list work | grep -E '$(WITHOUT_RACE)'); racy=$$(go list work | grep -vE '$(WITHOUT_RACE)'); \
	$(PAGES) go run ./shared/cmd/suite -shuffle=on -parallel $(PARALLEL) -timeout 30m \
		-- $(HEAVY) $$plain -- ERRAND_NO_BROWSER=1 -race -p 1 $$racy $(EXECUTOR)

.PHONY: race
race: browser headless-shell ## run the tests that make test runs without the race detector with it
	@$(PAGES) go run ./shared/cmd/suite -race -shuffle=on -parallel $(PARALLEL) -timeout 30m $$(go list work | grep -E '$(WITHOUT_RACE)')

.PHONY: test-short
test-short: ## run the tests that need no Chromium, without the race detector
	@ERRAND_NO_BROWSER=1 go run ./shared/cmd/suite -shuffle=on -parallel $(PARALLEL) -timeout 5m work

.PHONY: contracts
contracts: ## generate clients for Go and TypeScript and run them, and what else of docs/ needs npm or the nats CLI
	@bin=$$(mktemp -d); trap 'rm -rf "$$bin"' EXIT; GOBIN=$$bin go install $(NATSCLI); \
	PATH=$$bin:$$PATH ERRAND_CONTRACTS=1 go run ./shared/cmd/suite -count=1 ./services/standalone/docs

.PHONY: check
check: ## formatting, vet, staticcheck, tidy go.mod files, each module built alone
	@unformatted=$$(gofmt -l shared services); test -z "$$unformatted" || { echo "not formatted, run make fmt:"; echo "$$unformatted"; exit 1; }
	go vet work
	go run $(STATICCHECK) $(MODULES:%=./%/...)
	@for m in $(MODULES); do \
		echo "tidy and alone: $$m"; \
		(cd $$m && go mod tidy -diff && GOWORK=off go build ./...) || exit 1; \
	done

.PHONY: bench
bench: browser ## runs per second, added latency, observations beside Playwright; prints ratios, asserts nothing
	go test -run '^$$' -bench . -benchtime 1x -timeout 20m ./services/standalone ./services/provider-executor/browser ./services/gateway ./shared/bus

.PHONY: fmt
fmt: ## format the code
	gofmt -w shared services

.PHONY: tidy
tidy: ## give all modules the same versions, and tidy every go.mod
	go work sync
	@for m in $(MODULES); do (cd $$m && go mod tidy) || exit 1; done

.PHONY: vulns
vulns: ## look for known vulnerabilities; needs vuln.go.dev
	@for m in $(MODULES); do \
		found=$$(cd $$m && go run $(GOVULNCHECK) ./... 2>&1); code=$$?; \
		case "$$found" in *"fetching vulnerabilities"*) \
			echo "make vulns: the database of vulnerabilities, https://vuln.go.dev, cannot be reached from here: nothing was checked" >&2; exit 1;; \
		esac; \
		echo "$$m: $$found"; \
		test $$code = 0 || exit $$code; \
	done

# Chromium for the tests, unless ERRAND_NO_BROWSER=1 says that they shall do without.
.PHONY: browser
browser:
	@test "$$ERRAND_NO_BROWSER" = 1 || deploy/install-chromium.sh

# Without it the tests use Chromium for all: ERRAND_TEST_CHROMIUM= make test does so anyway.
.PHONY: headless-shell
headless-shell:
	@test "$$ERRAND_NO_BROWSER" = 1 || test -x $(HEADLESS_SHELL) || test "$$(id -u)" != 0 || { apt-get -qq update && \
		apt-get -qq install -y --no-install-recommends chromium-headless-shell; } >/dev/null 2>&1 || \
		echo "No chromium-headless-shell could be installed: the tests of pages use Chromium, and take longer." >&2
