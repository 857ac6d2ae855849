#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""jose.py - keys and tokens by a library that is not ours (jwcrypto), one JSON object a line.

For each algorithm {"alg", "jwk" (public), "private", "token", "kid"}; the payload is {"sub":"alice"}. Then well signed tokens whose
header or payload is what no library makes: {"alg": "raw", "name", "jwk", "token"}.
"""
import base64
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from jwcrypto import jwk, jws

KINDS = {
    "RS256": {"kty": "RSA", "size": 2048}, "PS256": {"kty": "RSA", "size": 2048}, "ES256": {"kty": "EC", "crv": "P-256"},
    "ES384": {"kty": "EC", "crv": "P-384"}, "EdDSA": {"kty": "OKP", "crv": "Ed25519"}, "ES512": {"kty": "EC", "crv": "P-521"},
    "RS512": {"kty": "RSA", "size": 2048}, "HS256": {"kty": "oct", "size": 256},
}
RAW = {
    "a name twice": (b'{"alg":"EdDSA","alg":"EdDSA"}', b"{}"), "a name twice, written otherwise": (b'{"alg":"none","\\u0061lg":"EdDSA"}', b"{}"),
    "a name twice, deeper": (b'{"alg":"EdDSA","x":[{"a":1,"a":2}]}', b"{}"), "critical": (b'{"alg":"EdDSA","crit":["exp"],"exp":1}', b"{}"),
    "crit without a name": (b'{"alg":"EdDSA","crit":[]}', b"{}"), "unencoded payload": (b'{"alg":"EdDSA","b64":false,"crit":["b64"]}', b"{}"),
    "b64 that is true": (b'{"alg":"EdDSA","b64":true}', b"{}"), "a kid that is a number": (b'{"alg":"EdDSA","kid":1}', b"{}"),
    "an alg that is a list": (b'{"alg":["EdDSA"]}', b"{}"), "no alg": (b'{"typ":"JWT"}', b"{}"), "another case": (b'{"alg":"eddsa"}', b"{}"), "none": (b'{"alg":"none"}', b"{}"),
    "HMAC": (b'{"alg":"HS256"}', b"{}"), "no object": (b'["alg"]', b"{}"), "no JSON": (b"{alg:EdDSA}", b"{}"), "two objects": (b'{"alg":"EdDSA"}{}', b"{}"),
    "NUL": (b'{"alg":"EdDSA","x":"\\u0000"}', b"{}"), "half a surrogate": (b'{"alg":"EdDSA","x":"\\ud800"}', b"{}"), "no UTF-8": (b'{"alg":"EdDSA","x":"\xff"}', b"{}"),
    "a byte order mark": (b'\xef\xbb\xbf{"alg":"EdDSA"}', b"{}"), "deep": (b'{"alg":"EdDSA","x":' + b"[" * 17 + b"]" * 17 + b"}", b"{}"),
    "very deep": (b'{"alg":"EdDSA","x":' + b"[" * 20000, b"{}"), "a huge number": (b'{"alg":"EdDSA","x":1e400000}', b"{}"), "a long number": (b'{"alg":"EdDSA","x":' + b"1" * 33 + b"}", b"{}"),
    "a header of 70000 bytes": (b'{"alg":"EdDSA","x":"' + b"x" * 70000 + b'"}', b"{}"),
    "fine: white space": (b' {\r\n\t"alg" : "EdDSA" } ', b"{}"), "fine: unknown fields": (b'{"alg":"EdDSA","jwk":{"kty":"oct"},"x5u":"http://evil","typ":"JWT","n":-1.5e3}', b'{"a":"\xc3\xa9"}'),
    "fine: payload of bytes": (b'{"alg":"EdDSA"}', b"\x00\xff"), "fine: empty payload": (b'{"alg":"EdDSA"}', b""), "fine: claims twice": (b'{"alg":"EdDSA"}', b'{"sub":"a","sub":"b"}'),
}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(key, header):
    made = jws.JWS(b'{"sub":"alice"}')
    made.allowed_algs = list(KINDS)
    made.add_signature(key, None, json.dumps(header), None)
    return made.serialize(compact=True)


def main():
    for name, kind in KINDS.items():
        key = jwk.JWK.generate(**kind)
        private = json.loads(key.export())
        print(json.dumps({
            "alg": name, "private": private, "jwk": private if kind["kty"] == "oct" else json.loads(key.export_public()),
            "token": signed(key, {"alg": name}), "kid": signed(key, {"alg": name, "kid": "one"}),
        }))
    weak = rsa.generate_private_key(65537, 1024)
    text = b64(b'{"alg":"RS256"}') + "." + b64(b"{}")
    print(json.dumps({"alg": "weak", "jwk": json.loads(jwk.JWK.from_pyca(weak.public_key()).export_public()),
                      "token": text + "." + b64(weak.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}))
    key = ed25519.Ed25519PrivateKey.generate()
    public = json.loads(jwk.JWK.from_pyca(key.public_key()).export_public())
    for name, (header, payload) in RAW.items():
        text = b64(header) + "." + b64(payload)
        print(json.dumps({"alg": "raw", "name": name, "jwk": public, "token": text + "." + b64(key.sign(text.encode()))}))


main()
