#!/bin/sh
# SPDX-License-Identifier: PostgreSQL
# whatever the network answers, the host keeps its last good state; nothing is believed that is not signed for us
# shellcheck source=agent/t/lib.sh
. "$(dirname "$0")/lib.sh"
start_all

# enrollment believes the key that the token names, and no other
state 1 "$(user alice 60001)"
mode forge
once
same "$rc" 1 'an instance signed by another key is refused'
try 'the token is kept' test -e "$lib/enrollment.token"
try_not 'nobody was asked to enroll' grep -q enroll "$p/requests"
mode ok
printf '%s' "$(base64 -d "$p/token" | sed 's/"s":"abc/"s":"xyz/' | base64 -w0)" >"$lib/enrollment.token"
once
has "$log" 'token_invalid' 'a token with a wrong secret is refused by the platform'
chmod 0644 "$lib/enrollment.token"
once
has "$log" 'wrong owner' 'T a token that others can read is refused'
chmod 0600 "$lib/enrollment.token"
token
once
same "$rc" 0 'the good one enrolls'
id=$(cat "$p/server.id")
good=$(fingerprint)

state 2 "$(list "$(user alice 60001)" "$(user mallory 60009 true)")"
for how in forge unbound older altered unavailable html redirect cut removed; do
	mode $how
	once
	same "$rc" 1 "A21 $how: not taken"
	same "$(fingerprint)" "$good" "A21 $how: the host is as before"
done
mode ok
stop_platform
once
same "$rc" 1 'A21 nobody there: an error'
same "$(fingerprint)" "$good" 'A21 nobody there: the host is as before'
try 'logins go on' login alice alice 200 true
start_platform
once
same "$rc" 0 'when it is back, the host catches up'
try 'with the new user' on_host getent passwd mallory
same "$(cat "$p/server.id")" "$id" 'as the same server'

# a new TLS authority is learnt from what the pinned key signs
stop_platform
rm -f "$p/server.pem"
"$top/dev/tls" "$p" "$(id -un)"
cp "$p/ca.pem" "$p/tls_ca.pem"; cp "$p/server.pem" "$p/tls.pem"; cp -f "$p/server.key" "$p/tls.key"
start_platform
state 3 "$(user alice 60001)"
once
same "$rc" 0 'a new TLS authority is learnt by the pinned key'

# a host certificate for another key is not used
ssh-keygen -q -t ed25519 -N '' -f "$p/strange"
rm "$lib"/ssh_host_ed25519_key-cert.pub
mode strangekey
once
has "$log" 'get host certificate' 'a host certificate for another key is refused'
try_not 'and not written' test -e "$lib/ssh_host_ed25519_key-cert.pub"
mode oldtrust
once
has "$log" 'older than those seen' 'older keys of the host authority are refused, too'
try_not 'and nothing is written' test -e "$lib/ssh_host_ed25519_key-cert.pub"
mode ok
once
same "$rc" 0 'the right one is taken'

# a server that was removed enrolls anew, by a new token, as another server; accounts stay
mode removed
once
same "$rc" 1 'a removed server is told so'
has "$log" 'server_authorization_revoked' 'and says so'
same "$(cat "$p/server.id")" "$id" 'it is the same without a token'
for bad in "$(base64 -d "$p/token" | sed 's/"s":"abc/"s":"xyz/' | base64 -w0)" garbage; do
	printf '%s' "$bad" >"$lib/enrollment.token"; chmod 0600 "$lib/enrollment.token"
	mode removed
	once
	same "$rc" 1 'A21 nobody has signed that it was removed: with a token that does not work'
	mode ok
	once
	same "$rc" 0 'it goes on as it was'
	same "$(sed -n 's/.*"server_id": *"\([^"]*\)".*/\1/p' "$lib/device.server")" "$id" 'under its id'
done
mode removed
token
once
try_not 'with one it is another' test "$(cat "$p/server.id")" = "$id"
mode ok
once
same "$rc" 0 'and goes on'
try 'with the accounts it had' on_host getent passwd alice
has "$(cat "$lib/principals/alice")" "$(cat "$p/server.id"):alice" 'its new id in principals'

# files that were damaged while nobody looked
rm "$lib/sft.krl"; : >"$lib/ssh_ca.pub"; rm "$lib/principals/alice"
on_host usermod -s /bin/sh alice
once
same "$rc" 0 'damage is repaired'
try 'and logins work' login alice alice 201 true
rm "$lib/sft.krl"; mkdir "$lib/sft.krl"; : >"$lib/ssh_ca.pub"
once
same "$rc" 1 'a revocation list that cannot be written is reported'
same "$(wc -c <"$lib/ssh_ca.pub")" 0 'V2 and no key is trusted without it'
rmdir "$lib/sft.krl"
once
same "$rc" 0 'until it can'
head -c 300 /dev/zero >"$lib/sft.krl"
once
try_not 'V2 a zeroed revocation list on disk is replaced' login alice alice 7 true
chmod 0644 "$lib/device.token"
once
same "$rc" 1 'A25 a key that others can read is refused'
chmod 0600 "$lib/device.token"
printf 'u root 0\n' >"$lib/owned"
once
same "$rc" 1 'A20 a damaged list of accounts stops it'
done_testing
