/* SPDX-License-Identifier: PostgreSQL */
/*
 * tmp.h - a folder of the test's own, files in it, and programs run in it (for tests of common/).
 */
#ifndef SFT_T_TMP_H
#define SFT_T_TMP_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char tmp_path[64] = "/tmp/sft-t-XXXXXX";

static inline void
tmp_remove(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", tmp_path);
    if (chdir("/") != 0 || system(command) != 0)
        fprintf(stderr, "# could not remove %s\n", tmp_path);
}

/* Makes the folder and works in it; it goes when the test ends. */
static inline void
tmp_enter(void)
{
    if (mkdtemp(tmp_path) == NULL || chdir(tmp_path) != 0) {
        printf("Bail out! no temporary folder\n");
        exit(1);
    }
    atexit(tmp_remove);
}

/* The program's exit status. */
static inline int __attribute__((format(printf, 1, 2))) tmp_run(const char *fmt, ...)
{
    char command[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(command, sizeof(command), fmt, ap);
    va_end(ap);
    int status = system(command);
    return status == -1 ? -1 : status >> 8;
}

/* Same, and the test cannot go on if the program fails. */
#define tmp_must(...)                                                                              \
    do {                                                                                           \
        if (tmp_run(__VA_ARGS__) != 0) {                                                           \
            printf("Bail out! a program failed at %s:%d\n", __FILE__, __LINE__);                   \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static inline size_t
tmp_read(const char *name, void *out, size_t cap)
{
    FILE *f = fopen(name, "rb");
    size_t len = f != NULL ? fread(out, 1, cap - 1, f) : 0;
    if (f != NULL)
        fclose(f);
    ((char *)out)[len] = '\0';
    return len;
}

/* The first line, without its end. */
static inline size_t
tmp_line(const char *name, char *out, size_t cap)
{
    tmp_read(name, out, cap);
    out[strcspn(out, "\n")] = '\0';
    return strlen(out);
}

static inline void
tmp_write(const char *name, const void *mem, size_t len)
{
    FILE *f = fopen(name, "wb");
    if (f == NULL || fwrite(mem, 1, len, f) != len || fclose(f) != 0) {
        printf("Bail out! cannot write %s\n", name);
        exit(1);
    }
}

#endif
