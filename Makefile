# Tasks of contributors; each is one command you may run yourself.
.PHONY: install dev test lint types fix migrate bench translations docs

BIN := .venv/bin

install:
	python3 -m venv .venv
	$(BIN)/pip install -q --require-hashes -r .ci/requirements.txt
	$(BIN)/pip install -q -e '.[test,dev,scan,ocr]'

dev:
	$(BIN)/listmgr demo

test:
	$(BIN)/pytest -n auto

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types:
	$(BIN)/mypy

fix:
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

migrate:
	$(BIN)/listmgr migrate

bench:
	for script in send public confirm idle; do $(BIN)/python bench/$$script.py --quick | tail -n 1; done

translations:
	mkdir -p build
	$(BIN)/pybabel -q extract -F pyproject.toml --no-location --sort-output -o build/messages.pot .
	$(BIN)/pybabel -q update --no-fuzzy-matching --ignore-obsolete -i build/messages.pot -d listmgr/translations
	$(BIN)/pybabel -q compile -d listmgr/translations

docs:
	$(BIN)/pytest -n 0 tests/architecture/test_docs.py
