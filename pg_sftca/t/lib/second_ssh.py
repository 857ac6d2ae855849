#!/usr/bin/python3
# SPDX-License-Identifier: PostgreSQL
# second_ssh.py - a second implementation of SSH (asyncssh) as verifier of OpenSSH certificates, for tests.
#
#   second_ssh.py server PORT HOST-KEY AUTHORIZED-KEYS   serves "inside COMMAND" to whom the file lets in, on 127.0.0.1
#   second_ssh.py read FILE                              one line of JSON for each certificate: what is in it; the signature is checked
#   second_ssh.py client KNOWN-HOSTS NAME PORT KEY CERTIFICATE COMMAND     a login to who has this name, at 127.0.0.1
import asyncio
import base64
import json
import sys
import warnings

warnings.filterwarnings('ignore')
import asyncssh  # noqa: E402
from asyncssh.public_key import decode_ssh_certificate  # noqa: E402


async def answer(process):
    process.stdout.write('inside %s\n' % (process.command or ''))
    process.exit(0)


async def server(port, host_key, authorized_keys):
    await asyncssh.listen('127.0.0.1', int(port), server_host_keys=[host_key], authorized_client_keys=authorized_keys,
                          process_factory=answer, password_auth=False, kbdint_auth=False)
    await asyncio.Event().wait()


def strings(values):
    return [v.decode() if isinstance(v, bytes) else v for v in values]


def read(file):
    for line in open(file):
        blob = base64.b64decode(line.split()[1])
        cert = decode_ssh_certificate(blob)          # checks the signature
        options = {k: str(v) for k, v in cert.options.items()}
        print(json.dumps({'serial': str(cert._serial), 'kind': 'ssh_user' if cert._cert_type == 1 else 'ssh_host',
                          'key_id': cert._key_id, 'principals': strings(cert.principals), 'valid_after': cert._valid_after,
                          'valid_before': cert._valid_before, 'options': sorted(options),
                          'fingerprint': cert.key.get_fingerprint(), 'authority': cert.signing_key.get_fingerprint()}))


async def client(known_hosts, name, port, key, certificate, command):
    async with asyncssh.connect('127.0.0.1', int(port), config=None, known_hosts=known_hosts, username='root',
                                host_key_alias=name, agent_path=None, client_keys=[(key, certificate)]) as conn:
        print((await conn.run(command, check=True)).stdout, end='')


def main():
    mode, *args = sys.argv[1:]
    if mode == 'read':
        return read(*args)
    try:
        asyncio.run({'server': server, 'client': client}[mode](*args))
    except (asyncssh.Error, OSError) as e:
        print('%s: %s' % (type(e).__name__, e))
        sys.exit(255)
    return None


main()
