/* SPDX-License-Identifier: PostgreSQL */
/*
 * replay.c - runs a fuzzing harness as a test: over the inputs kept in fuzz/corpus/NAME, and over
 * mutants of them that are the same in every run.
 *
 *   build/release/fuzz/NAME.t [FILE ...]     in the room's folder; FILEs alone when they are named
 *
 * The input at which a harness dies is left in fuzz-NAME.found, below TMPDIR.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/tap.h"

#define INPUTS_MAX 1024
#define INPUT_MAX 65536
#define MUTANTS 5000
#define PATIENCE (CLOCKS_PER_SEC / 4) /* of processor time; `make fuzz` has more */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static struct input {
    uint8_t *p;
    size_t len;
} inputs[INPUTS_MAX];
static size_t inputs_n;

/* What the harness has just been given, where the signal handler can write it from. */
static uint8_t current[INPUT_MAX];
static size_t current_len;
static char found[512];

static void
keep(void)
{
    int fd = open(found, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd >= 0) {
        (void)!write(fd, current, current_len);
        close(fd);
    }
}

static void
on_death(int signal)
{
    keep();
    _exit(128 + signal);
}

static void
give(const uint8_t *p, size_t len)
{
    /* memory of its own, so that ASan sees a read past the end */
    uint8_t *copy = malloc(len + (len == 0));
    if (copy == NULL)
        abort();
    if (len > 0)
        memcpy(copy, p, len);
    if (p != current && len > 0)
        memcpy(current, p, len);
    current_len = len;
    (void)LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

static void
load(const char *path)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, current, sizeof current);
    struct input *input = &inputs[inputs_n];
    if (fd >= 0)
        close(fd);
    if (n < 0 || inputs_n == INPUTS_MAX || (input->p = malloc((size_t)n + 1)) == NULL)
        return;
    memcpy(input->p, current, (size_t)n);
    input->len = (size_t)n;
    inputs_n++;
}

static int
is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* By name: the mutants must not depend on how the folder lies on the disk. */
static void
load_folder(const char *folder)
{
    struct dirent **names;
    int n = scandir(folder, &names, is_visible, alphasort);
    for (int i = 0; i < n; i++) {
        char path[512];
        if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name) < sizeof path)
            load(path);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

/* ---- mutants ---- */

static uint64_t
chance(uint64_t below)
{
    static uint64_t state = UINT64_C(0x9e3779b97f4a7c15); /* xorshift64, Marsaglia 2003 */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return below == 0 ? 0 : state % below;
}

static void
cut_out(size_t at, size_t n)
{
    memmove(current + at, current + at + n, current_len - at - n);
    current_len -= n;
}

static void
put_in(size_t at, const uint8_t *p, size_t n)
{
    if (current_len + n > INPUT_MAX)
        return;
    memmove(current + at + n, current + at, current_len - at);
    memmove(current + at, p, n);
    current_len += n;
}

static void
mutate(void)
{
    static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xff, ' ', '\n', ','};
    const struct input *other = &inputs[chance(inputs_n)];
    size_t at = chance(current_len), n = chance(current_len - at < 32 ? current_len - at : 32) + 1;
    size_t from = chance(other->len);
    if (current_len == 0)
        return;
    switch (chance(6)) {
    case 0:
        current[at] ^= (uint8_t)(1u << chance(8));
        break;
    case 1:
        current[at] = edges[chance(sizeof edges)];
        break;
    case 2:
        cut_out(at, n);
        break;
    case 3: /* a piece of another input */
        if (other->len > 0)
            put_in(at, other->p + from, chance(other->len - from < 64 ? other->len - from : 64));
        break;
    case 4: /* the head of one, the tail of another */
        current_len = at;
        put_in(at, other->p + from, other->len - from);
        break;
    default:
        current[at] = (uint8_t)(current[at] + chance(33) - 16);
    }
}

static void
give_mutant(void)
{
    const struct input *input = &inputs[chance(inputs_n)];
    memcpy(current, input->p, input->len);
    current_len = input->len;
    for (uint64_t i = chance(4) + 1; i > 0; i--)
        mutate();
    give(current, current_len);
}

/* "build/release/fuzz/krl.t" is about "krl". */
static void
name_of(const char *program, char *out, size_t cap)
{
    const char *slash = strrchr(program, '/');
    snprintf(out, cap, "%s", slash != NULL ? slash + 1 : program);
    char *dot = strrchr(out, '.');
    if (dot != NULL)
        *dot = '\0';
}

static void
watch(const char *name)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(found, sizeof found, "%s/fuzz-%s.found", tmp != NULL ? tmp : "/tmp", name);
    if (__sanitizer_set_death_callback != NULL) {
        __sanitizer_set_death_callback(keep);
        return;
    }
    signal(SIGABRT, on_death);
    signal(SIGSEGV, on_death);
    signal(SIGBUS, on_death);
    signal(SIGFPE, on_death);
}

int
main(int argc, char **argv)
{
    char name[64], folder[128], what[128];
    name_of(argv[0], name, sizeof name);
    watch(name);
    snprintf(folder, sizeof folder, "fuzz/corpus/%s", name);
    for (int i = 1; i < argc; i++)
        load(argv[i]);
    if (argc < 2)
        load_folder(folder);
    clock_t begin = clock();
    for (size_t i = 0; i < inputs_n; i++)
        give(inputs[i].p, inputs[i].len);
    snprintf(what, sizeof what, "%s: %zu kept inputs", name, inputs_n);
    ok(inputs_n > 0, what);
    int mutants = 0;
    while (argc < 2 && inputs_n > 0 && mutants < MUTANTS && clock() < begin + PATIENCE) {
        give_mutant();
        mutants++;
    }
    snprintf(what, sizeof what, "%s: mutants of them", name);
    ok(mutants > 0 || argc > 1, what);
    printf("# %d\n", mutants);
    for (size_t i = 0; i < inputs_n; i++)
        free(inputs[i].p);
    return done_testing();
}
