# posed: the commands that people and CI run. `make help` lists them.

CARGO         ?= cargo
DEMO_SECONDS  ?= 20
CAMERA        ?=
FUZZ_SECONDS  ?= 60
MODEL         ?= models/lpn50-256x192
MODELS        ?= $(MODEL) models/lpn50-128x96
# People with COCO keypoints that no model was trained on: annotations/holdout.json and images/.
DATA          ?= ../shared/data/people
BOARDS        ?= x86_64 aarch64 armhf
# What the Python tests run in: Debian's CPU torch and a few wheels, kept out of the tree's sources.
PY_ENV        ?= target/py
export G_DEBUG ?= fatal-warnings

.PHONY: help build demo test test-rust test-python lint fuzz valgrind bench-peers bench-parity bench-endtoend deb soak test-container test-devices test-boards bench-boards

help:
	@echo "make build        release binary: target/release/posed"
	@echo "make demo         poses from the demo clip, or CAMERA=rtsp://... for DEMO_SECONDS=$(DEMO_SECONDS)"
	@echo "make test         everything that must pass: lint, Rust tests, Python tests"
	@echo "make soak         half an hour of the daemon: memory, outages, eight cameras, CPU; into target/soak.json"
	@echo "make deb          .deb packages for BOARDS='$(BOARDS)', into target/deb/"
	@echo "make test-container  installs the .deb in a container with a systemd of its own (root; 5 minutes)"
	@echo "make test-devices cameras, a USB webcam, hardware decoders, libcamera in a virtual machine (root; 15 minutes)"
	@echo "make test-boards  ARM builds and their tests under qemu-user (see cross/README.md for how long)"
	@echo "make bench-boards instructions an inference takes on ARM, into target/bench/boards.md"
	@echo "make fuzz         mutated networks through the rewriter for FUZZ_SECONDS=$(FUZZ_SECONDS), in bounded memory"
	@echo "make valgrind     the generic, SSE4.1 and AVX2 kernels' tests under valgrind"
	@echo "make bench-peers  our engine against onnxruntime, openvino and ncnn, into target/bench/"
	@echo "make bench-parity our keypoints against onnxruntime's on the hold-out in DATA=$(DATA)"
	@echo "make bench-endtoend average precision with the person finder's boxes against annotated ones"

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

# nextest where it is installed: it runs all test binaries at once.
test-rust: export POSED_PYTHON = $(abspath $(PY_ENV))/bin/python
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

# The address space that the fuzzer has: a network that asks for more ends it, and not the machine.
FUZZ_KB ?= 4194304
fuzz:
	tests/deps.sh build
	$(CARGO) test --locked --test rewriter --no-run
	@set -x; ulimit -v $(FUZZ_KB); POSED_FUZZ_SECONDS=$(FUZZ_SECONDS) $(CARGO) test --locked --test rewriter mutated \
		-- --nocapture || { set +x; echo "the last network was of POSED_FUZZ_SEED=$$(cat target/tmp/fuzz-seed)"; exit 1; }

# valgrind hides AVX-512 from the program: AVX2, SSE4.1 and the generic kernels are left.
valgrind:
	tests/deps.sh valgrind
	$(CARGO) test --locked --lib --no-run
	PROPTEST_CASES=24 valgrind --quiet --error-exitcode=9 \
		$$($(CARGO) test --locked --lib --no-run --message-format=json 2>/dev/null \
			| sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1) kernels --test-threads 1

# SOAK='eight busy' runs some of them only.
SOAK ?= loops outage eight busy still
soak:
	tests/deps.sh soak
	$(CARGO) build --release --locked
	python3 tests/soak/soak.py --json target/soak.json $(SOAK)

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

# cargo-deb takes a binary that is built already: one for each board, by the cross scripts.
deb:
	tests/deps.sh deb
	command -v cargo-deb >/dev/null || $(CARGO) install --locked cargo-deb
	$(CARGO) run --release --locked -q -- assets target/assets
	gzip -9nf target/assets/*.1
	@set -e; for board in $(BOARDS); do cross/deb.sh $$board target/deb; done
	find target/deb -name '*.deb' -exec lintian --fail-on error {} +

# The binary with fault injection goes only into the container. It is built through a test, so that it
# shares the dependencies that the other tests have built.
test-container: BOARDS = x86_64
test-container: deb
	tests/deps.sh container
	$(CARGO) test --locked --no-run --features fault-injection --test service
	cp target/debug/posed target/posed-faulty
	tests/container/run.sh target/deb/posed_*_$$(dpkg --print-architecture).deb target/posed-faulty

test-devices:
	tests/deps.sh devices
	$(CARGO) build --release --locked
	tests/devices/run.sh

# Own targets: from nothing, the two optimised builds take most of an hour on two cores.
test-boards: test-container
	tests/deps.sh test
	tests/boards/test.sh

bench-boards:
	tests/boards/count.sh
