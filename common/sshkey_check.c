/* SPDX-License-Identifier: PostgreSQL */
/*
 * sshkey_check.c - whether the numbers of a public key are sound.
 *
 * The RSA checks are those of Boulder's goodkey: what fails them has been factored in the wild.
 */
#include "common/sshkey_check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>

#include "common/sshkey.h"

/* ---- Ed25519 ---- */

/*
 * The y coordinates of the eight points of low order (little-endian, sign bit cleared). Under such
 * a key one signature verifies for many messages.
 */
static const uint8_t low_order_y[][32] = {
    {0},
    {1},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

/* Whether y (sign bit cleared) is below 2^255 - 19. */
static int
is_canonical(const uint8_t y[32])
{
    if (y[31] != 0x7f || y[0] < 0xed)
        return 1;
    for (size_t i = 1; i < 31; i++)
        if (y[i] != 0xff)
            return 1;
    return 0;
}

int
sshkey_check_ed25519(const uint8_t *point, size_t len)
{
    uint8_t y[32];
    if (len != sizeof(y))
        return SFT_EKEYPOINT;
    memcpy(y, point, sizeof(y));
    y[31] &= 0x7f;
    if (!is_canonical(y))
        return SFT_EKEYPOINT;
    for (size_t i = 0; i < sizeof(low_order_y) / sizeof(low_order_y[0]); i++)
        if (memcmp(y, low_order_y[i], sizeof(y)) == 0)
            return SFT_EKEYPOINT;
    return 0;
}

/* ---- ECDSA ---- */

/* Made once: building a group costs fifteen times what the check does. */
static struct curve {
    unsigned bits;
    int nid;
    EC_GROUP *_Atomic group;
} curves[] = {
    {256, NID_X9_62_prime256v1, NULL},
    {384, NID_secp384r1, NULL},
    {521, NID_secp521r1, NULL},
};

/* A failure is not remembered: the next call tries again. */
static const EC_GROUP *
group_of(struct curve *curve)
{
    EC_GROUP *group = atomic_load(&curve->group), *none = NULL;
    if (group != NULL)
        return group;
    group = EC_GROUP_new_by_curve_name(curve->nid);
    if (group != NULL && !atomic_compare_exchange_strong(&curve->group, &none, group)) {
        EC_GROUP_free(group); /* another thread was first */
        group = none;
    }
    return group;
}

static const EC_GROUP *
curve_of(unsigned bits)
{
    for (size_t i = 0; i < 3; i++)
        if (curves[i].bits == bits)
            return group_of(&curves[i]);
    return NULL;
}

int
sshkey_check_ecdsa(unsigned bits, const uint8_t *point, size_t len)
{
    const EC_GROUP *group = curve_of(bits);
    size_t field_len = (bits + 7) / 8;
    if (group == NULL)
        return SFT_ECRYPTO;
    if (len != 1 + 2 * field_len || point[0] != POINT_CONVERSION_UNCOMPRESSED)
        return SFT_EKEYPOINT;
    EC_POINT *p = EC_POINT_new(group);
    if (p == NULL)
        return SFT_ENOMEM;
    /* Refuses coordinates beyond the field and points off the curve; all cofactors are 1. */
    int good = EC_POINT_oct2point(group, p, point, len, NULL) == 1;
    EC_POINT_free(p);
    if (!good)
        ERR_clear_error();
    return good ? 0 : SFT_EKEYPOINT;
}

/* ---- RSA ---- */

#define PRIME_MAX 752
#define PRIMES_MAX 132 /* odd ones below it */
#define FERMAT_ROUNDS 100

static BN_ULONG small_primes[PRIMES_MAX];
static size_t small_primes_n;
static pthread_once_t small_primes_once = PTHREAD_ONCE_INIT;

static void
make_small_primes(void)
{
    for (BN_ULONG n = 3; n < PRIME_MAX; n += 2) {
        size_t i = 0;
        while (i < small_primes_n && n % small_primes[i] != 0)
            i++;
        if (i == small_primes_n && small_primes_n < PRIMES_MAX)
            small_primes[small_primes_n++] = n;
    }
}

/* One long division for as many primes as one word holds the product of. */
static int
has_small_factor(const BIGNUM *n)
{
    pthread_once(&small_primes_once, make_small_primes);
    for (size_t i = 0, from = 0; i < small_primes_n; from = i) {
        BN_ULONG product = 1;
        while (i < small_primes_n && product <= (BN_ULONG)-1 / small_primes[i])
            product *= small_primes[i++];
        BN_ULONG rest = BN_mod_word(n, product);
        for (size_t j = from; j < i; j++)
            if (rest % small_primes[j] == 0)
                return 1;
    }
    return 0;
}

/*
 * ROCA (CVE-2017-15361): the broken generator made only primes that are powers of 65537 modulo all
 * small primes; an honest modulus passes all these tests once in 2^27.
 */
static int
is_roca(const BIGNUM *n)
{
    static const BN_ULONG primes[] = {11, 13, 17,  19,  37,  53,  61,  71, 73,
                                      79, 97, 103, 107, 109, 127, 151, 157};
    for (size_t i = 0; i < sizeof(primes) / sizeof(primes[0]); i++) {
        BN_ULONG p = primes[i], rest = BN_mod_word(n, p), power = 1;
        do
            power = power * (65537 % p) % p;
        while (power != rest && power != 1);
        if (power != rest)
            return 0;
    }
    return 1;
}

/* root = the integer square root of a, by Newton's method from above. 1 or 0 (library failed). */
static int
square_root(BIGNUM *root, const BIGNUM *a, BN_CTX *ctx)
{
    int good = 0;
    BN_CTX_start(ctx);
    BIGNUM *next = BN_CTX_get(ctx);
    if (next == NULL || !BN_set_bit(next, (BN_num_bits(a) + 1) / 2))
        goto out;
    do {
        if (BN_copy(root, next) == NULL || !BN_div(next, NULL, a, root, ctx) ||
            !BN_add(next, next, root) || !BN_rshift1(next, next))
            goto out;
    } while (BN_cmp(next, root) < 0);
    good = 1;
out:
    BN_CTX_end(ctx);
    return good;
}

/* Squares leave few rests modulo 64 (the bits of the number), 63 and 65: 99 % of all others go. */
static int
may_be_square(const BIGNUM *a)
{
    static const BN_ULONG moduli[] = {63, 65};
    unsigned low = 0;
    for (int bit = 0; bit < 6; bit++)
        low |= (unsigned)BN_is_bit_set(a, bit) << bit;
    if ((UINT64_C(0x0202021202030213) >> low & 1) == 0)
        return 0;
    for (size_t i = 0; i < 2; i++) {
        BN_ULONG m = moduli[i], rest = BN_mod_word(a, m), x = 0;
        while (x < m && x * x % m != rest)
            x++;
        if (x == m)
            return 0;
    }
    return 1;
}

/* 1, 0 or -1 (library failed). */
static int
is_square(const BIGNUM *a, BN_CTX *ctx)
{
    int answer = -1;
    if (!may_be_square(a))
        return 0;
    BN_CTX_start(ctx);
    BIGNUM *root = BN_CTX_get(ctx), *square = BN_CTX_get(ctx);
    if (square != NULL && square_root(root, a, ctx) && BN_sqr(square, root, ctx))
        answer = BN_cmp(square, a) == 0;
    BN_CTX_end(ctx);
    return answer;
}

/* From a^2 - n to (a + 1)^2 - n, by additions alone. */
static int
next_difference(BIGNUM *a, BIGNUM *b2)
{
    return BN_add(b2, b2, a) && BN_add_word(a, 1) && BN_add(b2, b2, a);
}

/*
 * Fermat's factorisation: n = a^2 - b^2 is found at once when the factors are close. 1, 0 or -1.
 */
static int
has_close_factors(const BIGNUM *n, BN_CTX *ctx)
{
    int found = -1;
    BN_CTX_start(ctx);
    BIGNUM *a = BN_CTX_get(ctx), *b2 = BN_CTX_get(ctx);
    if (b2 == NULL || !square_root(a, n, ctx) || !BN_sqr(b2, a, ctx) || !BN_sub(b2, b2, n))
        goto out;
    found = 0;
    for (int i = 0; found == 0 && i < FERMAT_ROUNDS; i++)
        found = next_difference(a, b2) ? is_square(b2, ctx) : -1;
out:
    BN_CTX_end(ctx);
    return found;
}

int
sshkey_check_rsa(const uint8_t *n, size_t len, unsigned *bitsp)
{
    int err = SFT_ECRYPTO, close = -1;
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *modulus = len <= 4096 ? BN_bin2bn(n, (int)len, NULL) : NULL;
    *bitsp = 0;
    if (len > SSHKEY_RSA_MAX_BITS / 8) {
        err = SFT_EKEYWEAK; /* too large to be meant for logins */
        goto out;
    }
    if (ctx == NULL || modulus == NULL)
        goto out;
    *bitsp = (unsigned)BN_num_bits(modulus);
    err = SFT_EKEYWEAK;
    if (*bitsp < SSHKEY_RSA_MIN_BITS || !BN_is_odd(modulus) || has_small_factor(modulus) ||
        is_roca(modulus) || is_square(modulus, ctx) != 0)
        goto out;
    close = has_close_factors(modulus, ctx);
    err = close == 0 ? 0 : close == 1 ? SFT_EKEYWEAK : SFT_ECRYPTO;
out:
    BN_free(modulus);
    BN_CTX_free(ctx);
    return err;
}
