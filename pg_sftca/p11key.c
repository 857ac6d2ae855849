/* SPDX-License-Identifier: PostgreSQL */
/*
 * p11key.c - keys in a PKCS#11 token.
 */
#include "postgres.h"

#include <openssl/evp.h>

#include "common/ecdsa_sig.h"
#include "common_text.h"
#include "core/oaep.h"
#include "p11.h"
#include "p11key.h"

#define NUMBER_MAX 1024 /* bytes of an RSA modulus, or of a point */

struct p11key {
    struct p11_session session;
    CK_OBJECT_HANDLE private;
    enum key_alg alg;
};

static char reason[P11_REASON_MAX];

/* What PKCS#11 calls a curve, and SSH. */
static const struct curve {
    enum key_alg alg;
    const char *type, *name;
    CK_ULONG oid_len;
    uint8_t oid[10];
} curves[] = {
    {KEY_ECDSA_P256,
     "ecdsa-sha2-nistp256",
     "nistp256",
     10,
     {6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}},
    {KEY_ECDSA_P384, "ecdsa-sha2-nistp384", "nistp384", 7, {6, 5, 0x2b, 0x81, 4, 0, 0x22}},
    {KEY_ECDSA_P521, "ecdsa-sha2-nistp521", "nistp521", 7, {6, 5, 0x2b, 0x81, 4, 0, 0x23}},
};

const char *
p11key_reason(void)
{
    return reason;
}

static int
check(CK_RV rv, const char *call)
{
    return p11_good(rv, call, reason) ? SFT_OK : SFT_ETOKEN;
}

/* ---- signing ---- */

static int
sign_ecdsa(struct p11key *t, const void *msg, size_t len, uint8_t *sig, size_t *sig_lenp)
{
    CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0};
    uint8_t hash[EVP_MAX_MD_SIZE], pair[2 * ECDSA_NUMBER_MAX];
    unsigned hash_len = 0;
    CK_ULONG n = sizeof pair;
    const EVP_MD *md = t->alg == KEY_ECDSA_P256   ? EVP_sha256()
                       : t->alg == KEY_ECDSA_P384 ? EVP_sha384()
                                                  : EVP_sha512();

    if (EVP_Digest(msg, len, hash, &hash_len, md, NULL) != 1)
        return SFT_ECRYPTO;
    int r = check(t->session.f->C_SignInit(t->session.handle, &ecdsa, t->private), "C_SignInit");
    if (r == SFT_OK)
        r = check(t->session.f->C_Sign(t->session.handle, hash, hash_len, pair, &n), "C_Sign");
    if (r != SFT_OK)
        return r;
    return ecdsa_sig_to_der(pair, n / 2, pair + n / 2, n / 2, sig, sig_lenp);
}

static int
sign_rsa(struct p11key *t, const void *msg, size_t len, uint8_t *sig, size_t *sig_lenp)
{
    /* DigestInfo of SHA-512 up to the hash (RFC 8017 9.2) */
    uint8_t info[19 + 64] = {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                             0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40};
    CK_MECHANISM pkcs1 = {CKM_RSA_PKCS, NULL, 0};
    CK_ULONG n = KEY_SIG_MAX;

    if (EVP_Digest(msg, len, info + 19, NULL, EVP_sha512(), NULL) != 1)
        return SFT_ECRYPTO;
    int r = check(t->session.f->C_SignInit(t->session.handle, &pkcs1, t->private), "C_SignInit");
    if (r == SFT_OK)
        r = check(t->session.f->C_Sign(t->session.handle, info, sizeof info, sig, &n), "C_Sign");
    *sig_lenp = r == SFT_OK ? n : 0;
    return r;
}

static int
sign(void *it, const void *msg, size_t len, uint8_t sig[KEY_SIG_MAX], size_t *sig_lenp)
{
    struct p11key *t = it;
    return t->alg == KEY_RSA ? sign_rsa(t, msg, len, sig, sig_lenp)
                             : sign_ecdsa(t, msg, len, sig, sig_lenp);
}

static void
close_key(void *it)
{
    struct p11key *t = it;
    p11_close(&t->session);
    free(t);
}

/* ---- the public half ---- */

static int
attribute(const struct p11_session *s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *out,
          CK_ULONG cap, CK_ULONG *lenp)
{
    CK_ATTRIBUTE one = {type, out, cap};
    int r = check(s->f->C_GetAttributeValue(s->handle, object, &one, 1), "C_GetAttributeValue");
    *lenp = r == SFT_OK ? one.ulValueLen : 0;
    return r;
}

static int
write_rsa(const struct p11_session *s, CK_OBJECT_HANDLE object, struct sbuf *blob)
{
    uint8_t n[NUMBER_MAX], e[16];
    CK_ULONG n_len, e_len;
    int r = attribute(s, object, CKA_MODULUS, n, sizeof n, &n_len);
    if (r == SFT_OK)
        r = attribute(s, object, CKA_PUBLIC_EXPONENT, e, sizeof e, &e_len);
    if (r != SFT_OK)
        return r;
    sb_cstr(blob, "ssh-rsa");
    sb_mpint(blob, e, e_len);
    sb_mpint(blob, n, n_len);
    return sb_err(blob);
}

static int
write_ec(const struct p11_session *s, CK_OBJECT_HANDLE object, struct sbuf *blob,
         enum key_alg *algp)
{
    uint8_t oid[64], point[NUMBER_MAX];
    CK_ULONG oid_len, len, skip;
    int r = attribute(s, object, CKA_EC_PARAMS, oid, sizeof oid, &oid_len);
    if (r == SFT_OK)
        r = attribute(s, object, CKA_EC_POINT, point, sizeof point, &len);
    if (r != SFT_OK)
        return r;
    /* a DER octet string around the point; one byte of length up to P-384, two for P-521 */
    skip = len > 2 && point[0] == 4 && point[1] == len - 2                       ? 2
           : len > 3 && point[0] == 4 && point[1] == 0x81 && point[2] == len - 3 ? 3
                                                                                 : 0;
    for (size_t i = 0; i < lengthof(curves); i++) {
        if (curves[i].oid_len != oid_len || memcmp(curves[i].oid, oid, oid_len) != 0)
            continue;
        *algp = curves[i].alg;
        sb_cstr(blob, curves[i].type);
        sb_cstr(blob, curves[i].name);
        sb_blob(blob, point + skip, len - skip);
        return sb_err(blob);
    }
    return SFT_EKEYTYPE;
}

static int
read_public(const struct p11_session *s, CK_OBJECT_HANDLE object, struct sshkey *public,
            enum key_alg *algp)
{
    uint8_t bytes[SSHKEY_BLOB_MAX];
    struct sbuf blob;
    CK_ULONG type = 0, n;

    sb_writer(&blob, bytes, sizeof bytes);
    int r = attribute(s, object, CKA_KEY_TYPE, &type, sizeof type, &n);
    if (r != SFT_OK)
        return r;
    *algp = KEY_RSA;
    r = type == CKK_RSA  ? write_rsa(s, object, &blob)
        : type == CKK_EC ? write_ec(s, object, &blob, algp)
                         : SFT_EKEYTYPE;
    return r == SFT_OK ? sshkey_from_blob(public, blob.p, blob.len) : r;
}

/* ---- opening ---- */

/* A key that the token would hand out is not one that never leaves it. */
static int
check_kept(const struct p11_session *s, CK_OBJECT_HANDLE private)
{
    CK_BBOOL sensitive = CK_FALSE, extractable = CK_TRUE;
    CK_ULONG n;
    int r = attribute(s, private, CKA_SENSITIVE, &sensitive, sizeof sensitive, &n);
    if (r == SFT_OK)
        r = attribute(s, private, CKA_EXTRACTABLE, &extractable, sizeof extractable, &n);
    if (r != SFT_OK)
        return r;
    return sensitive && !extractable ? SFT_OK : SFT_EMODE;
}

static int
parse(struct p11uri *out, const char *uri)
{
    int r = p11uri_parse(out, uri);
    if (r != SFT_OK)
        snprintf(reason, sizeof reason, "the PKCS#11 URI is malformed");
    return r;
}

/* The public object has the private one's id, or else its label. */
static int
find_pair(const struct p11_session *s, const struct p11uri *uri, CK_OBJECT_HANDLE *privatep,
          CK_OBJECT_HANDLE *publicp)
{
    struct p11uri same = {0};
    CK_ULONG n;
    if (!p11_find(s, CKO_PRIVATE_KEY, uri, privatep, reason))
        return SFT_ETOKEN;
    int r = attribute(s, *privatep, CKA_ID, same.id, sizeof same.id, &n);
    if (r != SFT_OK)
        return r;
    same.id_len = n;
    if (n == 0)
        same = *uri;
    return p11_find(s, CKO_PUBLIC_KEY, &same, publicp, reason) ? SFT_OK : SFT_ETOKEN;
}

/* Takes over the session, also when it fails. */
static int
make_key(const struct p11_session *s, CK_OBJECT_HANDLE private, CK_OBJECT_HANDLE public_object,
         struct key **keyp)
{
    struct sshkey public;
    struct p11key *t = malloc(sizeof *t);
    if (t == NULL) {
        p11_close(&(struct p11_session){s->f, s->handle});
        return SFT_ENOMEM;
    }
    *t = (struct p11key){.session = *s, .private = private};
    int r = check_kept(s, private);
    if (r == SFT_OK)
        r = read_public(s, public_object, &public, &t->alg);
    if (r != SFT_OK) {
        close_key(t);
        return r;
    }
    struct key_signer signer = {sign, close_key, t};
    return key_from_signer(t->alg, &public, &signer, keyp);
}

int
p11key_open(const char *uri, struct key **keyp)
{
    struct p11uri want;
    struct p11_session s;
    CK_OBJECT_HANDLE private, public;
    *keyp = NULL;
    int r = parse(&want, uri);
    if (r != SFT_OK)
        return r;
    if (!p11_open(&s, &want, false, reason))
        return SFT_ETOKEN;
    r = find_pair(&s, &want, &private, &public);
    if (r == SFT_OK)
        return make_key(&s, private, public, keyp);
    p11_close(&s);
    return r;
}

/* ---- making ---- */

static CK_RV
generate_pair(const struct p11_session *s, const struct p11uri *uri, enum key_alg alg,
              unsigned bits, CK_OBJECT_HANDLE *publicp, CK_OBJECT_HANDLE *privatep)
{
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ULONG modulus_bits = bits;
    uint8_t e[] = {1, 0, 1};
    CK_ATTRIBUTE public[] = {{CKA_TOKEN, &yes, sizeof yes},
                             {CKA_VERIFY, &yes, sizeof yes},
                             {CKA_LABEL, (void *)uri->object, strlen(uri->object)},
                             {CKA_ID, (void *)uri->id, uri->id_len},
                             {CKA_MODULUS_BITS, &modulus_bits, sizeof modulus_bits},
                             {CKA_PUBLIC_EXPONENT, e, sizeof e}};
    CK_ATTRIBUTE private[] = {{CKA_TOKEN, &yes, sizeof yes},
                              {CKA_PRIVATE, &yes, sizeof yes},
                              {CKA_SENSITIVE, &yes, sizeof yes},
                              {CKA_EXTRACTABLE, &no, sizeof no},
                              {CKA_SIGN, &yes, sizeof yes},
                              {CKA_DECRYPT, &no, sizeof no},
                              {CKA_LABEL, (void *)uri->object, strlen(uri->object)},
                              {CKA_ID, (void *)uri->id, uri->id_len}};
    CK_MECHANISM how = {alg == KEY_RSA ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ULONG public_n = lengthof(public);

    for (size_t i = 0; i < lengthof(curves); i++)
        if (curves[i].alg == alg) {
            public[4] = (CK_ATTRIBUTE){CKA_EC_PARAMS, (void *)curves[i].oid, curves[i].oid_len};
            public_n = 5;
        }
    return s->f->C_GenerateKeyPair(s->handle, &how, public, public_n, private, lengthof(private),
                                   publicp, privatep);
}

/* Its label alone may not name the pair again; its id does. */
static int
give_id(struct p11uri *uri)
{
    if (uri->id_len > 0)
        return SFT_OK;
    uri->id_len = 16;
    return pg_strong_random(uri->id, uri->id_len) ? SFT_OK : SFT_ECRYPTO;
}

int
p11key_generate(const char *uri, enum key_alg alg, unsigned bits, struct key **keyp)
{
    struct p11uri want;
    struct p11_session s;
    CK_OBJECT_HANDLE private = 0, public = 0;
    *keyp = NULL;
    int r = parse(&want, uri);
    if (r != SFT_OK)
        return r;
    if (alg == KEY_ED25519)
        return SFT_EKEYTYPE;
    if (!p11_open(&s, &want, true, reason))
        return SFT_ETOKEN;
    int there = p11_count(&s, CKO_PRIVATE_KEY, &want, &private, reason);
    r = there < 0 ? SFT_ETOKEN : there > 0 ? SFT_EREFUSED : give_id(&want);
    if (r == SFT_OK)
        r = check(generate_pair(&s, &want, alg, bits, &public, &private), "C_GenerateKeyPair");
    if (r == SFT_OK)
        return make_key(&s, private, public, keyp);
    p11_close(&s);
    return r;
}

/* ---- decrypting ---- */

static CK_RV
decrypt_by(const struct p11_session *s, CK_MECHANISM *how, CK_OBJECT_HANDLE private,
           const uint8_t *in, size_t in_len, uint8_t *out, CK_ULONG *np)
{
    CK_RV rv = s->f->C_DecryptInit(s->handle, how, private);
    return rv != CKR_OK ? rv
                        : s->f->C_Decrypt(s->handle, (uint8_t *)(uintptr_t)in, in_len, out, np);
}

/* By the token's own OAEP; where that knows only SHA-1, by plain RSA and our own. */
static int
decrypt(const struct p11_session *s, CK_OBJECT_HANDLE private, const uint8_t *in, size_t in_len,
        uint8_t padded[OAEP_MAX], uint8_t *out, size_t cap, size_t *lenp)
{
    CK_RSA_PKCS_OAEP_PARAMS sha256 = {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0};
    CK_MECHANISM oaep = {CKM_RSA_PKCS_OAEP, &sha256, sizeof sha256};
    CK_MECHANISM plain = {CKM_RSA_X_509, NULL, 0};
    CK_ULONG n = OAEP_MAX;
    CK_RV rv = decrypt_by(s, &oaep, private, in, in_len, padded, &n);
    if (rv == CKR_OK) {
        if (n > cap)
            return SFT_ENOSPACE;
        memcpy(out, padded, n);
        *lenp = n;
        return SFT_OK;
    }
    if (rv != CKR_ARGUMENTS_BAD && rv != CKR_MECHANISM_INVALID && rv != CKR_MECHANISM_PARAM_INVALID)
        return check(rv, "C_Decrypt");
    n = OAEP_MAX;
    int r = check(decrypt_by(s, &plain, private, in, in_len, padded, &n), "C_Decrypt");
    return r == SFT_OK ? oaep_open(padded, n, out, cap, lenp) : r;
}

int
p11key_decrypt(const char *uri, const uint8_t *in, size_t in_len, uint8_t *out, size_t cap,
               size_t *lenp)
{
    struct p11uri want;
    struct p11_session s;
    CK_OBJECT_HANDLE private;
    uint8_t padded[OAEP_MAX];
    *lenp = 0;
    int r = parse(&want, uri);
    if (r != SFT_OK)
        return r;
    if (!p11_open(&s, &want, false, reason))
        return SFT_ETOKEN;
    r = p11_find(&s, CKO_PRIVATE_KEY, &want, &private, reason) ? check_kept(&s, private)
                                                               : SFT_ETOKEN;
    if (r == SFT_OK)
        r = decrypt(&s, private, in, in_len, padded, out, cap, lenp);
    mem_wipe(padded, sizeof padded);
    p11_close(&s);
    return r;
}
