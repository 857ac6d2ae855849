/* SPDX-License-Identifier: PostgreSQL */
/*
 * sbuf.c - what is written is read again; whatever goes wrong first stays the error.
 */
#include <string.h>

#include "common/err.h"
#include "common/sbuf.h"
#include "common/tap.h"

static void
test_round_trip(void)
{
    uint8_t mem[256];
    struct sbuf w, r;
    char text[8];
    size_t len;
    sb_writer(&w, mem, sizeof(mem));
    sb_u8(&w, 0x12);
    sb_u32(&w, 0x3456789a);
    sb_u64(&w, 0x0123456789abcdef);
    sb_cstr(&w, "hello");
    size_t outer = sb_open(&w), inner = sb_open(&w);
    sb_raw(&w, "abc", 3);
    sb_close(&w, inner);
    sb_close(&w, outer);
    is_int(sb_err(&w), 0, "writing fits");
    is_mem(mem,
           "\x12\x34\x56\x78\x9a\x01\x23\x45\x67\x89\xab\xcd\xef\0\0\0\5hello\0\0\0\7\0\0\0\3abc",
           33, "bytes are big-endian, strings nest");
    sb_reader(&r, mem, w.len);
    is_int(sb_get_u8(&r), 0x12, "u8");
    is_int(sb_get_u32(&r), 0x3456789a, "u32");
    is_int(sb_get_u64(&r), 0x0123456789abcdef, "u64");
    sb_get_cstr(&r, text, sizeof(text));
    is_str(text, "hello", "cstr");
    sb_get_blob(&r, &len);
    is_int(len, 7, "blob");
    sb_end(&r);
    is_int(sb_err(&r), 0, "all is read");
}

static void
test_mpint(void)
{
    /* RFC 4251 section 5 and what is not minimal or not positive */
    static const struct {
        const char *wire;
        size_t wire_len;
        int err;
        size_t len;
    } rows[] = {
        {"\0\0\0\x08\x09\xa3\x78\xf9\xb2\xe3\x32\xa7", 12, 0, 8},
        {"\0\0\0\x02\x00\x80", 6, 0, 1},
        {"\0\0\0\x00", 4, SFT_EFORMAT, 0},
        {"\0\0\0\x01\x00", 5, SFT_EFORMAT, 0},
        {"\0\0\0\x02\x00\x7f", 6, SFT_EFORMAT, 0},
        {"\0\0\0\x02\xed\xcc", 6, SFT_EFORMAT, 0},
        {"\0\0\0\x02\x00\x00", 6, SFT_EFORMAT, 0},
        {"\0\0\0\x05\x01", 5, SFT_EFORMAT, 0},
    };
    struct sbuf b;
    uint8_t mem[16];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len;
        sb_reader(&b, rows[i].wire, rows[i].wire_len);
        sb_get_mpint(&b, &len);
        ok(sb_err(&b) == rows[i].err && len == rows[i].len, "K7 mpint is positive and minimal");
    }
    sb_writer(&b, mem, sizeof(mem));
    sb_mpint(&b, (const uint8_t *)"\0\0\x80", 3);
    is_mem(mem, "\0\0\0\2\0\x80", 6, "zeros go, a sign byte comes");
    sb_writer(&b, mem, sizeof(mem));
    sb_mpint(&b, (const uint8_t *)"\0", 1);
    ok(b.len == 4 && memcmp(mem, "\0\0\0\0", 4) == 0, "zero has no bytes");
}

static void
test_errors(void)
{
    uint8_t mem[6];
    char text[4];
    size_t len;
    struct sbuf b;
    sb_writer(&b, mem, sizeof(mem));
    sb_u32(&b, 1);
    sb_u32(&b, 2);
    is_int(sb_err(&b), SFT_ENOSPACE, "a full writer says so");
    sb_fail(&b, SFT_EFORMAT);
    sb_u8(&b, 1);
    ok(sb_err(&b) == SFT_ENOSPACE && b.len == 4,
       "the first error stays and nothing more is written");
    sb_reader(&b,
              "\xff\xff\xff\xff"
              "abc",
              7);
    ok(sb_get_blob(&b, &len) == NULL && len == 0 && sb_err(&b) == SFT_EFORMAT,
       "K3 a length of 2^32-1 is refused");
    is_int(sb_get_u64(&b), 0, "a failed reader gives zeros");
    is_int(sb_left(&b), 0, "and has nothing left");
    sb_reader(&b, "\0\0\0\3a\0b", 7);
    sb_get_cstr(&b, text, sizeof(text));
    ok(sb_err(&b) == SFT_EFORMAT && text[0] == '\0', "a NUL in a text is refused");
    sb_reader(&b, "\0\0\0\4abcd", 8);
    sb_get_cstr(&b, text, sizeof(text));
    is_int(sb_err(&b), SFT_ETOOLONG, "a text that does not fit is refused");
    sb_reader(&b, "ab", 2);
    sb_get_u8(&b);
    sb_end(&b);
    is_int(sb_err(&b), SFT_ETRAILING, "bytes left over are an error");
}

int
main(void)
{
    test_round_trip();
    test_mpint();
    test_errors();
    return done_testing();
}
