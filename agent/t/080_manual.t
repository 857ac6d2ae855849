#!/bin/sh
# SPDX-License-Identifier: PostgreSQL
# the manual has every flag and every option, with its default, and nothing that is not there
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
: "${SFTD:=$top/agent/sftd}"
n=0 failed=0
ok() { n=$((n + 1)); if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; failed=1; fi; }

for flag in $("$SFTD" --help | grep -oE -- '--[a-z-]+' | sort -u); do
	grep -q -- "\*$flag\*" docs/sftd.8.scd; ok $? "sftd(8) has $flag"
done
for flag in $(grep -oE -- '\*--[a-z-]+\*' docs/sftd.8.scd | tr -d '*' | sort -u); do
	"$SFTD" --help | grep -q -- "$flag"; ok $? "$flag is there"
done
sed -n 's/.*OPTION("\([A-Za-z]*\)".*/\1/p' agent/conf.c | sort >"${TMPDIR:-/tmp}/options.$$"
grep -oE '\*[A-Z][A-Za-z]+\*' docs/sftd.yaml.5.scd | tr -d '*' | sort -u >"${TMPDIR:-/tmp}/manual.$$"
sort -u "${TMPDIR:-/tmp}/options.$$" | cmp -s - "${TMPDIR:-/tmp}/manual.$$"
ok $? 'sftd.yaml(5) has exactly the options that are read'
diff "${TMPDIR:-/tmp}/options.$$" "${TMPDIR:-/tmp}/manual.$$" | sed 's/^/# /'
rm -f "${TMPDIR:-/tmp}/options.$$" "${TMPDIR:-/tmp}/manual.$$"
"$SFTD" --conf agent/sftd.yaml --check >/dev/null 2>&1; [ $? != 2 ]; ok $? 'the sample is read'
for option in $(grep -oE '^# [A-Z][A-Za-z]+:' agent/sftd.yaml | tr -d '# :' | sort -u); do
	grep -q "OPTION(\"$option\"" agent/conf.c; ok $? "the sample's $option is an option"
done
echo "1..$n"
exit $failed
