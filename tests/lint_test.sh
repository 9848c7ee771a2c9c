#!/bin/sh
# lint_test - the rules of the house hold.
cd "$(dirname "$0")/.." || exit 1
for tool in clang-format git; do
	command -v $tool >/dev/null || { echo "1..0 # skip no $tool"; exit 0; }
done
found=$(tests/lint 2>&1)
if [ -z "$found" ]; then
	echo "ok 1 - lint"
else
	echo "not ok 1 - lint"
	echo "$found" | sed 's/^/# /'
fi
echo 1..1
