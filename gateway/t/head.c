/* SPDX-License-Identifier: PostgreSQL */
/*
 * head.c - heads cut at every byte, and each rule by itself (H2 to H9).
 */
#include "gateway/head.h"
#include "common/tap.h"

#include <stdlib.h>

static const struct refusal *
check(const char *head, size_t len)
{
    char *exact = malloc(len ? len : 1);
    memcpy(exact, head, len);
    const struct refusal *refusal = head_check(exact, len);
    free(exact);
    return refusal;
}

#define LINE "POST /x?y HTTP/1.1\r\n"
#define HOST "Host: a.example:8443\r\n"
#define END "\r\n"

static void
rows(void)
{
    static const struct {
        const char *head;
        const struct refusal *want;
    } table[] = {
        {LINE HOST END, NULL},
        {"\r\n" LINE HOST END, NULL},
        {LINE HOST "Content-Length: 12\r\n\r\nbody follows", NULL},
        {LINE HOST "transfer-encoding:  Chunked \r\n\r\n", NULL},
        {LINE HOST "Accept: a\r\nAccept: b\r\n\r\n", NULL},
        {LINE "Host: [::1]:1\r\n\r\n", NULL},
        {"GET / HTTP/1.0\r\n" HOST END, NULL},
        {LINE HOST "A: b\tc \xc3\xbc\r\n\r\n", NULL},
        {LINE HOST "A:\r\n\r\n", NULL},
        {"", &refusal_head_malformed},
        {"\r\n\r\n", &refusal_head_malformed},
        {"GET / HTTP/1.2\r\n" HOST END, &refusal_head_malformed},
        {"GET / HTTP/11\r\n" HOST END, &refusal_head_malformed},
        {"GET /  HTTP/1.1\r\n" HOST END, &refusal_head_malformed},
        {"GET /\x01 HTTP/1.1\r\n" HOST END, &refusal_head_malformed},
        {"GET  HTTP/1.1\r\n" HOST END, &refusal_head_malformed},
        {"GET /\r\n" HOST END, &refusal_head_malformed},
        {" GET / HTTP/1.1\r\n" HOST END, &refusal_head_malformed},
        {"GeT / HTTP/1.1\r\n" HOST END, &refusal_head_malformed},
        {"ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\n" HOST END, &refusal_head_malformed},
        {"GET / HTTP/1.1\n" HOST END, &refusal_head_malformed},
        {LINE HOST "A: b\n\r\n", &refusal_head_malformed},
        {LINE HOST "A: b\rc\r\n\r\n", &refusal_head_malformed},
        {LINE HOST "A: b\x01\r\n\r\n", &refusal_head_malformed},
        {LINE HOST "A: b\x7f\r\n\r\n", &refusal_head_malformed},
        {LINE HOST "A : b\r\n\r\n", &refusal_head_malformed},
        {LINE HOST " A: b\r\n\r\n", &refusal_head_malformed},
        {LINE HOST "\tb\r\n\r\n", &refusal_head_malformed},
        {LINE HOST ": b\r\n\r\n", &refusal_head_malformed},
        {LINE HOST "A\r\n\r\n", &refusal_head_malformed},
        {LINE HOST "A\x80: b\r\n\r\n", &refusal_head_malformed},
        {LINE END, &refusal_host},
        {LINE HOST HOST END, &refusal_host},
        {LINE "Host:\r\n\r\n", &refusal_host},
        {LINE "Host: a@b\r\n\r\n", &refusal_host},
        {LINE "Host: a:\r\n\r\n", &refusal_host},
        {LINE "Host: :1\r\n\r\n", &refusal_host},
        {LINE "Host: a:1:2\r\n\r\n", &refusal_host},
        {LINE "Host: []\r\n\r\n", NULL}, /* harmless: nobody's authority */
        {LINE "Host: [::1]x\r\n\r\n", &refusal_host},
        {LINE HOST "Content-Length: 1\r\ncontent-length: 1\r\n\r\n", &refusal_length},
        {LINE HOST "Content-Length: +1\r\n\r\n", &refusal_length},
        {LINE HOST "Content-Length: \r\n\r\n", &refusal_length},
        {LINE HOST "Content-Length: 1234567890123\r\n\r\n", &refusal_length},
        {LINE HOST "Transfer-Encoding: chunke\r\n\r\n", &refusal_length},
        {LINE HOST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", &refusal_length},
        {"GET / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", &refusal_length},
        {LINE HOST "Signature: a\r\nSIGNATURE: a\r\n\r\n", &refusal_header_repeated},
        {LINE HOST "Connection: a\r\nConnection: b\r\n\r\n", &refusal_header_repeated},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const struct refusal *got = check(table[i].head, strlen(table[i].head));
        if (!ok(got == table[i].want, table[i].want ? table[i].want->error : "clean"))
            printf("# row %zu: got %s\n", i, got ? got->error : "clean");
    }
}

static void
cut(void)
{
    static const char whole[] = LINE HOST "Content-Length: 2\r\nSignature: sft=:x:\r\n\r\n";
    int refused = 1;
    for (size_t len = 0; len < sizeof(whole) - 1; len++)
        refused &= check(whole, len) != NULL;
    ok(refused, "cut at any byte it is refused");
    ok(check(whole, sizeof(whole) - 1) == NULL, "whole it is not");
    static const char nul[] = LINE HOST "A: b\0c\r\n\r\n";
    ok(check(nul, sizeof(nul) - 1) == &refusal_head_malformed, "a NUL in a value");
    static const char nul_name[] = LINE HOST "A\0: c\r\n\r\n";
    ok(check(nul_name, sizeof(nul_name) - 1) == &refusal_head_malformed, "a NUL in a name");
}

static void
sizes(void)
{
    static char big[HEAD_MAX + 4000];
    size_t len = (size_t)sprintf(big, LINE HOST "Authorization: ");
    memset(big + len, 'x', sizeof(big) - len);
    memcpy(big + len + HEAD_CREDENTIAL_MAX + 1, "\r\n\r\n", 4);
    ok(check(big, len + HEAD_CREDENTIAL_MAX + 5) == &refusal_head_too_large, "a long credential");
    memcpy(big + len + HEAD_CREDENTIAL_MAX, "\r\n\r\n", 4);
    ok(check(big, len + HEAD_CREDENTIAL_MAX + 4) == NULL, "one byte shorter is fine");
    len = (size_t)sprintf(big, LINE HOST);
    while (len < HEAD_MAX)
        len += (size_t)sprintf(big + len, "A: %01000d\r\n", 0);
    ok(check(big, len) == &refusal_head_too_large, "too many headers");
}

int
main(void)
{
    rows();
    cut();
    sizes();
    return done_testing();
}
