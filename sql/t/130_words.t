#!/bin/sh
# SPDX-License-Identifier: PostgreSQL
# docs/errors.md lists every error word that the source can say.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
echo 1..1
if difference=$("$here/../words" | diff - "$here/../../docs/errors.md" 2>&1); then
	echo 'ok 1 - docs/errors.md is what sql/words prints'
else
	echo 'not ok 1 - docs/errors.md is what sql/words prints'
	printf '%s\n' "$difference" 'run: sql/words > docs/errors.md' | sed 's/^/# /' >&2
	exit 1
fi
