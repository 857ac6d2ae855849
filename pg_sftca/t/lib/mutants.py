#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""mutants.py - OpenSSH certificates with one field bent, signed again so that only the reader's rules count.

  mutants.py CA-KEY CERTIFICATE.pub COUNT SEED   one certificate a line, the same ones for the same seed
"""
import base64
import random
import struct
import sys

from cryptography.hazmat.primitives import serialization


def take(data, at):
    (n,) = struct.unpack(">I", data[at:at + 4])
    return data[at + 4:at + 4 + n], at + 4 + n


def put(s):
    return struct.pack(">I", len(s)) + s


def signed(ca, body):
    return body + put(put(b"ssh-ed25519") + put(ca.sign(body)))


def bend(rng, body, lengths):
    body = bytearray(body)
    how = rng.randrange(5)
    if how == 0:  # one byte
        body[rng.randrange(len(body))] = rng.randrange(256)
    elif how == 1:  # one bit
        body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
    elif how == 2:  # a length that is one or more off
        at = rng.choice(lengths)
        (n,) = struct.unpack(">I", body[at:at + 4])
        body[at:at + 4] = struct.pack(">I", (n + rng.choice([-1, 1, 4, 256, 1 << 31])) % (1 << 32))
    elif how == 3:  # bytes lost
        at = rng.randrange(len(body))
        del body[at:at + rng.choice([1, 4, 8])]
    else:  # bytes more
        at = rng.randrange(len(body))
        body[at:at] = bytes(rng.randrange(256) for _ in range(rng.choice([1, 4, 8])))
    return bytes(body)


def main():
    ca_file, cert_file, count, seed = sys.argv[1:]
    with open(ca_file, "rb") as f:
        ca = serialization.load_ssh_private_key(f.read(), None)
    with open(cert_file) as f:
        kind, text = f.read().split()[:2]
    blob = base64.b64decode(text)
    at, ends = 0, []
    for field in "snp8" "4ss88ssss":  # name nonce key, serial type key-id principals after before critical extensions reserved ca
        if field in "snp":
            ends.append(at)
            at = take(blob, at)[1]
        else:
            at += int(field)
    rng = random.Random(int(seed))
    for _ in range(int(count)):
        print(kind, base64.b64encode(signed(ca, bend(rng, blob[:at], ends))).decode())


main()
