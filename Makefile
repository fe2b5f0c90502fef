# Short names for the commands that the README has in full.
.PHONY: run test proof bench lint fresh pins

run:    ## set up and start
	sh installers/linux/setup.sh run

test:   ## set up and run every check
	sh installers/linux/setup.sh test

proof:  ## the tests with their long versions (needs `make test` once before)
	OPENCLAW_PROOF=full .venv/bin/python -m pytest $(ARGS)

bench:  ## measure the product
	.venv/bin/python -m benchmarks $(ARGS)

lint:   ## the static checks alone
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/mypy --platform win32
	.venv/bin/mypy --platform darwin
	.venv/bin/lint-imports

fresh:  ## both README commands in a new, bare Debian 12 (as root; needs debootstrap)
	sh installers/linux/prove-fresh.sh

pins:   ## resolve installers/constraints.txt anew
	sh installers/pin.sh
