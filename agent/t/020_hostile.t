#!/bin/sh
# SPDX-License-Identifier: PostgreSQL
# a validly signed state beyond the local limits is refused, and nothing of the host changes
# shellcheck source=agent/t/lib.sh
. "$(dirname "$0")/lib.sh"
start_all

state 10 "$(user alice 60001)"
once
same "$rc" 0 'a good state is taken'
good=$(fingerprint)

# refused TEXT PART: the state as it is now is refused for that reason, and the host stays as it is
refused() {
	once
	same "$rc" 1 "$1: refused"
	has "$log" "$2" "$1: the reason says so"
	same "$(fingerprint)" "$good" "$1: the host is as before"
	has "$(tail -n1 "$p/reports")" 'state:refused' "$1: reported"
}
alice=$(user alice 60001)
with() { printf '%s' "$(user mallory 60009)" | sed "s|$1|$2|"; }
state 11 "$(list "$alice" "$(with '"uid":60009' '"uid":0')")"; refused 'A2 uid 0' 'uid 0 is outside'
state 11 "$(list "$alice" "$(with '"uid":60009' '"uid":999')")"; refused 'A2 uid 999' 'outside the local limits'
state 11 "$(list "$alice" "$(with '"uid":60009' '"uid":65534')")"; refused 'A2 uid of nobody' 'outside'
state 11 "$(list "$alice" "$(with '"uid":60009' '"uid":4294967295')")"; refused 'A2 uid -1' 'uid'
state 11 "$(list "$alice" "$(with '"uid":60009' '"uid":60001')")"; refused 'A2 uid twice' 'twice'
state 11 "$(list "$alice" "$(with '"gid":60009' '"gid":27')")"; refused 'A2 gid of sudo' 'gid 27 is outside'
state 11 "$alice" '{"name":"sudo","gid":27,"members":["alice"]}'; refused 'A2 group sudo' 'gid 27 is outside'
state 11 "$(list "$alice" "$(with '/bin/bash' '/bin/sh -c x')")"; refused 'A3 a shell with a space' 'shell'
state 11 "$(list "$alice" "$(with '/bin/bash' 'bash')")"; refused 'A3 a relative shell' 'shell'
for path in / /etc /root /home/../etc /home/a/b /home/ '/home/x:y' '/home/.ssh'; do
	state 11 "$(list "$alice" "$(with '/home/mallory' "$path")")"; refused "A3 home $path" 'home'
done
state 11 "$(list "$alice" "$(with '"gecos":"sft acme/mallory"' '"gecos":"sft acme/x:/root:/bin/sh"')")"; refused 'A3 gecos with a colon' 'gecos'
state 11 "$(list "$alice" "$(with '"gecos":"sft acme/mallory"' '"gecos":"sft acme/x\\\\nroot2::0:0::/:/bin/sh"')")"; refused 'A3 gecos with a newline' 'gecos'
state 11 "$(list "$alice" "$(with '"gecos":"sft acme/mallory"' '"gecos":"root"')")"; refused 'gecos that is not ours' 'gecos'
for name in root2: ../x -x '%wheel' ALL '#0' 1234 'a b' aA 'a,b' 'ro\\\\u0000ot'; do
	state 11 "$(list "$alice" "$(user mallory 60009 | sed "s|\"name\":\"mallory\"|\"name\":\"$name\"|")")"; refused "P12 name $name" ''
done
state 11 "$(list "$alice" "$alice")"; refused 'a user twice' 'twice'
state 11 "$(list "$alice" "$(user mallory 60009 false '["root"]')")"; refused 'principal of another' 'principals'
state 11 "$(list "$alice" "$(user mallory 60009 false '["mallory","55555555-5555-4555-8555-555555555555:mallory"]')")"; refused 'principal of another server' 'principals'
state 11 "$(list "$alice" "$(user mallory 60009 false '["mallory\nroot"]')")"; refused 'principal with a newline' 'principals'
must='["v1","v9"]'; state 11 "$alice"; must=; refused 'an unknown must' 'does not know'
server_id=55555555-5555-4555-8555-555555555555; state 11 "$alice"; server_id=; refused 'another server'"'"'s state' "another server's"
krl=''; state 11 "$alice"; refused 'V2 an empty revocation list' 'krl'
krl=$(head -c 600 /dev/zero | base64 -w0); state 11 "$alice"; refused 'V2 a zeroed one' 'krl'
krl=$(head -c 44 "$p/krl" | base64 -w0); state 11 "$alice"; refused 'V2 a header alone' ''
krl=$(head -c 90 "$p/krl" | base64 -w0); state 11 "$alice"; refused 'V2 a truncated one' ''
unset krl
revoke 8; state 11 "$alice"; refused 'V2 one without the canary' 'canary'
revoke 7
state 11 "$alice" '' ; sed -i 's/"version":11,/"version":11,"version":12,/' "$p/state.json"; refused 'a key twice' 'JSON'
state 11 "$alice"; printf 'x' >>"$p/state.json"; refused 'A1 bytes after the end' 'JSON'

# an older version, also after the agent has been started anew
state 9 "$(list "$alice" "$(user mallory 60009)")"
once
same "$rc" 1 'A1 an older version is refused'
has "$log" 'older than the one' 'and says so'
same "$(fingerprint)" "$good" 'and changes nothing'

# things that depend on the host: refused for one user, the others converge
on_host useradd -M -u 5000 -s /bin/bash localguy
good=$(fingerprint)
state 12 "$(list "$alice" "$(user localguy 60020 true)")"
once
same "$rc" 1 'P16 an account that is not ours is not adopted'
has "$log" 'sftd did not make' 'and says so'
same "$(fingerprint)" "$good" 'its host is as before'
try_not 'it gets no principals' test -e "$lib/principals/localguy"
state 13 "$(list "$alice" "$(user mallory 5000)")"
once
has "$log" 'another account has its uid' 'A2 a uid that is taken'
same "$(fingerprint)" "$good" 'nothing changes'
state 14 "$(list "$alice" "$(with /bin/bash /bin/zsh9)")"
once
has "$log" 'not in /etc/shells' 'A3 a shell that is not in /etc/shells'
same "$(fingerprint)" "$good" 'nothing changes'
state 15 "$alice" '{"name":"sudo","gid":63009,"members":["alice"]}'
once
has "$log" 'a group of this name exists' 'a group of the system is not adopted'
same "$(fingerprint)" "$good" 'nothing changes'
# rights that come with a package which is not here yet
on_host sh -c 'getent group wheel lxd; getent passwd postgres' | grep -q . && echo '# one of these is here'
state 16 "$(list "$alice" "$(user postgres 60021)" "$(user lxd 60022)")" '{"name":"wheel","gid":63010,"members":["alice"]}'
once
same "$rc" 1 'P16 names of the operating system are not taken'
same "$(fingerprint)" "$good" 'even when they are free'
for what in user:lxd group:wheel; do has "$log" "$what" "$what is reported"; done

# mass removal needs a word
many=$alice
for i in 1 2 3 4 5 6 7 8; do many=$many,$(user "user$i" $((60100 + i))); done
state 20 "$many"
once
same "$rc" 0 'nine users'
good=$(fingerprint)
state 21 ''
once
same "$rc" 1 'A22 an empty list of users is not obeyed'
has "$log" '9 of 9 accounts would be removed' 'and says so'
same "$(fingerprint)" "$good" 'nobody is removed'
confirmed=9; state 22 ''
once
same "$rc" 0 'with a signed word it is'
try_not 'and they are gone' grep -q '^user1:\|^alice:' "$etc/passwd"

# sudo only below the local ceiling
printf 'AllowSudo: false\n' >>"$etc/sft/sftd.yaml"
state 23 "$(user alice 60001 true)"
once
has "$log" 'sudo is not allowed' 'AllowSudo: false wins over the platform'
try_not 'no file in sudoers.d' ls "$etc"/sudoers.d/95-sft-11111111-1111-4111-8111-111111111111
done_testing
