/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509part.h - the pieces of ASN.1 that X.509 certificates and revocation lists have in common.
 */
#ifndef SFTCA_X509PART_H
#define SFTCA_X509PART_H

#include "common/key.h"
#include "common/sbuf.h"
#include "core/der.h"
#include "core/x509write.h"

/* AlgorithmIdentifier of the signatures that keys of this type make; as in key_sign(). */
void x509part_signature_algorithm(struct sbuf *out, enum sshkey_type type);
enum sshkey_type x509part_type(enum key_alg alg);

void x509part_attribute(struct sbuf *out, const struct der_oid *type, const char *value);
/* Name of an authority: its organization is always "sft". */
void x509part_authority_name(struct sbuf *out, const char *common_name);
/* The same, unless the authority brought another name. */
struct x509_name;
void x509part_issuer(struct sbuf *out, const char *common_name, const struct x509_name *brought);

/* Opens Extension up to the content of its octet string; close with the two marks. */
struct x509part_extension {
    size_t whole, value;
};
struct x509part_extension x509part_extension_open(struct sbuf *out, const struct der_oid *oid,
                                                  int critical);
void x509part_extension_close(struct sbuf *out, struct x509part_extension e);

/* The extension with this identifier, or with the one of key when id is NULL. */
void x509part_authority_key_id(struct sbuf *out, const struct sshkey *key,
                               const struct x509_key_id *id);

#endif
