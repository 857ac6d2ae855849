#!/bin/sh
# SPDX-License-Identifier: PostgreSQL
# sftd killed anywhere: sshd and sudo stay usable, nobody has more than before or after, and the next round is whole
#
# SWEEP=all tries every passage of every fault point; otherwise the early ones of each.
# shellcheck disable=SC2016,SC2317
[ -z "${FAULTY-}" ] || SFTD=$FAULTY
# shellcheck source=agent/t/lib.sh
. "$(dirname "$0")/lib.sh"
grep -q 'fsx.before_rename' "$SFTD" || { echo '1..0 # SKIP sftd was built without FAULTS=1'; exit 0; }
start_all
version=1
few() { state $version "$(user bob 60002)"; }
many() { rm -rf "$home/carol"; state $version "$(list "$(user alice 60001 true)" "$(user bob 60002)" "$(user carol 60003)")" '{"name":"sft_ops","gid":63001,"members":["alice","carol"]}'; }
# What holds at every moment, whatever was interrupted.
sound() {
	on_host sh -ec 'sshd -t; visudo -cq; getent passwd bob alice root >/dev/null || :
		test "$(cut -d: -f1 /etc/passwd | sort)" = "$(cut -d: -f1 /etc/shadow | sort)"
		test "$(cut -d: -f1 /etc/group | sort)" = "$(cut -d: -f1 /etc/gshadow | sort)"
		test "$(cut -d: -f1 /etc/passwd | sort | uniq -d)" = ""
		rc=0; ssh-keygen -Q -f /var/lib/sftd/sft.krl /var/lib/sftd/canary.test || rc=$?; test $rc = 1' 2>&1 || return 1
	login bob bob 500 true
}
# Nobody has an account, principals or sudo who is not in the last state.
few_only() { ! grep -q '^alice:\|^carol:\|^sft_ops:' "$etc/passwd" "$etc/group" && ! grep -rq alice "$lib/principals" "$etc/sudoers.d" && ! find "$lib" "$etc" -name '.tmp-*' | grep -q . && ! on_host pgrep -u 60001; }
many_there() { login alice alice 501 'sudo -n true' && login carol carol 502 'id -nG | grep -q sft_ops'; }

killed=0
# One passage of one point, on the way to many users and on the way back. Status 1: it is not passed that often.
strike() { # POINT N
	for way in many few; do
		version=$((version + 1)); $way
		SFT_FAULT=$1:kill:$2 on_host sftd --once >/dev/null 2>&1
		[ $? = 137 ] || continue
		killed=$((killed + 1))
		try "$1 $2, $way: the host is sound" sound
		once
		same "$rc" 0 "$1 $2, $way: the next round is whole"
		[ $way = few ] || try "$1 $2: and everybody is there" many_there
		[ $way = many ] || try "$1 $2: and nobody else is left" few_only
		struck=1
	done
}

few
for point in enroll.before_ask enroll.before_save; do
	token
	SFT_FAULT=$point:kill on_host sftd --once >/dev/null 2>&1
	same $? 137 "$point: killed"
	id=$(sed -n 's/.*"server_id": *"\([^"]*\)".*/\1/p' "$lib/device.server")
done
once
same "$rc" 0 'an interrupted enrollment goes on'
same "$(cat "$p/server.id")" "$id" 'as the same server'
cp "$p/canary-cert.pub" "$lib/canary.test"
# the first time that sshd is told of us
on_host sftd --uninstall
for point in sshd.after_write sshd.before_reload; do
	SFT_FAULT=$point:kill on_host sftd --once >/dev/null 2>&1
	same $? 137 "$point: killed"
	try "$point: sshd's configuration is good" on_host sshd -t
	once
	same "$rc" 0 "$point: the next round is whole"
	try "$point: the host is sound" sound
	on_host sftd --uninstall
done
once

most=1
[ "${SWEEP-}" != all ] || most=60
for point in state.before_save account.before_create account.before_strike home.before_fill home.before_rename \
	sudoers.before_write fsx.before_rename fsx.after_rename fsx.before_remove run.before_exec run.after_exec step.before; do
	i=0 struck=1
	while [ $struck = 1 ] && [ $i -lt $most ]; do
		struck=0 i=$((i + 1))
		strike "$point" "$i"
	done
done
[ $killed -ge 12 ]; ok $? "it was killed $killed times"

# errors instead of death: the step is reported and done in the next round
for point in fsx.rename run.exec; do
	for i in 2 5; do
		version=$((version + 1)); many
		SFT_FAULT=$point:error:$i on_host sftd --once >/dev/null 2>&1
		try "$point fails, passage $i: the host is sound" sound
		once
		same "$rc" 0 "$point fails, passage $i: the next round is whole"
		version=$((version + 1)); few; once
	done
done

# logins that could not be ended are not noted as ended
version=$((version + 1)); end_logins='["bob"]'; few
SFT_FAULT=logins.end:error:1 on_host sftd --once >/dev/null 2>&1
same $? 1 'A27 logins that do not end are reported'
try_not 'and not noted' grep -qx $version "$lib/logins.ended"
once
same "$rc" 0 'they are ended in the next round'
try 'and noted then' grep -qx $version "$lib/logins.ended"
done_testing
