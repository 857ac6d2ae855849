/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509oid.h - the object identifiers that our certificates use.
 */
#ifndef SFTCA_X509OID_H
#define SFTCA_X509OID_H

#include "core/der.h"

/* 2.5.4: attribute types of names */
static const struct der_oid oid_common_name = {3, {0x55, 0x04, 0x03}};
static const struct der_oid oid_organization = {3, {0x55, 0x04, 0x0a}};
static const struct der_oid oid_organizational_unit = {3, {0x55, 0x04, 0x0b}};

/* 2.5.29: extensions */
static const struct der_oid oid_subject_key_id = {3, {0x55, 0x1d, 0x0e}};
static const struct der_oid oid_key_usage = {3, {0x55, 0x1d, 0x0f}};
static const struct der_oid oid_alt_name = {3, {0x55, 0x1d, 0x11}};
static const struct der_oid oid_crl_number = {3, {0x55, 0x1d, 0x14}};
static const struct der_oid oid_crl_reason = {3, {0x55, 0x1d, 0x15}};
static const struct der_oid oid_basic_constraints = {3, {0x55, 0x1d, 0x13}};
static const struct der_oid oid_authority_key_id = {3, {0x55, 0x1d, 0x23}};
static const struct der_oid oid_extended_key_usage = {3, {0x55, 0x1d, 0x25}};
/* 1.3.6.1.5.5.7.3.2 */
static const struct der_oid oid_client_auth = {8, {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02}};
/* 1.3.6.1.5.5.7.3.1 */
static const struct der_oid oid_server_auth = {8, {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01}};
/* 1.2.840.113549.1.9.14 */
static const struct der_oid oid_extension_request = {
    9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e}};

/* keys and signatures */
static const struct der_oid oid_ed25519 = {3, {0x2b, 0x65, 0x70}};
static const struct der_oid oid_ec_key = {7, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01}};
static const struct der_oid oid_ecdsa_sha256 = {8,
                                                {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02}};
static const struct der_oid oid_ecdsa_sha384 = {8,
                                                {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03}};
static const struct der_oid oid_ecdsa_sha512 = {8,
                                                {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04}};
/* sha512WithRSAEncryption */
static const struct der_oid oid_rsa_sha512 = {
    9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d}};
static const struct der_oid oid_rsa_key = {9,
                                           {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01}};
static const struct der_oid oid_p256 = {8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}};
static const struct der_oid oid_p384 = {5, {0x2b, 0x81, 0x04, 0x00, 0x22}};
static const struct der_oid oid_p521 = {5, {0x2b, 0x81, 0x04, 0x00, 0x23}};

#endif
