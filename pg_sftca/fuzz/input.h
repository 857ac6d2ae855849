/* SPDX-License-Identifier: PostgreSQL */
/*
 * input.h - what the harnesses share: a promise that must hold, inputs as lines of text, and keys
 * that are the same in every run (their private halves are known to everybody).
 */
#ifndef SFTCA_FUZZ_INPUT_H
#define SFTCA_FUZZ_INPUT_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/key.h"
#include "common/sshkey.h"

#define LINES_MAX 96
#define KEYS_N 6

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define promise(kept) promise_at(kept, __FILE__, __LINE__)

static inline void
promise_at(bool kept, const char *file, int line)
{
    if (kept)
        return;
    fprintf(stderr, "promise broken at %s:%d\n", file, line);
    abort();
}

struct lines {
    char *text; /* the caller frees */
    size_t n;
    char *line[LINES_MAX];
};

/* Always LINES_MAX lines, the last ones empty. */
static inline void
lines_of(struct lines *lines, const uint8_t *bytes, size_t len)
{
    lines->text = malloc(len + 1);
    promise(lines->text != NULL);
    memcpy(lines->text, bytes, len);
    lines->text[len] = '\0';
    char *rest = lines->text;
    lines->n = 0;
    while (rest != NULL && lines->n < LINES_MAX)
        lines->line[lines->n++] = strsep(&rest, "\n");
    for (size_t i = lines->n; i < LINES_MAX; i++)
        lines->line[i] = lines->text + strlen(lines->text);
}

static inline uint64_t
number_of(const char *s)
{
    return strtoull(s, NULL, 10);
}

/* One key of each type; word's first digit chooses. */
static inline const struct sshkey *
subject_of(const char *word)
{
    static const char *const texts[KEYS_N] = {
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJL9vMKSUgEaFy0DISqzKk8KEdcO9LFWSscVgykUxDmy",
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBBqkP2PY9B1wMK"
        "CjFf52HXRF5142BKRA0NiQhzBU0uTGXHNyB01QDvWO37T9G2IFay1Oc3+HPaPeq6qBKZDANTw=",
        "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBElvbWkb9jSy7h"
        "QF+m1wmgO1eBZvFgEZNzdIOzO6miZTcpjukfYkdVCc0oYtHnykjnymDsm4vsWR7afxgzBKBwLEvf4DFQPD3gsT"
        "oxMWchwCBRyLZz855ydMDGtB8kAzaQ==",
        "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAAdZyJekHcOwc"
        "sk0oW71c0x87HG5qizPgCqcaeoeVd4ahiEHKmYe6/+AdCcWCn6Q9cgaYypn8wks93sWRQ/s0O6GwFEqwwhY2pU"
        "K3Sw7F4sA2bMzTZhM0ephJ7sYGVUYe3XBZeneJuGpHKyGO7wEd7IEgvJAJVChh4cNmgyQuR9M/C1XA==",
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC1sq4wrZCEF6VXnwbeNEo7CJOPGvxeRv9MFG8T+dAh8yGNRh"
        "LU/iherFyK9JZEbXZiRHcARigCeu++2UJ7LtAf7kx2Z+5cnsgpcCKw/Z1AVAbK8Qm20CYQWYtb6FcQ3smCppYL"
        "/EKz6+MdDgxjuiO2RUokSUKBvTSQqJZdr2U3tJ1TmZXEW9e9XM8KV7YqDsrGgkALbmrq0WhfN/U1g/BvdHgdHJ"
        "LkV1m94IImqRGk18yTaqJtgtNUoQpaVokPho89kkuhIul7n/vtDD5ECG52FAqht/FgkqSmVqyp9ZIM4gRTobD2"
        "ult/M9URJ1Cp0JndqaQvQGCMWIbGOdmSq/61",
        "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIJFwppHGo4yscbH"
        "00V+3YJXTX/1TjS0o4/0uuwdND2YjAAAABHNzaDo="};
    static struct sshkey keys[KEYS_N];
    size_t i = word[0] >= '0' && word[0] < '0' + KEYS_N ? (size_t)(word[0] - '0') : 0;
    if (keys[i].len == 0)
        promise(sshkey_from_text(&keys[i], texts[i], strlen(texts[i])) == SFT_OK);
    return &keys[i];
}

/* PKCS#8 of an Ed25519 key: its signatures are the same each time, and quick. */
static inline const struct key *
authority_key(struct sshkey *public)
{
    static const uint8_t der[48] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05,
                                    0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22,
                                    0x04, 0x20, 's',  'f',  't',  'c',  'a'};
    static struct key *key;
    if (key == NULL)
        promise(key_from_der(der, sizeof der, &key) == SFT_OK);
    promise(key_public(key, public) == SFT_OK);
    return key;
}

#endif
