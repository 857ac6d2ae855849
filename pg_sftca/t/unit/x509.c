/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509.c - what the vault takes of X.509 that others made: the rules of DER, PEM, and names.
 */
#include <string.h>

#include "common/tap.h"
#include "core/altname.h"
#include "core/pem.h"

/* ---- DER ---- */

static void
test_der(void)
{
#define BYTES(literal) (const uint8_t *)literal, sizeof literal - 1
    static const struct {
        const char *what;
        const uint8_t *der;
        size_t len;
        int want;
    } cases[] = {
        {"a number", BYTES("\x02\x01\x05"), SFT_OK},
        {"an empty list", BYTES("\x30\x00"), SFT_OK},
        {"a list of lists", BYTES("\x30\x04\x30\x02\x05\x00"), SFT_OK},
        {"a negative number", BYTES("\x02\x01\xff"), SFT_OK},
        {"truth", BYTES("\x01\x01\xff"), SFT_OK},
        {"nothing", BYTES(""), SFT_EFORMAT},
        {"a tag alone", BYTES("\x02"), SFT_EFORMAT},
        {"a byte too few", BYTES("\x02\x02\x05"), SFT_EFORMAT},
        {"a byte too many", BYTES("\x02\x01\x05\x00"), SFT_ETRAILING},
        {"bytes after a list", BYTES("\x30\x00\x30\x00"), SFT_ETRAILING},
        {"an element past its list", BYTES("\x30\x02\x02\x02\x05\x05"), SFT_EFORMAT},
        {"an indefinite length", BYTES("\x30\x80\x05\x00\x00\x00"), SFT_EFORMAT},
        {"a long length for a short one", BYTES("\x02\x81\x01\x05"), SFT_EFORMAT},
        {"a length with a zero before", BYTES("\x02\x82\x00\x01\x05"), SFT_EFORMAT},
        {"a length of five bytes", BYTES("\x02\x85\x00\x00\x00\x00\x01\x05"), SFT_EFORMAT},
        {"a length of 4 GiB", BYTES("\x04\x84\xff\xff\xff\xff\x05"), SFT_EFORMAT},
        {"a tag of many bytes", BYTES("\x1f\x81\x01\x00"), SFT_EFORMAT},
        {"a number of no bytes", BYTES("\x02\x00"), SFT_EFORMAT},
        {"a number with a zero before", BYTES("\x02\x02\x00\x05"), SFT_EFORMAT},
        {"a number with a sign too many", BYTES("\x02\x02\xff\xff"), SFT_EFORMAT},
        {"a truth of 1", BYTES("\x01\x01\x01"), SFT_EFORMAT},
        {"a null with something in it", BYTES("\x05\x01\x00"), SFT_EFORMAT},
        {"an identifier cut short", BYTES("\x06\x02\x55\x84"), SFT_EFORMAT},
        {"an identifier with padding", BYTES("\x06\x03\x55\x80\x01"), SFT_EFORMAT},
        {"bits without their count", BYTES("\x03\x00"), SFT_EFORMAT},
        {"eight unused bits", BYTES("\x03\x02\x08\x00"), SFT_EFORMAT},
        {"unused bits that are set", BYTES("\x03\x02\x01\x81"), SFT_EFORMAT},
        {"unused bits that are not", BYTES("\x03\x02\x01\x80"), SFT_OK},
        {"a string in pieces", BYTES("\x24\x04\x04\x02\x41\x41"), SFT_EFORMAT},
        {"a list that is none", BYTES("\x10\x00"), SFT_EFORMAT},
        {"an end without a beginning", BYTES("\x00\x00"), SFT_EFORMAT},
        {"a tagged list", BYTES("\xa0\x03\x02\x01\x02"), SFT_OK},
        {"a tagged list, broken inside", BYTES("\xa0\x03\x02\x01"), SFT_EFORMAT},
    };
    uint8_t deep[256];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        is_int(der_check(cases[i].der, cases[i].len), cases[i].want, cases[i].what);
    for (unsigned depth = 1; depth < 100; depth++) {
        for (unsigned i = 0; i < depth; i++) {
            deep[2 * i] = 0x30;
            deep[2 * i + 1] = (uint8_t)(2 * (depth - 1 - i));
        }
        if (depth == 24 || depth == 25 || depth == 99)
            is_int(der_check(deep, 2 * depth), depth <= 24 ? SFT_OK : SFT_EFORMAT,
                   depth <= 24 ? "24 lists in each other" : "X1 too many lists in each other");
    }
}

/* ---- PEM ---- */

static void
test_pem(void)
{
    static const struct {
        const char *what, *text;
        int blocks, end;
    } cases[] = {
        {"one", "-----BEGIN CERTIFICATE-----\nAgEF\n-----END CERTIFICATE-----\n", 1, SFT_ENOTFOUND},
        {"CRLF, spaces, text around",
         "x\r\n-----BEGIN CERTIFICATE-----\r\nAg\r\n EF\t\r\n-----END CERTIFICATE-----\r\ny", 1,
         SFT_ENOTFOUND},
        {"two",
         "-----BEGIN CERTIFICATE-----\nAgEF\n-----END CERTIFICATE-----\n-----BEGIN "
         "CERTIFICATE-----\nAgEF\n-----END CERTIFICATE-----",
         2, SFT_ENOTFOUND},
        {"base64 alone", " AgEF\n", 1, SFT_ENOTFOUND},
        {"nothing", "", 0, SFT_ENOTFOUND},
        {"another label", "-----BEGIN PRIVATE KEY-----\nAgEF\n-----END PRIVATE KEY-----\n", 0,
         SFT_EFORMAT},
        {"a label that goes on", "-----BEGIN CERTIFICATES-----\nAgEF\n-----END CERTIFICATES-----\n",
         0, SFT_EFORMAT},
        {"two labels", "-----BEGIN CERTIFICATE-----\nAgEF\n-----END X509 CRL-----\n", 0,
         SFT_EFORMAT},
        {"no end", "-----BEGIN CERTIFICATE-----\nAgEF\n", 0, SFT_EFORMAT},
        {"an end alone", "AgEF\n-----END CERTIFICATE-----\n", 0, SFT_EFORMAT},
        {"an empty one", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", 0,
         SFT_EFORMAT},
        {"bad base64", "-----BEGIN CERTIFICATE-----\nAg*F\n-----END CERTIFICATE-----\n", 0,
         SFT_EFORMAT},
        {"padding in the middle",
         "-----BEGIN CERTIFICATE-----\nAg==AgEF\n-----END CERTIFICATE-----", 0, SFT_EFORMAT},
        {"no padding", "-----BEGIN CERTIFICATE-----\nAgEFAA\n-----END CERTIFICATE-----", 0,
         SFT_EFORMAT},
        {"no DER", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", 0, SFT_EFORMAT},
        {"headers",
         "-----BEGIN CERTIFICATE-----\nProc-Type: 4\n\nAgEF\n-----END CERTIFICATE-----\n", 0,
         SFT_EFORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pem pem;
        uint8_t der[512];
        size_t n;
        int blocks = 0, r;
        pem_begin(&pem, cases[i].text, strlen(cases[i].text));
        while ((r = pem_next(&pem, pem_certificate, der, sizeof der, &n)) == SFT_OK)
            blocks += n == 3 && memcmp(der, "\2\1\5", 3) == 0;
        ok(blocks == cases[i].blocks && r == cases[i].end, cases[i].what);
    }
}

/* ---- names ---- */

static void
test_punycode(void)
{
    /* RFC 3492 7.1, and what registries have */
    static const char *const good[] = {"xn--bcher-kva",
                                       "xn--mnchen-3ya",
                                       "xn--ihqwcrb4cv8a8dqg056pqjye",
                                       "xn--4dbcagdahymbxekheh6e0a7fei0b",
                                       "xn--fiqs8s",
                                       "xn--80akhbyknj4f",
                                       "xn--ls8h"};
    static const char *const bad[] = {"xn--",      "xn---",    "xn--a",     "xn--abc-",
                                      "xn--99999", "xn--zzzz", "xn--a-b-c", "xn--bcher-kv"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ok(altname_is_dns(good[i], false), good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ok(!altname_is_dns(bad[i], false), bad[i]);
}

static void
test_text(void)
{
    static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    static const struct altname names[] = {{ALTNAME_DNS, 1, (const uint8_t *)"a"},
                                           {ALTNAME_IP, 16, v6},
                                           {ALTNAME_IP, 5, v6},
                                           {ALTNAME_DNS, 3, (const uint8_t *)"a\0b"},
                                           {ALTNAME_URI, 3, (const uint8_t *)"a\nb"}};
    char text[ALTNAME_TEXT_MAX];
    is_int(altname_text(&names[0], text), SFT_OK, "a host name");
    is_str(text, "DNS:a", "  as text");
    is_int(altname_text(&names[1], text), SFT_OK, "an address");
    is_str(text, "IP:2001:db8::1", "  as text");
    is_int(altname_text(&names[2], text), SFT_EFORMAT, "no address has 5 bytes");
    is_int(altname_text(&names[3], text), SFT_EFORMAT, "X3 a NUL in a name");
    is_int(altname_text(&names[4], text), SFT_EFORMAT, "X3 a newline in a URI");
}

int
main(void)
{
    test_der();
    test_pem();
    test_punycode();
    test_text();
    return done_testing();
}
