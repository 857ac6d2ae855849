/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509_round.c - what the vault writes as a client's or server's certificate, our reader and
 * OpenSSL read as the same. Lines: subject's number, serial, client or server, common name (may be
 * empty), organization, unit, after, before; then "d host name", "u URI", "m e-mail address", "i
 * address".
 */
#include "x509_same.h"

#include <arpa/inet.h>

#include "common/names.h"
#include "common/sbuf.h"
#include "core/altname.h"

static struct altname names[ALTNAME_MAX];
static uint8_t addresses[ALTNAME_MAX][16];

static bool
is_ordinary_name(const struct altname *name)
{
    const char *s = (const char *)name->data;
    return name->type == ALTNAME_IP    ? altname_is_ip(name->data, name->len)
           : name->type == ALTNAME_DNS ? altname_is_dns(s, true)
           : name->type == ALTNAME_URI ? altname_is_uri(s)
                                       : altname_is_email(s);
}

/* What prepare_x509_… lets through, more or less: names without a character that harms. */
static bool
is_ordinary(const struct x509write *cert)
{
    for (size_t i = 0; i < cert->names_n; i++)
        if (!is_ordinary_name(&names[i]))
            return false;
    return (cert->common_name == NULL || name_is_server_user(cert->common_name)) &&
           cert->names_n > 0 && cert->usage != X509_USAGE_NONE &&
           name_is_team(cert->organization) && name_is_object(cert->organizational_unit) &&
           cert->valid_before < UINT64_C(2524608000);
}

/* False for a line that is no name. */
static bool
read_name(struct altname *name, uint8_t address[16], const char *line)
{
    static const char letters[] = "dumi";
    static const enum altname_type types[] = {ALTNAME_DNS, ALTNAME_URI, ALTNAME_EMAIL, ALTNAME_IP};
    const char *letter = line[0] != '\0' ? strchr(letters, line[0]) : NULL;
    if (letter == NULL || line[1] != ' ')
        return false;
    *name = (struct altname){types[letter - letters], strlen(line + 2), (const uint8_t *)line + 2};
    if (name->type != ALTNAME_IP)
        return true;
    int family = strchr(line + 2, ':') != NULL ? AF_INET6 : AF_INET;
    name->data = address;
    name->len = family == AF_INET ? 4 : 16;
    return inet_pton(family, line + 2, address) == 1;
}

static void
is_same(const struct x509read *read, const struct x509write *want)
{
    promise(read->serial == want->serial && strcmp(read->issuer, want->issuer) == 0);
    const char *common_name = want->common_name != NULL ? want->common_name : "";
    promise(strcmp(read->common_name, common_name) == 0 &&
            strcmp(read->organization, want->organization) == 0 &&
            strcmp(read->organizational_unit, want->organizational_unit) == 0 &&
            read->usage == want->usage && read->names_n == want->names_n);
    for (size_t i = 0; i < read->names_n; i++)
        promise(read->names[i].type == want->names[i].type &&
                read->names[i].len == want->names[i].len &&
                memcmp(read->names[i].data, want->names[i].data, read->names[i].len) == 0);
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
    struct x509write cert = {.subject = subject_of(in.line[0]),
                             .serial = number_of(in.line[1]),
                             .issuer = "0d1f3c52-6f2c-4c1f-a42c-6cf1fcd0a93b/1",
                             .authority = &authority,
                             .usage = in.line[2][0] == 's'   ? X509_USAGE_SERVER
                                      : in.line[2][0] == 'c' ? X509_USAGE_CLIENT
                                                             : X509_USAGE_NONE,
                             .common_name = in.line[3][0] != '\0' ? in.line[3] : NULL,
                             .organization = in.line[4],
                             .organizational_unit = in.line[5],
                             .names = names,
                             .valid_after = number_of(in.line[6]),
                             .valid_before = number_of(in.line[7])};
    for (size_t i = 8; i < in.n && cert.names_n < ALTNAME_MAX; i++)
        cert.names_n += read_name(&names[cert.names_n], addresses[cert.names_n], in.line[i]);
    if (cert.usage != X509_USAGE_NONE)
        write_and_read(&cert, key);
    free(in.text);
    return 0;
}
