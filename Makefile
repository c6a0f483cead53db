# posed: the commands that people and CI run. `make help` lists them.

CARGO         ?= cargo
DEMO_SECONDS  ?= 20
CAMERA        ?=
FUZZ_SECONDS  ?= 60
MODEL         ?= models/lpn50-256x192
MODELS        ?= $(MODEL) models/lpn50-128x96
# Hold-out with COCO keypoints, which no model was trained on: annotations/holdout.json and images/.
DATA          ?= ../shared/data/people
BOARDS        ?= x86_64 aarch64 armhf
# Environment of the Python tests: Debian's CPU torch and a few wheels.
PY_ENV        ?= target/py
export G_DEBUG ?= fatal-warnings

.PHONY: test-homeassistant help build demo test test-rust test-python lint fuzz valgrind bench-peers bench-parity bench-endtoend deb deb-twice soak test-container test-image test-devices test-boards bench-boards test-faults fuzz-inputs fuzz-coverage bench-fleet deny

help:
	@echo "make build        release binary: target/release/posed"
	@echo "make demo         poses from the demo clip, or CAMERA=rtsp://... for DEMO_SECONDS=$(DEMO_SECONDS)"
	@echo "make test         everything that must pass: format, clippy, Rust tests, Python tests"
	@echo "make soak         runs the daemon for half an hour: memory, outages, eight cameras, CPU; into target/soak.json"
	@echo "make soak HOURS=2 four cameras with faults at random for hours; memory, threads, files, events; into target/soak/"
	@echo "make deb          .deb packages for BOARDS='$(BOARDS)', into target/deb/"
	@echo "make deb-twice    builds this machine's package in two folders; both must be the same, byte by byte"
	@echo "make test-container  installs the .deb in a container with systemd (root; 5 minutes)"
	@echo "make test-image   builds the container image from the .deb and runs it beside a mosquitto (root; 3 minutes)"
	@echo "make test-devices cameras, a USB webcam, hardware decoders and libcamera in a virtual machine (root; 15 minutes)"
	@echo "make test-boards  builds for ARM and tests under qemu-user (cross/README.md says how long it takes)"
	@echo "make bench-boards instructions for one inference on ARM, into target/bench/boards.md"
	@echo "make fuzz         feeds mutated networks to the rewriter for FUZZ_SECONDS=$(FUZZ_SECONDS), in bounded memory"
	@echo "make fuzz-inputs  mutated configurations, manifests, recordings, spools, addresses; FUZZ_SECONDS each"
	@echo "make fuzz-coverage  the same and networks and RTSP by libFuzzer; FUZZ_SECONDS each, FUZZ_TARGETS='http mask'"
	@echo "make test-homeassistant  a real Home Assistant beside posed: entities, states, restarts (root; 3 minutes)"
	@echo "make test-faults  breaks one thing after the other on purpose (docs/faults.md); POSED_FAULTS_SEED, FAULTS=name"
	@echo "make bench-fleet  a thousand simulated boxes against mosquitto, into target/bench/fleet.json"
	@echo "make deny         licences, duplicates and sources of the dependencies"
	@echo "make valgrind     tests the generic, SSE4.1 and AVX2 kernels under valgrind"
	@echo "make bench-peers  speed beside ONNX Runtime, OpenVINO and ncnn, into target/bench/"
	@echo "make bench-parity keypoints beside ONNX Runtime's on the hold-out in DATA=$(DATA)"
	@echo "make bench-endtoend average precision with the finder's boxes beside annotated boxes"

build:
	tests/deps.sh build
	$(CARGO) build --release --locked

demo:
	tests/deps.sh demo
	$(CARGO) build --release --locked
	target/release/posed demo --seconds $(DEMO_SECONDS) $(if $(CAMERA),--camera '$(CAMERA)') --overlay target/demo/overlay.png

test: lint test-rust test-python

lint:
	tests/deps.sh test
	$(CARGO) fmt --all --check
	$(CARGO) clippy --all-targets --locked -- -D warnings

$(PY_ENV)/bin/python: models/lpn/ci-env.sh models/lpn/requirements-ci.txt
	tests/deps.sh test
	models/lpn/ci-env.sh $(PY_ENV)
	touch $@

# nextest, if installed, runs all test binaries at once.
test-rust: export POSED_PYTHON = $(abspath $(PY_ENV))/bin/python
# tests/deps.sh puts promtool there.
test-rust: export PATH := $(CURDIR)/target/tools:$(PATH)
test-rust: $(PY_ENV)/bin/python
	tests/deps.sh test
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		set -x; $(CARGO) nextest run --locked --no-fail-fast; \
	else \
		set -x; $(CARGO) test --locked --no-fail-fast; \
	fi
	$(CARGO) test --locked --doc

test-python: $(PY_ENV)/bin/python
	$(PY_ENV)/bin/python -m pytest -q models/lpn/tests

# Address space of the fuzzer in KB: a network that requests more ends the fuzzer, not the machine.
FUZZ_KB ?= 4194304
fuzz:
	tests/deps.sh build
	$(CARGO) test --locked --test rewriter --no-run
	@set -x; ulimit -v $(FUZZ_KB); POSED_FUZZ_SECONDS=$(FUZZ_SECONDS) $(CARGO) test --locked --test rewriter mutated \
		-- --nocapture || { set +x; echo "the last network had POSED_FUZZ_SEED=$$(cat target/tmp/fuzz-seed)"; exit 1; }

# The targets of fuzz/ by mutation. Each has its own thread and FUZZ_SECONDS.
fuzz-inputs:
	tests/deps.sh build
	POSED_FUZZ_SECONDS=$(FUZZ_SECONDS) $(CARGO) test --locked --test fuzz -- --nocapture

# The targets of fuzz/ by libFuzzer, FUZZ_SECONDS each, one after the other. What it finds out about
# inputs stays in target/fuzz; a finding is printed with the command that repeats it.
FUZZ_TARGETS ?= $(sort $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs))))
fuzz-coverage: export G_DEBUG =
fuzz-coverage: export RUSTC_BOOTSTRAP = 1
fuzz-coverage:
	tests/deps.sh build
	command -v cargo-fuzz >/dev/null || $(CARGO) install --locked cargo-fuzz
	cp Cargo.lock fuzz/Cargo.lock
	@set -ex; for target in $(FUZZ_TARGETS); do \
		mkdir -p target/fuzz/$$target; \
		$(CARGO) fuzz run --sanitizer none --target-dir $(CURDIR)/target/fuzz/build $$target \
			$(CURDIR)/target/fuzz/$$target $(CURDIR)/fuzz/corpus/$$target -- -max_total_time=$(FUZZ_SECONDS) \
			-timeout=60 -rss_limit_mb=4096 -artifact_prefix=$(CURDIR)/target/fuzz/$$target-; \
	done

# A row of docs/faults.md, or all. They wait more than they compute, so four run at a time.
FAULTS ?=
test-faults:
	tests/deps.sh test
	$(CARGO) test --locked --test faults $(FAULTS) -- --include-ignored --test-threads 4

# Home Assistant in a chroot of its own (root, mmdebstrap; a minute and 500 MB the first time).
test-homeassistant:
	tests/deps.sh homeassistant
	tests/homeassistant/setup.sh target/homeassistant || { [ $$? -eq 75 ] && exit 0; exit 1; }; \
	$(CARGO) test --locked --test homeassistant -- --include-ignored --nocapture

bench-fleet:
	tests/deps.sh test
	$(CARGO) test --locked --test fleet -- --ignored --nocapture

deny:
	command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny --locked check bans licenses sources

# valgrind hides AVX-512 from the program, so AVX2, SSE4.1 and the generic kernels are tested.
valgrind:
	tests/deps.sh valgrind
	$(CARGO) test --locked --lib --no-run
	PROPTEST_CASES=24 valgrind --quiet --error-exitcode=9 \
		$$($(CARGO) test --locked --lib --no-run --message-format=json 2>/dev/null \
			| sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1) kernels --test-threads 1

# SOAK='eight busy' runs only these two. With HOURS, faults come at random instead, into target/soak/.
SOAK ?= loops outage eight busy still
HOURS ?=
SOAK_SEED ?= 1
soak:
	tests/deps.sh soak
	$(CARGO) build --release --locked
	$(if $(HOURS),python3 tests/soak/weeks.py --hours $(HOURS) --seed $(SOAK_SEED),python3 tests/soak/soak.py --json target/soak.json $(SOAK))

bench-peers:
	tests/deps.sh build
	$(CARGO) build --release --locked
	models/bench/run.sh target/bench

bench-parity: $(PY_ENV)/bin/python
	tests/deps.sh build
	$(CARGO) build --release --locked
	@set -e; for model in $(MODELS); do \
		$(PY_ENV)/bin/python models/bench/parity.py --model $$model --annotations $(DATA)/annotations/holdout.json \
			--images $(DATA)/images --out target/bench/parity-$$(basename $$model).json; \
	done

bench-endtoend:
	tests/deps.sh build
	$(CARGO) build --release --locked
	python3 models/bench/endtoend.py --model $(MODEL) --annotations $(DATA)/annotations/holdout.json \
		--images $(DATA)/images --out target/bench/endtoend.json

# The cross scripts build one binary for each board; cargo-deb packs it.
deb:
	tests/deps.sh deb
	command -v cargo-deb >/dev/null || $(CARGO) install --locked cargo-deb
	@set -e; for board in $(BOARDS); do cross/deb.sh $$board target/deb; done
	find target/deb -name '*.deb' -exec lintian --fail-on error {} +

# Builds the package for this machine in two folders, from nothing, and compares: half an hour and more.
deb-twice:
	tests/deps.sh deb
	command -v cargo-deb >/dev/null || $(CARGO) install --locked cargo-deb
	cross/deb-twice.sh

# The container gets a debug build too: that one can hang and panic on purpose.
test-container: BOARDS = x86_64
test-container: deb
	tests/deps.sh container
	$(CARGO) test --locked --no-run --test service
	cp target/debug/posed target/posed-faulty
	tests/container/run.sh target/deb/posed_*_$$(dpkg --print-architecture).deb target/posed-faulty

# The container image, from the package.
test-image: BOARDS = x86_64
test-image: deb
	tests/deps.sh image
	tests/container/image.sh target/deb/posed_*_$$(dpkg --print-architecture).deb

test-devices:
	tests/deps.sh devices
	$(CARGO) build --release --locked
	tests/devices/run.sh

# Not part of `make test`: from nothing, the two optimised builds take most of an hour on two cores.
test-boards: test-container
	tests/deps.sh test
	tests/boards/test.sh

bench-boards:
	tests/boards/count.sh
