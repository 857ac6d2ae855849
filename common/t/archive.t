#!/bin/sh
# SPDX-License-Identifier: PostgreSQL
# archive.t - objects are independent: the extension links the crypto and gets no JSON, HTTP or log,
# and nothing that prints or ends the process.
set -eu
archive=${BUILD:-build/release}/libsftcommon.a
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Lines "object kind symbol", such as "key U EVP_DigestSign".
nm -A "$archive" 2>/dev/null | sed -n 's/^[^:]*:\([a-z_0-9]*\)\.o: *[0-9a-f]* *\([A-Za-z]\) /\1 \2 /p' >"$work/symbols"

n=0
for noun in err sbuf text time names digest sshkey sshkey_check ed25519_curve key ecdsa_sig verify sshcert krl \
	httpsig httpsig_text httpsig_statement token; do
	n=$((n + 1))
	needed=$(grep "^$noun U " "$work/symbols" |
		grep -E ' U (json_|curl_|dl|log_|conf_|fsx_|http_|v?f?printf$|puts|putc|exit|_exit|abort|perror|errx?$|warnx?$)' || :)
	if grep -q "^$noun T " "$work/symbols" && [ -z "$needed" ]; then
		echo "ok $n - $noun.o needs none of the outer world"
	else
		printf 'not ok %d - %s.o needs none of the outer world\n' "$n" "$noun"
		printf '%s\n' "$needed" | sed 's/^/# /'
	fi
done
echo "1..$n"
