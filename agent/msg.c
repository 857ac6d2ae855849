/* SPDX-License-Identifier: PostgreSQL */
/*
 * msg.c - typed, length-checked messages over the socket pair.
 *
 * On the wire: u32 type, u32 length of the payload; then per field u32 length and bytes, a text
 * followed by a NUL that its length does not count; a number is u64.
 */
#include "agent/msg.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/sbuf.h"
#include "common/text.h"

enum kind { END = 0, TEXT, BYTES, NUMBER };

struct shape {
    const char *name;
    struct {
        enum kind kind;
        size_t max;
    } field[MSG_FIELDS_MAX + 1];
};

static const struct shape shapes[MSG_TYPES] = {
    [MSG_PEER] = {"peer", {{TEXT, 512}, {TEXT, 300}, {TEXT, 65536}, {TEXT, 64}, {BYTES, 8192}}},
    [MSG_GET_INSTANCE] = {"get instance", {{END, 0}}},
    [MSG_ENROLL] = {"enroll", {{TEXT, 36}, {TEXT, 36}, {TEXT, 64}}},
    [MSG_GET_STATE] = {"get state", {{NUMBER, 0}}},
    [MSG_GET_TRUST] = {"get trust", {{TEXT, 36}}},
    [MSG_GET_HOST_CERT] = {"get host certificate", {{TEXT, 1800}}},
    [MSG_REPORT] = {"report", {{NUMBER, 0}, {NUMBER, 0}, {NUMBER, 0}, {NUMBER, 0}, {BYTES, 65536}}},
    [MSG_STATEMENT] = {"statement",
                       {{NUMBER, 0},
                        {TEXT, 200},
                        {TEXT, 32},
                        {TEXT, 80},
                        {TEXT, 512},
                        {TEXT, 160},
                        {TEXT, 160},
                        {TEXT, 1800},
                        {BYTES, MSG_BODY_MAX}}},
    [MSG_UNCHANGED] = {"unchanged", {{END, 0}}},
    [MSG_ENROLLED] = {"enrolled", {{TEXT, 64}, {TEXT, 128}, {TEXT, 36}}},
    [MSG_HOST_CERT] = {"host certificate", {{TEXT, 16384}}},
    [MSG_DONE] = {"done", {{END, 0}}},
    [MSG_FAILED] = {"failed", {{NUMBER, 0}, {NUMBER, 0}, {TEXT, 64}, {TEXT, 400}, {NUMBER, 0}}},
};

const char *
msg_name(enum msg_type type)
{
    return type > MSG_NONE && type < MSG_TYPES ? shapes[type].name : "unknown";
}

void
msg_start(struct msg *m, enum msg_type type)
{
    memset(m, 0, sizeof *m);
    m->type = type;
    for (int i = 0; i < MSG_FIELDS_MAX; i++)
        m->field[i].p = "";
}

void
msg_text(struct msg *m, int field, const char *text)
{
    m->field[field].p = text ? text : "";
    m->field[field].len = strlen(m->field[field].p);
}

void
msg_bytes(struct msg *m, int field, const void *bytes, size_t len)
{
    m->field[field].p = len ? bytes : "";
    m->field[field].len = len;
}

void
msg_number(struct msg *m, int field, uint64_t number)
{
    m->field[field].number = number;
}

static int
payload_size(const struct msg *m, const struct shape *shape, size_t *sizep)
{
    *sizep = 0;
    for (int i = 0; i < MSG_FIELDS_MAX && shape->field[i].kind != END; i++) {
        const struct msg_field *f = &m->field[i];
        if (shape->field[i].kind == NUMBER)
            *sizep += 8;
        else if (f->len > shape->field[i].max)
            return SFT_ETOOLONG;
        else
            *sizep += 4 + f->len + (shape->field[i].kind == TEXT);
    }
    return *sizep > MSG_MAX ? SFT_ETOOLONG : 0;
}

static void
put_fields(struct sbuf *b, const struct msg *m, const struct shape *shape)
{
    for (int i = 0; i < MSG_FIELDS_MAX && shape->field[i].kind != END; i++) {
        const struct msg_field *f = &m->field[i];
        if (shape->field[i].kind == NUMBER) {
            sb_u64(b, f->number);
            continue;
        }
        sb_blob(b, f->p, f->len);
        if (shape->field[i].kind == TEXT)
            sb_u8(b, 0);
    }
}

static int
write_all(int fd, const uint8_t *p, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return SFT_ESYSTEM;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int
msg_write(int fd, const struct msg *m)
{
    const struct shape *shape = &shapes[m->type];
    struct sbuf b;
    size_t size;
    int err = payload_size(m, shape, &size);
    if (err)
        return err;
    uint8_t *mem = malloc(8 + size);
    if (!mem)
        return SFT_ENOMEM;
    sb_writer(&b, mem, 8 + size);
    sb_u32(&b, m->type);
    sb_u32(&b, (uint32_t)size);
    put_fields(&b, m, shape);
    err = sb_err(&b);
    if (!err)
        err = write_all(fd, mem, b.len);
    mem_wipe(mem, 8 + size);
    free(mem);
    return err;
}

static int64_t
now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Signals are let in only here: one that came earlier ends this wait, too, and is not lost. */
static int
wait_readable(int fd, int64_t deadline)
{
    struct pollfd p = {fd, POLLIN, 0};
    sigset_t none;
    struct timespec left = {0, 0};
    int64_t ms = deadline < 0 ? 0 : deadline - now_ms();
    if (ms > 0) {
        left.tv_sec = (time_t)(ms / 1000);
        left.tv_nsec = (long)(ms % 1000) * 1000000;
    }
    sigemptyset(&none);
    int n = ppoll(&p, 1, deadline < 0 ? NULL : &left, &none);
    return n < 0 ? SFT_ESYSTEM : n == 0 ? SFT_ETIMEOUT : 0;
}

static int
read_all(int fd, void *buf, size_t len, int64_t deadline)
{
    char *p = buf;
    while (len > 0) {
        int err = wait_readable(fd, deadline);
        if (err)
            return err;
        ssize_t n = recv(fd, p, len, 0);
        if (n == 0)
            return SFT_ENOTFOUND;
        if (n < 0 && errno != EINTR)
            return SFT_ESYSTEM;
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

static void
get_field(struct sbuf *b, enum kind kind, size_t max, struct msg_field *f)
{
    if (kind == NUMBER) {
        f->number = sb_get_u64(b);
        return;
    }
    const uint8_t *p = sb_get_blob(b, &f->len);
    if (kind == TEXT && sb_get_u8(b) != 0)
        sb_fail(b, SFT_EFORMAT);
    if (sb_err(b))
        return;
    if (f->len > max)
        sb_fail(b, SFT_ETOOLONG);
    else if (kind == TEXT && memchr(p, 0, f->len))
        sb_fail(b, SFT_EFORMAT);
    f->p = (const char *)p;
}

int
msg_parse(struct msg *m, uint32_t type, char *payload, size_t len)
{
    struct sbuf b;
    msg_start(m, MSG_NONE);
    if (type == MSG_NONE || type >= MSG_TYPES)
        return SFT_EFORMAT;
    sb_reader(&b, payload, len);
    for (int i = 0; i < MSG_FIELDS_MAX && shapes[type].field[i].kind != END; i++)
        get_field(&b, shapes[type].field[i].kind, shapes[type].field[i].max, &m->field[i]);
    sb_end(&b);
    if (sb_err(&b)) {
        msg_start(m, MSG_NONE);
        return sb_err(&b);
    }
    m->type = (enum msg_type)type;
    return 0;
}

int
msg_read(int fd, struct msg *m, int timeout_ms)
{
    int64_t deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
    uint8_t head[8];
    struct sbuf b;
    msg_start(m, MSG_NONE);
    int err = read_all(fd, head, sizeof head, deadline);
    if (err)
        return err;
    sb_reader(&b, head, sizeof head);
    uint32_t type = sb_get_u32(&b), len = sb_get_u32(&b);
    if (len > MSG_MAX)
        return SFT_ETOOLONG;
    char *payload = malloc((size_t)len + 1);
    if (!payload)
        return SFT_ENOMEM;
    err = read_all(fd, payload, len, deadline);
    if (!err)
        err = msg_parse(m, type, payload, len);
    if (err) {
        mem_wipe(payload, len);
        free(payload);
    } else {
        m->memory = payload;
        m->memory_len = len;
    }
    return err;
}

void
msg_free(struct msg *m)
{
    if (m->memory)
        mem_wipe(m->memory, m->memory_len);
    free(m->memory);
    msg_start(m, MSG_NONE);
}
