#!/bin/sh
# SPDX-License-Identifier: PostgreSQL
# homes, processes, locks and many users: what is in the way is reported, what is ours is whole
# shellcheck source=agent/t/lib.sh disable=SC2016,SC2317
. "$(dirname "$0")/lib.sh"
start_all

# A5 what waits in place of a home
mkdir "$home/bob"; ln -s /etc "$home/carol"; echo x >"$home/dora"
on_host mkdir -p /home/.sftd-alice/x
touch "$etc/skel/new"; ln -s /etc/shadow "$etc/skel/link"; mkdir "$etc/skel/sub"; mkfifo "$etc/skel/pipe"
shadow=$(stat -c '%u %a' "$etc/shadow")
state 1 "$(list "$(user alice 60001)" "$(user bob 60002)" "$(user carol 60003)" "$(user dora 60004)")"
once
same "$rc" 1 'A5 homes that are somebody else'"'"'s are reported'
for who in bob carol dora; do has "$log" "user:$who" "A5 $who"; done
same "$(stat -c %u "$home/bob" "$home/dora" | tr '\n' ' ')" '0 0 ' 'and left as they are'
same "$(readlink "$home/carol")" /etc 'links too'
same "$(stat -c '%u %a' "$etc/shadow")" "$shadow" 'and what links point to'
same "$(stat -c '%u %a' "$home/alice" "$home/alice/new" "$home/alice/sub" | tr '\n' ' ')" '60001 700 60001 644 60001 755 ' 'skel is copied'
same "$(readlink "$home/alice/link") $(stat -c %u "$home/alice/link")" '/etc/shadow 60001' 'a link of it as a link'
try_not 'a pipe of it is not' test -e "$home/alice/pipe"
try_not 'what an interrupted try left is gone' test -e "$home/.sftd-alice"
rm -r "$home/bob" "$home/carol" "$home/dora"
once
same "$rc" 0 'when they are gone, homes are made'
same "$(login carol carol 600 pwd)" /home/carol 'and used'

# A4 the lock on /etc/passwd is held: waited for, then reported, then done
on_host sh -c 'sleep 60 & printf %s $! >/etc/passwd.lock'
state 2 "$(list "$(user alice 60001)" "$(user bob 60002)" "$(user carol 60003)" "$(user dora 60004)" "$(user emil 60005)")"
once
same "$rc" 1 'A4 a held lock is reported'
has "$log" 'passwd.lock' 'as what it is'
on_host rm /etc/passwd.lock
once
same "$rc" 0 'and the account made when it is free'

# A6, A27 processes without a terminal, in sessions of their own, that ignore SIGTERM
login dora dora 601 'nohup setsid sh -c "trap : TERM HUP; while :; do sleep 1; done" >/dev/null 2>&1 & echo started' >/dev/null
login dora dora 602 '(sleep 300 >/dev/null 2>&1 &)'
try 'dora has processes that outlive her login' on_host pgrep -u 60004
# and one that is another process every moment
login dora dora 605 'setsid perl -e "\$SIG{TERM} = q(IGNORE); \$end = time + 30; while (time < \$end) { exit if fork; select undef, undef, undef, 0.001 }" >/dev/null 2>&1 &' >/dev/null
on_host sh -c 'setsid sleep 300 >/dev/null 2>&1 &'
others=$(on_host pgrep -x -u 0 sleep | head -n1)
state 3 "$(list "$(user alice 60001)" "$(user bob 60002)" "$(user carol 60003)" "$(user emil 60005)")"
once
same "$rc" 0 'A27 she leaves'
try_not 'no process of hers is left' on_host pgrep -u 60004
try_not 'no account' grep -q '^dora:' "$etc/passwd"
try 'others'"'"' processes go on' on_host kill -0 "$others"

# A2 her number and name go to nobody else by accident: another uid for a name is another person
state 4 "$(list "$(user alice 60011)" "$(user bob 60002)" "$(user carol 60003)" "$(user emil 60005)")"
once
same "$(on_host id -u alice)" 60011 'a name with another number is a new account'
has "$log" '/home/alice is not a folder of the user' 'that does not get the old one'"'"'s home'
rm -r "$home/alice"
once
same "$rc" 0 'but a new one'

# an administrator changes what is ours
on_host usermod -s /bin/sh -c 'somebody' bob
on_host gpasswd -d bob sudo >/dev/null 2>&1
once
same "$(on_host getent passwd bob | cut -d: -f5,7)" 'sft acme/bob:/bin/bash' 'what was changed is put right'
on_host userdel bob
once
same "$(login bob bob 603 id -u)" 60002 'what was deleted is made again'
rm "$lib/owned"
once
same "$rc" 0 'a lost list'
same "$(grep -c '^u ' "$lib/owned")" 4 'is made again from what only we write'
state 5 "$(list "$(user bob 60002)" "$(user carol 60003)" "$(user emil 60005)")"
once
try_not 'and good for removing' grep -q '^alice:' "$etc/passwd"

# the unit's rights are enough
for cap in chown dac_override dac_read_search fowner fsetid kill setuid setgid sys_chroot audit_write sys_resource; do caps=${caps-},+$cap; done
state 6 "$(list "$(user bob 60002 true)" "$(user carol 60003)" "$(user fred 60006)")" '{"name":"sft_ops","gid":63001,"members":["fred"]}'
rm "$lib/sshd.loaded"
if log=$(on_host setpriv --bounding-set="-all$caps" --inh-caps=-all --no-new-privs sftd --once 2>&1); then rc=0; else rc=$?; fi
same "$rc" 0 'with the capabilities of sftd.service alone'
[ "$rc" = 0 ] || printf '%s\n' "$log" | sed 's/^/# /'
same "$(on_host sudo -l -U bob 2>/dev/null | grep -c NOPASSWD)" 1 'sudo'
try 'and logins work' login fred fred 604 true

# A26 many at once
crowd=
i=0
while [ $i -lt 200 ]; do crowd=$crowd,$(user "many$i" $((61000 - 300 + i))); i=$((i + 1)); done
state 7 "$(user bob 60002)$crowd"
start=$(date +%s)
once
same "$rc" 0 "A26 200 users ($(($(date +%s) - start)) s)"
start=$(date +%s%N)
once
took=$((($(date +%s%N) - start) / 1000000))
lacks "$log" 'step=' 'all of them at once'
[ "$took" -lt 3000 ]; ok $? "looking at them again takes a moment ($took ms)"
done_testing
