/* SPDX-License-Identifier: PostgreSQL */
/*
 * text.c - encodings by the vectors of RFC 4648, and that each value has one text only.
 */
#include <string.h>

#include "common/tap.h"
#include "common/text.h"

static void
test_base64_vectors(void)
{
    static const struct {
        const char *plain, *b64, *url, *b32, *hex;
    } rows[] = {
        {"", "", "", "", ""},
        {"f", "Zg==", "Zg", "MY", "66"},
        {"fo", "Zm8=", "Zm8", "MZXQ", "666f"},
        {"foo", "Zm9v", "Zm9v", "MZXW6", "666f6f"},
        {"foob", "Zm9vYg==", "Zm9vYg", "MZXW6YQ", "666f6f62"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE", "MZXW6YTB", "666f6f6261"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy", "MZXW6YTBOI", "666f6f626172"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t n = strlen(rows[i].plain), got;
        char out[32];
        uint8_t back[8];
        ok(b64_encode(out, sizeof(out), rows[i].plain, n) == 0 && !strcmp(out, rows[i].b64),
           "base64");
        ok(b64_decode(back, sizeof(back), &got, out, strlen(out)) == 0 && got == n &&
               !memcmp(back, rows[i].plain, n),
           "base64 back");
        ok(b64url_encode(out, sizeof(out), rows[i].plain, n) == 0 && !strcmp(out, rows[i].url),
           "base64url");
        ok(b64url_decode(back, sizeof(back), &got, out, strlen(out)) == 0 && got == n, "and back");
        ok(b32_encode(out, sizeof(out), rows[i].plain, n) == 0 && !strcmp(out, rows[i].b32),
           "base32");
        ok(hex_encode(out, sizeof(out), rows[i].plain, n) == 0 && !strcmp(out, rows[i].hex), "hex");
        ok(hex_decode(back, sizeof(back), &got, out, strlen(out)) == 0 && got == n, "hex back");
    }
}

static void
test_base64_all_lengths(void)
{
    uint8_t in[100], back[100];
    char out[B64_LEN(100) + 1];
    int good = 1;
    size_t got;
    for (size_t i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)(i * 151 + 7);
    for (size_t n = 0; n <= sizeof(in); n++) {
        good &= b64_encode(out, sizeof(out), in, n) == 0 && strlen(out) == B64_LEN(n);
        good &=
            b64_decode(back, n, &got, out, strlen(out)) == 0 && got == n && !memcmp(in, back, n);
        good &= b64url_encode(out, sizeof(out), in, n) == 0;
        good &=
            b64url_decode(back, n, &got, out, strlen(out)) == 0 && got == n && !memcmp(in, back, n);
    }
    ok(good, "0 to 100 bytes there and back");
    is_int(b64_encode(out, 8, "abcdef", 6), SFT_ENOSPACE, "no room for the NUL");
    is_int(b64_encode(out, 9, "abcdef", 6), 0, "just enough room");
    is_int(b64_decode(back, 5, &got, "YWJjZGVm", 8), SFT_ETOOLONG,
           "more bytes than there is room for");
    is_int(hex_encode(out, 4, "ab", 2), SFT_ENOSPACE, "hex without room for the NUL");
    is_int(b32_encode(out, 8, "fooba", 5), SFT_ENOSPACE, "base32 without room for the NUL");
}

static void
test_not_canonical(void)
{
    static const struct {
        const char *text, *what;
    } rows[] = {
        {"Zg", "missing padding"},       {"Zg=", "short padding"},
        {"Zg===", "long padding"},       {"Zm9v====", "padding only"},
        {"Zh==", "pad bits not zero"},   {"Zm9=", "pad bits not zero, two bytes"},
        {"Zm 9v===", "space"},           {"Zm9v\nZm9v", "newline"},
        {"Zm9v\n", "final newline"},     {"Zm-_", "URL alphabet"},
        {"Z===", "one character"},       {"=Zm9", "padding first"},
        {"Zg==Zg==", "padding between"}, {"Zm9\x80", "high byte"},
    };
    uint8_t out[16];
    size_t n;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int err = b64_decode(out, sizeof(out), &n, rows[i].text, strlen(rows[i].text));
        if (!ok(err == SFT_EBASE64 && n == 0, "K18 base64 is canonical"))
            printf("#   %s\n", rows[i].what);
    }
    is_int(b64url_decode(out, sizeof(out), &n, "Zg==", 4), SFT_EBASE64, "base64url has no padding");
    is_int(b64url_decode(out, sizeof(out), &n, "Zh", 2), SFT_EBASE64, "base64url pad bits");
    is_int(b64url_decode(out, sizeof(out), &n, "Z", 1), SFT_EBASE64, "base64url of one character");
    is_int(b64url_decode(out, sizeof(out), &n, "+/", 2), SFT_EBASE64, "standard alphabet");
    is_int(hex_decode(out, sizeof(out), &n, "0A", 2), SFT_EFORMAT, "hex is lower case");
    is_int(hex_decode(out, sizeof(out), &n, "0", 1), SFT_EFORMAT, "hex has pairs");
}

static void
test_numbers(void)
{
    uint64_t v;
    ok(text_u64("0", 0, &v) == 0 && v == 0, "zero");
    ok(text_u64("18446744073709551615", UINT64_MAX, &v) == 0 && v == UINT64_MAX, "2^64-1");
    is_int(text_u64("18446744073709551616", UINT64_MAX, &v), SFT_ETOOLONG, "2^64");
    is_int(text_u64("99999999999999999999999", UINT64_MAX, &v), SFT_ETOOLONG, "far beyond");
    ok(text_u64("100", 100, &v) == 0 && v == 100, "the limit itself");
    is_int(text_u64("101", 100, &v), SFT_ETOOLONG, "one more");
    is_int(text_u64("7", 5, &v), SFT_ETOOLONG, "one digit above a small limit");
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "01", "00", "1e3", "0x1", "１"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ok(text_u64(bad[i], UINT64_MAX, &v) == SFT_EFORMAT && v == 0, "C2 digits only");
}

static void
test_utf8(void)
{
    static const struct {
        const char *s;
        size_t len;
        bool good;
    } rows[] = {
        {"", 0, true},
        {"plain", 5, true},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, true},
        {"\xf4\x8f\xbf\xbf", 4, true},
        {"\xed\x9f\xbf\xee\x80\x80", 6, true},
        {"a\0b", 3, false},
        {"\xc0\xaf", 2, false},
        {"\xc1\xbf", 2, false},
        {"\xe0\x80\xaf", 3, false},
        {"\xe0\x9f\xbf", 3, false},
        {"\xed\xa0\x80", 3, false},
        {"\xf0\x8f\xbf\xbf", 4, false},
        {"\xf4\x90\x80\x80", 4, false},
        {"\xf5\x80\x80\x80", 4, false},
        {"\x80", 1, false},
        {"\xc3", 1, false},
        {"\xe2\x82", 2, false},
        {"\xe2\x82g", 3, false},
        {"\xff", 1, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ok(text_is_utf8(rows[i].s, rows[i].len) == rows[i].good, "UTF-8");
}

static void
test_uuid_and_memory(void)
{
    char a[UUID_TEXT_LEN + 1], b[UUID_TEXT_LEN + 1], secret[4] = "abc";
    ok(uuid_random(a) == 0 && uuid_random(b) == 0, "two uuids");
    ok(text_is_uuid(a) && text_is_uuid(b) && strcmp(a, b) != 0, "differ and are uuids");
    ok(a[14] == '4' && strchr("89ab", a[19]) != NULL, "are of version 4");
    ok(!text_is_uuid("7A9A2D9C-6f0c-4b84-9c0a-2f8f6a7a1d3e"), "upper case");
    ok(!text_is_uuid("7a9a2d9c6f0c4b849c0a2f8f6a7a1d3e"), "no dashes");
    ok(!text_is_uuid("7a9a2d9c-6f0c-4b84-9c0a-2f8f6a7a1d3e\n"), "more after it");
    ok(!text_is_uuid("") && !text_is_uuid("7a9a2d9c-") && !text_is_uuid(NULL), "less");
    ok(mem_equal("abc", "abc", 3) && !mem_equal("abc", "abd", 3) && mem_equal("a", "b", 0),
       "compare");
    mem_wipe(secret, sizeof(secret));
    is_mem(secret, "\0\0\0\0", 4, "wiped");
}

int
main(void)
{
    test_base64_vectors();
    test_base64_all_lengths();
    test_not_canonical();
    test_numbers();
    test_utf8();
    test_uuid_and_memory();
    return done_testing();
}
