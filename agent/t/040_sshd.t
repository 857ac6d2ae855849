#!/bin/sh
# SPDX-License-Identifier: PostgreSQL
# sshd's configuration: ours is in force or not there; an administrator's is never broken or hidden
# shellcheck source=agent/t/lib.sh disable=SC2016,SC2317 # awk programs; functions that try calls
. "$(dirname "$0")/lib.sh"
start_all
config=$etc/ssh/sshd_config dropin=$etc/ssh/sshd_config.d/50-sftd.conf
effective() { on_host sshd -T -C user=alice,host=x,addr=192.0.2.1 2>&1; }
pid() { on_host cat /run/sshd.pid; }
state 1 "$(user alice 60001)"
pid_before=$(pid)

# somebody's configuration is broken
cp "$config" "$dir/config"
echo 'NoSuchOption yes' >>"$config"
once
same "$rc" 1 'A13 a broken sshd_config is reported'
has "$log" 'sshd' 'as such'
try_not 'nothing was added to it' test -e "$dropin"
cp "$dir/config" "$config"

# somebody's CA is in force
echo 'TrustedUserCAKeys /etc/ssh/their_ca.pub' >"$etc/ssh/sshd_config.d/20-theirs.conf"
once
same "$rc" 1 'A13 another CA is not hidden'
has "$log" 'TrustedUserCAKeys of somebody' 'but reported'
try_not 'nothing was written' test -e "$dropin"
has "$(effective)" 'trustedusercakeys /etc/ssh/their_ca.pub' 'theirs is in force'
rm "$etc/ssh/sshd_config.d/20-theirs.conf"

# sshd_config includes nothing
sed '/^Include/d' "$dir/config" >"$config"
printf 'Port %s\nListenAddress 127.0.0.1\n' "$port" >>"$config"
once
same "$rc" 0 'A13 an sshd_config without Include gets a marked one'
has "$(head -n1 "$config")" 'sftd' 'marked'
try 'logins work' login alice alice 300 true
same "$(pid)" "$pid_before" 'sshd was reloaded, not started anew'
once
lacks "$log" 'step=' 'and once is enough'
try 'sftd --uninstall' on_host sftd --uninstall
same "$(cat "$config")" "$(sed '/^Include/d' "$dir/config"; printf 'Port %s\nListenAddress 127.0.0.1' "$port")" 'takes the line back'
has "$(effective)" 'trustedusercakeys none' 'and sshd trusts nobody'
try_not 'at once' login alice alice 301 true
cp "$dir/config" "$config"

once
same "$rc" 0 'and on again'
try 'logins work' login alice alice 302 true

# what is hidden for one user is reported
printf 'Match User alice\n  AuthorizedPrincipalsFile none\n' >>"$config"
once
same "$rc" 1 'A13 a Match block that hides our setting'
has "$log" 'sshd:user=alice' 'is reported for its user'
cp "$dir/config" "$config"
once
same "$rc" 0 'until it is gone'

# a drop-in that was changed, and one whose reload never came
echo '# hello' >>"$dropin"
once
lacks "$(cat "$dropin")" hello 'a changed drop-in is put right'
has "$log" 'configure sshd' 'by a step'
rm "$lib/sshd.loaded"
once
has "$log" 'configure sshd' 'a reload that nobody noted is done again'
same "$(pid)" "$pid_before" 'all in one sshd'

# a setting that comes before ours
echo 'PubkeyAuthentication no' >"$etc/ssh/sshd_config.d/10-first.conf"
once
same "$rc" 1 'a setting before ours'
has "$log" 'hides ours' 'is reported'
rm "$etc/ssh/sshd_config.d/10-first.conf"
# the same at the first time: rolled back
on_host sftd --uninstall
echo 'PubkeyAuthentication no' >"$etc/ssh/sshd_config.d/10-first.conf"
once
same "$rc" 1 'when ours would have no effect'
try_not 'the drop-in is rolled back' test -e "$dropin"
same "$(cat "$config")" "$(cat "$dir/config")" 'and sshd_config is as before'
rm "$etc/ssh/sshd_config.d/10-first.conf"
once
same "$rc" 0 'and comes when it has'

# a host key that is added gets a certificate, too
on_host ssh-keygen -q -t ecdsa -N '' -f /etc/ssh/ssh_host_ecdsa_key
once
same "$rc" 0 'a new host key'
try 'gets a certificate' test -s "$lib/ssh_host_ecdsa_key-cert.pub"
has "$(on_host sshd -T)" 'hostcertificate /var/lib/sftd/ssh_host_ecdsa_key-cert.pub' 'that sshd shows'

# no sshd at all
on_host sh -c 'kill $(cat /run/sshd.pid); rm -f /run/sshd.pid'
state 2 "$(list "$(user alice 60001)" "$(user bob 60002)")"
echo 'AltNames: [other]' >>"$etc/sft/sftd.yaml"
rm "$lib/sshd.loaded"
once
same "$rc" 0 'A16 an sshd that does not run is no failure'
try 'the rest is done' on_host getent passwd bob
done_testing
