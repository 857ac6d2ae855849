#!/bin/sh
# SPDX-License-Identifier: PostgreSQL
# a host becomes what the platform says, logins work, and a second round changes nothing
# shellcheck source=agent/t/lib.sh
. "$(dirname "$0")/lib.sh"
start_all

state 1 "$(list "$(user alice 60001 true)" "$(user bob 60002)")" '{"name":"sft_ops","gid":63001,"members":["alice"]}'
once
same "$rc" 0 'the first round enrolls and converges'
[ "$rc" = 0 ] || printf '%s\n' "$log" | sed 's/^/# /'
try_not 'the token is gone' test -e "$lib/enrollment.token"
same "$(on_host getent passwd alice)" 'alice:x:60001:60001:sft acme/alice:/home/alice:/bin/bash' 'alice has her account'
same "$(on_host getent group sft_ops)" 'sft_ops:x:63001:alice' 'and her group'
same "$(on_host stat -c '%a %U' /home/alice)" '700 alice' 'and a home of her own'
try 'with what skel has' on_host test -f /home/alice/.bashrc
has "$(cat "$etc"/sudoers.d/95-sft-*)" 'alice ALL=(ALL:ALL) NOPASSWD: ALL' 'an admin may use sudo'
try_not 'others may not' grep -q bob "$etc"/sudoers.d/95-sft-11111111-1111-4111-8111-111111111111
same "$(stat -c '%a %U' "$etc"/sudoers.d/95-sft-*)" '440 root' 'sudoers is 0440 root'
same "$(cat "$lib/principals/alice")" "alice
$(cat "$p/server.id"):alice" 'principals are the two forms'
has "$(on_host sshd -T -C user=alice,host=x,addr=192.0.2.1)" 'trustedusercakeys /var/lib/sftd/ssh_ca.pub' 'sshd trusts the authority'
same "$(stat -c %a "$lib" "$lib/device.token" "$lib/device.server" "$lib/state.json" | tr '\n' ' ')" '711 600 600 600 ' 'secrets are for root only'
has "$(tail -n1 "$p/reports")" '"state_version":1,"trust_version":1,"krl_version":1,"healthy":true' 'the report says so'

same "$(login alice alice 100 id -un 2>&1)" alice 'alice logs in by certificate, to a host that shows one'
same "$(login bob "$(cat "$p/server.id"):bob" 101 id -un 2>&1)" bob 'bob logs in by a certificate for this server only'
same "$(login alice alice 102 sudo -n id -un 2>/dev/null)" root 'sudo works'
try_not 'a certificate for another name is refused' login alice bob 103 true
try_not 'a certificate for another server is refused' login alice 55555555-5555-4555-8555-555555555555:alice 104 true

before=$(fingerprint)
once
same "$rc" 0 'a second round is fine'
lacks "$log" 'step=' 'and takes no step'
same "$(fingerprint)" "$before" 'and changes nothing'

# a revoked serial is refused at the next login, without a reload
krl_version=2; revoke 7 100
state 2 "$(list "$(user alice 60001 true)" "$(user bob 60002)")" '{"name":"sft_ops","gid":63001,"members":["alice"]}'
once
same "$rc" 0 'a new revocation list is taken'
try_not 'a revoked certificate is refused' login alice alice 100 true
try 'another one is not' login alice alice 105 true

# a suspended user keeps account and files, and loses everything else
(login alice alice 106 'sleep 300' >/dev/null 2>&1; echo "$?" >"$dir/ended") &
wait_until on_host pgrep -u 60001 sleep
state 3 "$(list "$(user alice 60001 true '[]')" "$(user bob 60002)")" '{"name":"sft_ops","gid":63001,"members":["alice"]}'
once
same "$rc" 0 'a user is suspended'
try_not "no process of hers is left" on_host pgrep -u 60001
try 'her session has ended' wait_until test -s "$dir/ended"
try_not 'she cannot log in' login alice alice 107 true
try_not 'there is no sudoers file' ls "$etc"/sudoers.d/95-sft-11111111-1111-4111-8111-111111111111
try 'bob is not touched' login bob bob 108 true
state 4 "$(list "$(user alice 60001 true)" "$(user bob 60002)")" '{"name":"sft_ops","gid":63001,"members":["alice"]}'
once
same "$(login alice alice 109 id -un 2>&1)" alice 'and comes back'

# who leaves loses the account; the home stays
state 5 "$(user bob 60002)" ''
once
same "$rc" 0 'a user leaves'
try_not 'the account is gone' on_host getent passwd alice
try_not 'and the groups' on_host getent group 60001 63001
same "$(stat -c %u "$home/alice")" 60001 'the home stays, with its number'
try_not 'there are no principals' test -e "$lib/principals/alice"
same "$(grep -c alice "$lib/owned")" 0 'the list forgets her'
state 6 "$(list "$(user alice 60001)" "$(user bob 60002)")"
once
same "$(login alice alice 110 'stat -c %U .' 2>&1)" alice 'who comes back finds the home'
done_testing
