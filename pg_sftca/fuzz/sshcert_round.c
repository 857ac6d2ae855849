/* SPDX-License-Identifier: PostgreSQL */
/*
 * sshcert_round.c - what the vault writes as an SSH certificate, the independent reader reads as
 * the same certificate. Lines: user or host, subject's number, serial, key id, after, before; then
 * "p principal", "c option=value", "e extension=value".
 */
#include "input.h"

#include "common/sshcert.h"
#include "core/option.h"
#include "core/sshwrite.h"

static const char *principals[LINES_MAX];
static struct sshwrite_option critical[LINES_MAX], extensions[LINES_MAX];

/* "name=value" in place; the value of a flag is "". */
static void
put_option(struct sshwrite_option *option, char *text)
{
    char *equals = strchr(text, '=');
    if (equals != NULL)
        *equals = '\0';
    *option = (struct sshwrite_option){text, equals != NULL ? equals + 1 : text + strlen(text)};
}

/* False when the vault would refuse an option before it writes anything. */
static bool
fill(struct sshwrite *cert, struct lines *in)
{
    bool is_sk = cert->subject->type >= SSHKEY_SK_ED25519;
    for (size_t i = 6; i < in->n; i++) {
        char *text = in->line[i];
        if (text[0] == 'p' && text[1] == ' ')
            principals[cert->principals_n++] = text + 2;
        else if (text[0] == 'c' && text[1] == ' ')
            put_option(&critical[cert->critical_n++], text + 2);
        else if (text[0] == 'e' && text[1] == ' ')
            put_option(&extensions[cert->extensions_n++], text + 2);
    }
    for (size_t i = 0; i < cert->critical_n; i++)
        if (!option_is_critical(critical[i].name, critical[i].value, is_sk))
            return false;
    for (size_t i = 0; i < cert->extensions_n; i++)
        if (!option_is_extension(extensions[i].name, extensions[i].value))
            return false;
    return true;
}

static void
options_are(const struct sshcert_option *read, size_t n, const struct sshwrite_option *want,
            size_t want_n)
{
    promise(n == want_n);
    for (size_t i = 0; i < n; i++)
        promise(strcmp(read[i].name, want[i].name) == 0 && read[i].len == strlen(want[i].value) &&
                memcmp(read[i].data, want[i].value, read[i].len) == 0);
}

static void
is_same(const struct sshcert *read, const struct sshwrite *want)
{
    promise(read->type == want->type && read->serial == want->serial &&
            strcmp(read->key_id, want->key_id) == 0);
    promise(read->valid_after == want->valid_after && read->valid_before == want->valid_before);
    promise(sshkey_equal(&read->key, want->subject) &&
            sshkey_equal(&read->signer, want->authority));
    promise(read->principals_n == want->principals_n);
    for (size_t i = 0; i < want->principals_n; i++)
        promise(strcmp(read->principals[i], want->principals[i]) == 0);
    options_are(read->critical, read->critical_n, want->critical, want->critical_n);
    options_are(read->extensions, read->extensions_n, want->extensions, want->extensions_n);
}

static void
write_and_read(const struct sshwrite *cert, const struct key *key)
{
    static struct sshcert read;
    static uint8_t tbs_mem[SSHCERT_BLOB_MAX], mem[SSHCERT_BLOB_MAX];
    struct sbuf tbs, out;
    sb_writer(&tbs, tbs_mem, sizeof tbs_mem);
    sb_writer(&out, mem, sizeof mem);
    sshwrite_tbs(&tbs, cert);
    if (sb_err(&tbs) != SFT_OK || sshwrite_signed(&out, tbs.p, tbs.len, key) != SFT_OK)
        return;
    promise(sshcert_parse(&read, out.p, out.len) == SFT_OK);
    promise(read.tbs_len == tbs.len);
    is_same(&read, cert);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const uint8_t nonce[SSHWRITE_NONCE_LEN] = {1};
    struct sshkey authority;
    struct lines in;
    const struct key *key = authority_key(&authority);
    lines_of(&in, bytes, len);
    struct sshwrite cert = {.type = strcmp(in.line[0], "user") == 0   ? SSHCERT_USER
                                    : strcmp(in.line[0], "host") == 0 ? SSHCERT_HOST
                                                                      : 3,
                            .nonce = nonce,
                            .subject = subject_of(in.line[1]),
                            .authority = &authority,
                            .serial = number_of(in.line[2]),
                            .key_id = in.line[3],
                            .principals = principals,
                            .valid_after = number_of(in.line[4]),
                            .valid_before = number_of(in.line[5]),
                            .critical = critical,
                            .extensions = extensions};
    if (fill(&cert, &in))
        write_and_read(&cert, key);
    free(in.text);
    return 0;
}
