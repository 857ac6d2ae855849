#!/bin/sh
# SPDX-License-Identifier: PostgreSQL
# the daemon: changes reach the host in about a second, it survives its child and the platform, and it costs nothing
# shellcheck source=agent/t/lib.sh disable=SC2016,SC2317 # awk programs; functions that try calls
. "$(dirname "$0")/lib.sh"
start_all
rm "$lib/enrollment.token"
state 1 "$(user alice 60001)"
has_user() { grep -q "^$1:" "$etc/passwd"; }
has_not_user() { ! grep -q "^$1:" "$etc/passwd"; }
seconds() { awk '{ print int($1 * 100) }' /proc/uptime; }
sftd_pids() { on_host pgrep -x sftd | tr '\n' ' '; }

"$top/dev/host" sftd "$dir/host"
try 'without a token it waits' wait_until grep -q waiting "$dir/host/fs/var/log/sftd.log"
token
try 'the token is seen when it comes' wait_until has_user alice
try 'and the state is reported' wait_until grep -q '"state_version":1' "$p/reports"
same "$(on_host sftd --once 2>&1 | grep -c 'another sftd is running')" 1 'A10 a second sftd does nothing'

start=$(seconds)
state 2 "$(list "$(user alice 60001)" "$(user bob 60002)")"
wait_until has_user bob
took=$(($(seconds) - start))
[ "$took" -lt 300 ]; ok $? "a change is on the host in less than 3 s ($took/100)"
(login alice alice 400 'sleep 300' >/dev/null 2>&1; echo "$?" >"$dir/ended") &
wait_until on_host pgrep -u 60001 sleep
start=$(seconds)
state 3 "$(user bob 60002)"
wait_until has_not_user alice
took=$(($(seconds) - start))
[ "$took" -lt 500 ]; ok $? "A27 so is a removal, with a login going on ($took/100)"
try 'whose session ends' wait_until test -s "$dir/ended"

# the child has no rights, and is started again when it dies
two_processes() { # not counting what is forked for a moment to run a tool
	# shellcheck disable=SC2046 # words
	set -- $(sftd_pids)
	[ $# = 2 ]
}
wait_until two_processes
# shellcheck disable=SC2046 # words
set -- $(sftd_pids)
same $# 2 'two processes'
child=$2
same "$(on_host awk '/^Uid:/ { print ($2 != 0 && $3 != 0 && $4 != 0) }' "/proc/$child/status")" 1 'the child is not root'
same "$(on_host awk '/^Groups:/ { print NF }' "/proc/$child/status")" 1 'and in no further group'
same "$(on_host awk '/^CapEff:|^CapPrm:/ { print $2 }' "/proc/$child/status" | sort -u)" 0000000000000000 'without capabilities'
same "$(on_host awk '/^NoNewPrivs:|^Seccomp:/ { print $2 }' "/proc/$child/status" | tr '\n' ' ')" '1 2 ' 'and in a filter'
uss=0
for pid in "$@"; do
	uss=$((uss + $(on_host awk '/^Private_(Clean|Dirty):/ { n += $2 } END { print n }' "/proc/$pid/smaps_rollup")))
done
if nm -D "$SFTD" 2>/dev/null | grep -q __asan; then
	ok 0 '# SKIP memory under ASan'
else
	[ "$uss" -lt 10240 ]; ok $? "both together have less than 10 MB of their own ($uss kB)"
fi
on_host kill -9 "$child"
state 4 "$(list "$(user bob 60002)" "$(user carol 60003)")"
try 'a child that was killed is replaced' wait_until has_user carol

# the platform goes and comes
stop_platform
sleep 1
state 5 "$(list "$(user bob 60002)" "$(user dora 60004)")"
start_platform
try 'a platform that was away is found again' wait_until has_user dora
try 'nothing was removed meanwhile' has_user bob

# logins are ended once when the platform says so
(login bob bob 401 'sleep 300' >/dev/null 2>&1; echo "$?" >"$dir/ended2") &
wait_until on_host pgrep -u 60002 sleep
end_logins='["bob"]'; state 6 "$(list "$(user bob 60002)" "$(user dora 60004)")"
try 'end_logins ends logins' wait_until test -s "$dir/ended2"
try 'bob may come back' login bob bob 402 true

ticks() { on_host sh -c 'cat /proc/[0-9]*/stat' | awk '$2 == "(sftd)" { n += $14 + $15 } END { print n }'; }
before=$(ticks); sleep 4; spent=$(($(ticks) - before))
[ "$spent" -le 8 ]; ok $? "four seconds of waiting cost at most 80 ms ($spent ticks)"

# a gateway that answers every poll at once is not asked in a hurry
mode storm
sleep 1
asked=$(wc -l <"$p/requests"); sleep 4; asked=$(($(wc -l <"$p/requests") - asked))
[ "$asked" -ge 1 ] && [ "$asked" -le 15 ]; ok $? "A21 a storm of empty answers is met with patience ($asked requests in 4 s)"
mode ok
state 7 "$(list "$(user bob 60002)" "$(user dora 60004)" "$(user emil 60005)")"
try 'and news still come' wait_until has_user emil

# a disk that is full keeps nobody in
on_host sh -c 'mkdir /run/full && mount -t tmpfs -o size=64k,mode=0711 tmpfs /run/full && cp -a /var/lib/sftd/. /run/full && mount --bind /run/full /var/lib/sftd
	dd if=/dev/zero of=/var/lib/sftd/fill bs=1k count=100' >/dev/null 2>&1
has_not() { ! on_host test -e "$1"; }
state 8 "$(user dora 60004)"
try 'L11 with a full disk principals are taken away' wait_until has_not /var/lib/sftd/principals/emil
try 'and accounts' wait_until has_not_user emil
try 'it is reported' wait_until grep -q state:unsaved "$p/reports"
on_host rm /var/lib/sftd/fill
state_is() { on_host grep -q "\"version\":$1" /var/lib/sftd/state.json; }
try 'and the state saved when there is room' wait_until state_is 8
on_host umount /var/lib/sftd

on_host pkill -TERM -o -x sftd
gone() { ! on_host pgrep -x sftd; }
try 'SIGTERM ends both' wait_until gone
try_not 'no secret is in the log' grep -q "$(cut -c60-100 "$lib/device.token")" "$dir/host/fs/var/log/sftd.log"
done_testing
