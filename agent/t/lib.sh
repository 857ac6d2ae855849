# SPDX-License-Identifier: PostgreSQL
# lib.sh - for the system tests: a throw-away host (dev/host), a platform that a test controls, TAP.
#
# A test sources it, calls start_all, and then: state VERSION USERS [GROUPS [MORE]] · user NAME UID [ADMIN]
# [PRINCIPALS] · once (runs sftd --once in the host, sets $rc and $log) · on_host COMMAND ...
# Everything is in $dir and gone at the end.
# shellcheck shell=sh disable=SC2034

top=$(cd "$(dirname "$0")/../.." && pwd)
: "${SFTD:=$top/agent/sftd}" "${PLATFORM:=$top/agent/build/release/t/platform}"
export SFTD
n=0

[ "$(id -u)" = 0 ] || { echo '1..0 # SKIP needs root'; exit 0; }

ok() { # STATUS TEXT
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; failed=1; fi
}
# Runs a command as a test; its output is shown when it fails.
try() { # TEXT COMMAND ...
	what=$1; shift
	if out=$("$@" 2>&1); then ok 0 "$what"; else ok 1 "$what"; printf '%s\n' "$out" | tail -n 20 | sed 's/^/# /'; fi
}
try_not() { # TEXT COMMAND ...
	what=$1; shift
	if out=$("$@" 2>&1); then ok 1 "$what"; printf '%s\n' "$out" | tail -n 20 | sed 's/^/# /'; else ok 0 "$what"; fi
}
same() { # GOT WANT TEXT
	if [ "$1" = "$2" ]; then ok 0 "$3"; else ok 1 "$3"; printf '# got:  %s\n# want: %s\n' "$1" "$2"; fi
}
has() { # TEXT PART WHAT
	case $1 in *"$2"*) ok 0 "$3" ;; *) ok 1 "$3"; printf '%s\n' "$1" | tail -n 20 | sed 's/^/# got: /' ;; esac
}
lacks() { # TEXT PART WHAT
	case $1 in *"$2"*) ok 1 "$3"; printf '%s\n' "$1" | tail -n 20 | sed 's/^/# got: /' ;; *) ok 0 "$3" ;; esac
}
done_testing() { echo "1..$n"; exit "${failed:-0}"; }

on_host() { "$top/dev/host" exec "$dir/host" "$@"; }

# A user authority with its canary and a revocation list that has it; a host authority.
make_authorities() {
	ssh-keygen -q -t ed25519 -N '' -f "$p/user_ca"
	ssh-keygen -q -t ed25519 -N '' -f "$p/host_ca"
	ssh-keygen -q -t ed25519 -N '' -f "$p/canary"
	ssh-keygen -q -s "$p/user_ca" -I sft1:canary -z 7 -n canary -V 19700101000000Z:19700101000001Z "$p/canary.pub"
	rm "$p/canary"
	revoke 7
	echo "$(cut -d' ' -f1,2 "$p/host_ca.pub") 33333333-3333-4333-8333-333333333333/1 active" >"$p/host_trust"
}
# The list with these serials; the canary's has to be among them.
revoke() {
	for serial; do echo "serial: $serial"; done >"$p/spec"
	rm -f "$p/krl"
	ssh-keygen -q -k -f "$p/krl" -s "$p/user_ca.pub" -z 1 "$p/spec"
}

user() { # NAME UID [ADMIN] [PRINCIPALS]
	printf '{"user_id":"00000000-0000-4000-8000-%012d","name":"%s","uid":%s,"gid":%s,"gecos":"sft acme/%s","shell":"/bin/bash","home":"/home/%s","admin":%s,"principals":%s}' \
		"$2" "$1" "$2" "$2" "$1" "$1" "${3:-false}" "${4:-[\"$1\",\"@ID@:$1\"]}"
}
list() { (IFS=,; printf '%s' "$*"); }

state() { # VERSION USERS [GROUPS [MORE]]
	cat >"$p/state.new" <<-JSON
	{"version":$1,"must":${must:-[\"v1\"]},"server_id":"${server_id:-@ID@}","team":"acme","project":"prod",
	 "project_id":"11111111-1111-4111-8111-111111111111","issued_at":"2026-01-01T00:00:00Z",
	 "trust":{"authority_id":"22222222-2222-4222-8222-222222222222","version":1,
	  "keys":[{"generation":1,"state":"active","public_key":"$(cut -d' ' -f1,2 "$p/user_ca.pub")","canary":"$(cut -d' ' -f1,2 "$p/canary-cert.pub")"}],
	  "krl_version":${krl_version:-1},"krl":"${krl-$(base64 -w0 "$p/krl")}"},
	 "host_authority_id":"33333333-3333-4333-8333-333333333333","manage_users":${manage_users:-true},
	 "users":[$2],"groups":[${3-}],"removals_confirmed":${confirmed:-0},"end_logins":${end_logins:-[]}}
	JSON
	mv "$p/state.new" "$p/state.json"
}
mode() { printf '%s\n' "$1" >"$p/mode.new"; mv "$p/mode.new" "$p/mode"; }

token() {
	printf '{"s":"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ","u":"https://127.0.0.1:%s","i":"44444444-4444-4444-8444-444444444444","t":"acme","k":"%s"}' \
		"$(cat "$p/port")" "$(cat "$p/statement.hash")" | base64 -w0 >"$p/token"
	(umask 077; cp "$p/token" "$dir/host/fs/var/lib/sftd/enrollment.token")
}

start_platform() {
	"$PLATFORM" "$p" 2>"$p/log" &
	platform=$!
	tries=100
	# the files may be those of an earlier start
	until [ -s "$p/statement.hash" ] && [ -s "$p/port" ] && ss -Hltn "sport = :$(cat "$p/port")" | grep -q .; do
		tries=$((tries - 1)); [ $tries -gt 0 ] || { cat "$p/log"; exit 1; }
		sleep 0.05
	done
}
stop_platform() { kill "$platform" 2>/dev/null; wait "$platform" 2>/dev/null || :; platform=; }

start_all() {
	dir=$(mktemp -d) p=$dir/platform
	trap finish EXIT
	trap 'exit 1' INT TERM
	mkdir "$p"
	"$top/dev/tls" "$p" "$(id -un)"
	cp "$p/ca.pem" "$p/tls_ca.pem"; cp "$p/server.pem" "$p/tls.pem"; cp "$p/server.key" "$p/tls.key"
	mode ok
	make_authorities
	start_platform
	port=$((20000 + $$ % 20000))
	while ss -Hltn "sport = :$port" | grep -q .; do port=$((port + 1)); done
	"$top/dev/host" start "$dir/host" "$port" web01
	etc=$dir/host/fs/etc home=$dir/host/fs/home lib=$dir/host/fs/var/lib/sftd
	printf 'SSHDPort: %s\n' "$port" >"$etc/sft/sftd.yaml"
	token
}
finish() {
	[ -z "${platform-}" ] || stop_platform
	"$top/dev/host" stop "$dir/host" >/dev/null 2>&1 || :
	[ -n "${KEEP-}" ] || rm -rf "$dir"
}

once() {
	if log=$(on_host sftd --once 2>&1); then rc=0; else rc=$?; fi
}
# Waits, at most 10 seconds, until a command succeeds.
wait_until() { # COMMAND ...
	tries=100
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1)); [ "$tries" -gt 0 ] || return 1
		sleep 0.1
	done
}

# Logs in with a certificate that the user authority signs now: NAME PRINCIPAL SERIAL COMMAND ...
login() {
	who=$1 principal=$2 serial=$3; shift 3
	[ -e "$p/key" ] || ssh-keygen -q -t ed25519 -N '' -f "$p/key"
	ssh-keygen -q -s "$p/user_ca" -I "sft1:acme:prod:$who:$serial" -z "$serial" -n "$principal" -V -1m:+5m "$p/key.pub"
	echo "@cert-authority * $(cat "$p/host_ca.pub")" >"$p/known"
	ssh -F /dev/null -T -o BatchMode=yes -o IdentityAgent=none -o IdentitiesOnly=yes -o CertificateFile="$p/key-cert.pub" \
		-o UserKnownHostsFile="$p/known" -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes -o HostKeyAlias="$(cat "$p/server.id")" \
		-i "$p/key" -p "$port" "$who@127.0.0.1" "$@"
}
# A digest of all that sftd could have changed for others.
fingerprint() {
	(cd "$dir/host/fs" && find etc home -xdev ! -name '*-' -printf '%p %m %U %G %y %l\n' | LC_ALL=C sort
	find "$etc" "$home" -type f ! -name '*-' -exec sha256sum {} + | LC_ALL=C sort) | sha256sum
}
