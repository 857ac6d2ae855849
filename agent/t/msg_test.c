/* SPDX-License-Identifier: PostgreSQL */
/*
 * msg_test.c - messages arrive as they were sent; anything else is refused, by its length or its
 * shape.
 */
#include "agent/msg.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/tap.h"

static int fd[2];

static void
travels(void)
{
    struct msg m, got;
    msg_start(&m, MSG_REPORT);
    msg_number(&m, REPORT_STATE, 17);
    msg_number(&m, REPORT_HEALTHY, 1);
    msg_bytes(&m, REPORT_DRIFT, "a\0b", 3);
    is_int(msg_write(fd[0], &m), 0, "a report is written");
    is_int(msg_read(fd[1], &got, 1000), 0, "and read");
    is_int(got.type, MSG_REPORT, "with its type");
    is_int(got.field[REPORT_STATE].number, 17, "a number");
    is_int(got.field[REPORT_DRIFT].len, 3, "and bytes");
    is_mem(got.field[REPORT_DRIFT].p, "a\0b", 3, "as they were");
    msg_free(&got);
    msg_start(&m, MSG_ENROLLED);
    msg_text(&m, ENROLLED_TEAM, "acme");
    is_int(msg_write(fd[0], &m), 0, "a text");
    is_int(msg_read(fd[1], &got, 1000), 0, "arrives");
    is_str(got.field[ENROLLED_TEAM].p, "acme", "with its end");
    is_str(got.field[ENROLLED_PROJECT].p, "", "and one that was not set is empty");
    msg_free(&got);
}

static void
bounds(void)
{
    struct msg m;
    char longer[600];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    msg_start(&m, MSG_PEER);
    msg_text(&m, PEER_URL, longer);
    is_int(msg_write(fd[0], &m), SFT_ETOOLONG, "a text beyond its bound is not sent");
    is_int(msg_read(fd[1], &m, 50), SFT_ETIMEOUT, "and a wait has an end");
}

static void
malformed(void)
{
    static const struct {
        uint32_t type;
        size_t len;
        const char *payload;
        const char *what;
    } rows[] = {
        {0, 0, "", "type 0"},
        {MSG_TYPES, 0, "", "a type beyond the last"},
        {0xffffffff, 0, "", "a huge type"},
        {MSG_GET_STATE, 7, "\0\0\0\0\0\0\1", "a number that breaks off"},
        {MSG_GET_STATE, 9, "\0\0\0\0\0\0\0\1x", "a byte too many"},
        {MSG_GET_TRUST, 6, "\0\0\0\1ab", "a text without its end"},
        {MSG_GET_TRUST, 7, "\0\0\0\2a\0\0", "a text with a NUL in it"},
        {MSG_GET_TRUST, 5, "\xff\xff\xff\xff\0", "a length beyond the message"},
        {MSG_GET_TRUST, 42, "\0\0\0\45aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0",
         "a text beyond its bound"},
        {MSG_UNCHANGED, 1, "x", "a payload where none belongs"},
    };
    struct msg m;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char copy[64];
        memcpy(copy, rows[i].payload, rows[i].len);
        ok(msg_parse(&m, rows[i].type, copy, rows[i].len) != 0, rows[i].what);
    }
    static const unsigned char huge[8] = {0, 0, 0, MSG_DONE, 0xff, 0xff, 0xff, 0xff};
    ok(write(fd[0], huge, sizeof huge) == 8, "a header that claims 4 GiB");
    is_int(msg_read(fd[1], &m, 1000), SFT_ETOOLONG, "is refused before it is believed");
}

/* What a child that was taken over could send: never a crash, never a field outside the payload. */
static void
random_bytes(void)
{
    unsigned seed = 1, parsed = 0;
    int outside = 0;
    for (int i = 0; i < 200000; i++) {
        size_t len = (size_t)rand_r(&seed) % 80;
        char *p = malloc(len + 1);
        struct msg m;
        for (size_t k = 0; k < len; k++)
            p[k] = (char)(rand_r(&seed) % 4 ? rand_r(&seed) % 5 : rand_r(&seed));
        if (msg_parse(&m, (uint32_t)rand_r(&seed) % (MSG_TYPES + 2), p, len) == 0) {
            parsed++;
            for (int f = 0; f < MSG_FIELDS_MAX; f++)
                outside |= m.field[f].len > 0 &&
                           (m.field[f].p < p || m.field[f].p + m.field[f].len > p + len);
        }
        free(p);
    }
    ok(parsed > 100, "some random bytes are messages");
    ok(!outside, "and no field of one is outside of its bytes");
}

static void
end_of_talk(void)
{
    struct msg m;
    close(fd[0]);
    is_int(msg_read(fd[1], &m, 1000), SFT_ENOTFOUND, "a closed socket is the end of the talk");
    msg_start(&m, MSG_DONE);
    is_int(msg_write(fd[1], &m), SFT_ESYSTEM, "also for who writes");
}

int
main(void)
{
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
        return 1;
    travels();
    bounds();
    malformed();
    random_bytes();
    end_of_talk();
    return done_testing();
}
