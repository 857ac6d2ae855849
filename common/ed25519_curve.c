/* SPDX-License-Identifier: PostgreSQL */
/*
 * ed25519_curve.c - whether a number is the y of a point of Ed25519 (RFC 8032 5.1.3, steps 2 and
 * 3).
 *
 * x^2 = (y^2 - 1) / (d y^2 + 1) must be a square modulo p = 2^255 - 19; it is one just if the
 * product t of the two is, and that says t^((p - 1) / 2) = 1. Every key that comes in is asked, so
 * where the compiler has 128-bit integers the field is done here, in a quarter of the library's
 * time. Nothing in it is secret.
 */
#include <string.h>

#include <openssl/bn.h>

#include "common/sshkey_check.h"

#ifdef __SIZEOF_INT128__

__extension__ typedef unsigned __int128 u128;

#define MASK ((UINT64_C(1) << 51) - 1)

/* A number modulo p in five limbs of 51 bits; limbs may grow to 54 bits between operations. */
typedef uint64_t fe[5];

static uint64_t
load_le(const uint8_t *p)
{
    uint64_t v = 0;
    for (size_t i = 0; i < 8; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static void
fe_load(fe out, const uint8_t b[32])
{
    out[0] = load_le(b) & MASK;
    out[1] = load_le(b + 6) >> 3 & MASK;
    out[2] = load_le(b + 12) >> 6 & MASK;
    out[3] = load_le(b + 19) >> 1 & MASK;
    out[4] = load_le(b + 24) >> 12 & MASK; /* the sign bit falls away */
}

/* Limbs of products are below 2^115; two carries leave them below 2^52. */
static void
fe_carry(fe out, u128 c[5])
{
    for (size_t i = 0; i < 4; i++) {
        c[i + 1] += c[i] >> 51;
        out[i] = (uint64_t)c[i] & MASK;
    }
    out[4] = (uint64_t)c[4] & MASK;
    u128 low = (c[4] >> 51) * 19 + out[0]; /* 2^255 = 19 */
    out[0] = (uint64_t)low & MASK;
    out[1] += (uint64_t)(low >> 51);
}

static void
fe_mul(fe out, const fe a, const fe b)
{
    uint64_t b1 = b[1] * 19, b2 = b[2] * 19, b3 = b[3] * 19, b4 = b[4] * 19;
    u128 c[5];
    c[0] =
        (u128)a[0] * b[0] + (u128)a[1] * b4 + (u128)a[2] * b3 + (u128)a[3] * b2 + (u128)a[4] * b1;
    c[1] =
        (u128)a[0] * b[1] + (u128)a[1] * b[0] + (u128)a[2] * b4 + (u128)a[3] * b3 + (u128)a[4] * b2;
    c[2] = (u128)a[0] * b[2] + (u128)a[1] * b[1] + (u128)a[2] * b[0] + (u128)a[3] * b4 +
           (u128)a[4] * b3;
    c[3] = (u128)a[0] * b[3] + (u128)a[1] * b[2] + (u128)a[2] * b[1] + (u128)a[3] * b[0] +
           (u128)a[4] * b4;
    c[4] = (u128)a[0] * b[4] + (u128)a[1] * b[3] + (u128)a[2] * b[2] + (u128)a[3] * b[1] +
           (u128)a[4] * b[0];
    fe_carry(out, c);
}

/* out = a^(2^n) */
static void
fe_sqr_n(fe out, const fe a, int n)
{
    fe_mul(out, a, a);
    while (--n > 0)
        fe_mul(out, out, out);
}

/* out = a^(2^n) times b */
static void
fe_sqr_mul(fe out, const fe a, int n, const fe b)
{
    fe t;
    fe_sqr_n(t, a, n);
    fe_mul(out, t, b);
}

/* out = z^((p - 1) / 2) = z^(2^254 - 10), by way of z^(2^k - 1). */
static void
fe_legendre(fe out, const fe z)
{
    fe z2, z6, k5, k10, k20, k50, k100, t;
    fe_sqr_n(z2, z, 1);
    fe_mul(t, z2, z); /* z^3 = z^(2^2 - 1) */
    fe_sqr_n(z6, t, 1);
    fe_sqr_mul(t, t, 2, t);  /* 2^4 - 1 */
    fe_sqr_mul(k5, t, 1, z); /* 2^5 - 1 */
    fe_sqr_mul(k10, k5, 5, k5);
    fe_sqr_mul(k20, k10, 10, k10);
    fe_sqr_mul(t, k20, 20, k20); /* 2^40 - 1 */
    fe_sqr_mul(k50, t, 10, k10);
    fe_sqr_mul(k100, k50, 50, k50);
    fe_sqr_mul(t, k100, 100, k100); /* 2^200 - 1 */
    fe_sqr_mul(t, t, 50, k50);      /* 2^250 - 1 */
    fe_sqr_mul(out, t, 4, z6);      /* 2^254 - 16 + 6 */
}

/* Whether a is 1 modulo p: below 2^255 that is 1 or p + 1. */
static int
fe_is_one(const fe a)
{
    fe r;
    memcpy(r, a, sizeof(r));
    for (int round = 0; round < 2; round++) { /* the second carries what 19 may have brought */
        for (size_t i = 0; i < 4; i++) {
            r[i + 1] += r[i] >> 51;
            r[i] &= MASK;
        }
        r[0] += 19 * (r[4] >> 51);
        r[4] &= MASK;
    }
    int is_one = r[0] == 1 && (r[1] | r[2] | r[3] | r[4]) == 0;
    int is_p_plus_one = r[0] == MASK - 17 && (r[1] & r[2] & r[3] & r[4]) == MASK;
    return is_one || is_p_plus_one;
}

int
sshkey_check_ed25519_curve(const uint8_t *point, size_t len)
{
    /* -121665/121666 */
    static const fe d = {0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb,
                         0x52036cee2b6ff};
    fe y, u, v;
    if (len != 32)
        return SFT_EKEYPOINT;
    fe_load(y, point);
    fe_mul(u, y, y);
    fe_mul(v, u, d);
    v[0] += 1;
    u[0] += 2 * (MASK - 18) - 1; /* + 2p - 1, lest the subtraction run below zero */
    for (size_t i = 1; i < 5; i++)
        u[i] += 2 * MASK;
    fe_mul(u, u, v);
    fe_legendre(v, u);
    return fe_is_one(v) ? 0 : SFT_EKEYPOINT;
}

#else

/* t = (y^2 - 1)(d y^2 + 1), which is a square just if (y^2 - 1)/(d y^2 + 1) = x^2 has a root. 1 or
 * 0. */
static int
curve_term(BIGNUM *t, const BIGNUM *y, const BIGNUM *p, BN_CTX *ctx)
{
    static const char d_hex[] = "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3";
    BIGNUM *d = NULL, *v = BN_new();
    int good = v != NULL && BN_hex2bn(&d, d_hex) != 0 && BN_mod_sqr(t, y, p, ctx) &&
               BN_mod_mul(v, t, d, p, ctx) && BN_add_word(v, 1) && BN_sub_word(t, 1) &&
               BN_mod_mul(t, t, v, p, ctx);
    BN_free(d);
    BN_free(v);
    return good;
}

int
sshkey_check_ed25519_curve(const uint8_t *point, size_t len)
{
    static const char p_hex[] = "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed";
    int root = -2;
    if (len != 32)
        return SFT_EKEYPOINT;
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p = NULL, *t = BN_new(), *y = BN_lebin2bn(point, 32, NULL);
    if (y != NULL)
        BN_clear_bit(y, 255); /* no failure if it is not set */
    if (ctx != NULL && t != NULL && y != NULL && BN_hex2bn(&p, p_hex) != 0 &&
        curve_term(t, y, p, ctx))
        root = BN_kronecker(t, p, ctx);
    BN_free(p);
    BN_free(t);
    BN_free(y);
    BN_CTX_free(ctx);
    return root == 1 ? 0 : root == -2 ? SFT_ECRYPTO : SFT_EKEYPOINT;
}

#endif
