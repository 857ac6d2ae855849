/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509_round.c - what the vault writes as a client certificate, our reader and OpenSSL read as the
 * same. Lines: subject's number, serial, common name, organization, unit, URI, after, before.
 */
#include "x509_same.h"

#include "common/names.h"
#include "common/sbuf.h"
#include "common/text.h"

/* What prepare_x509_client lets through, more or less: names without a character that harms. */
static bool
is_ordinary(const struct x509write *cert)
{
    return name_is_server_user(cert->common_name) && name_is_team(cert->organization) &&
           name_is_object(cert->organizational_unit) && cert->names[0].len <= KEY_ID_MAX &&
           text_is_utf8((const char *)cert->names[0].data, cert->names[0].len) &&
           cert->valid_before < UINT64_C(2524608000);
}

static void
is_same(const struct x509read *read, const struct x509write *want)
{
    promise(read->serial == want->serial && strcmp(read->issuer, want->issuer) == 0);
    promise(strcmp(read->common_name, want->common_name) == 0 &&
            strcmp(read->organization, want->organization) == 0 &&
            strcmp(read->organizational_unit, want->organizational_unit) == 0 &&
            read->usage == want->usage && read->names_n == 1 &&
            read->names[0].type == want->names[0].type &&
            read->names[0].len == want->names[0].len &&
            memcmp(read->names[0].data, want->names[0].data, read->names[0].len) == 0);
    promise(read->valid_after == want->valid_after && read->valid_before == want->valid_before);
    promise(read->subject.len == want->subject->len &&
            memcmp(read->subject.blob, want->subject->blob, read->subject.len) == 0);
}

static void
write_and_read(const struct x509write *cert, const struct key *key)
{
    static uint8_t tbs_mem[8192], mem[8192];
    struct x509read read;
    struct sbuf tbs, out;
    sb_writer(&tbs, tbs_mem, sizeof tbs_mem);
    sb_writer(&out, mem, sizeof mem);
    x509write_leaf_tbs(&tbs, cert);
    if (sb_err(&tbs) != SFT_OK || x509write_signed(&out, tbs.p, tbs.len, key) != SFT_OK)
        return;
    int err = x509read_leaf(&read, out.p, out.len);
    promise(err == SFT_OK || !is_ordinary(cert));
    if (err != SFT_OK)
        return;
    promise(read.tbs_len == tbs.len && memcmp(out.p + read.tbs_at, tbs.p, tbs.len) == 0);
    is_same(&read, cert);
    same_to_openssl(&read, out.p, out.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct sshkey authority;
    struct lines in;
    const struct key *key = authority_key(&authority);
    lines_of(&in, bytes, len);
    const struct altname uri = {ALTNAME_URI, strlen(in.line[5]), (const uint8_t *)in.line[5]};
    struct x509write cert = {.subject = subject_of(in.line[0]),
                             .serial = number_of(in.line[1]),
                             .issuer = "0d1f3c52-6f2c-4c1f-a42c-6cf1fcd0a93b/1",
                             .authority = &authority,
                             .common_name = in.line[2],
                             .organization = in.line[3],
                             .organizational_unit = in.line[4],
                             .usage = len % 2 ? X509_USAGE_SERVER : X509_USAGE_CLIENT,
                             .names = &uri,
                             .names_n = 1,
                             .valid_after = number_of(in.line[6]),
                             .valid_before = number_of(in.line[7])};
    write_and_read(&cert, key);
    free(in.text);
    return 0;
}
