/* SPDX-License-Identifier: PostgreSQL */
/*
 * prompt.c - asking the person at the terminal.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "common/fsx.h"
#include "common/text.h"
#include "prompt.h"

#define FILE_MAX 16384

static const int deadly[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
#define DEADLY_N (sizeof deadly / sizeof deadly[0])

static struct {
    int fd;
    struct termios before;
} tty = {-1, {0}};

bool
prompt_is_possible(void)
{
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

/* Whoever interrupts a prompt gets the echo back, and the signal what it would have had. */
static void
on_signal(int number)
{
    int saved = errno;
    (void)tcsetattr(tty.fd, TCSANOW, &tty.before);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
    errno = saved;
}

static void
signals_take(struct sigaction old[DEADLY_N])
{
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigemptyset(&action.sa_mask);
    action.sa_flags = SA_NODEFER;
    for (size_t i = 0; i < DEADLY_N; i++)
        (void)sigaction(deadly[i], &action, &old[i]);
}

static void
signals_give_back(const struct sigaction old[DEADLY_N])
{
    for (size_t i = 0; i < DEADLY_N; i++)
        (void)sigaction(deadly[i], &old[i], NULL);
}

/* One line without its newline; -1 at the end of input, or when it does not fit. */
static int
read_line(int fd, char *out, size_t cap)
{
    size_t len = 0;
    for (;;) {
        char c;
        ssize_t n = read(fd, &c, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 && len == 0)
            return -1;
        if (n <= 0 || c == '\n')
            break;
        if (c == '\0' || len + 1 >= cap)
            return -1;
        out[len++] = c;
    }
    if (len && out[len - 1] == '\r')
        len--;
    out[len] = '\0';
    return 0;
}

static int
say(int fd, const char *text)
{
    size_t len = strlen(text);
    return write(fd, text, len) == (ssize_t)len ? 0 : -1;
}

static int
tty_open(struct failure *f)
{
    tty.fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (tty.fd < 0)
        return fail(f, SFT_EXIT_ERROR, NULL, "There is no terminal to ask at.");
    return 0;
}

int
prompt_secret(const char *question, char *out, size_t cap, struct failure *f)
{
    struct sigaction old[DEADLY_N];
    int result = -1;
    int code = tty_open(f);
    if (code)
        return code;
    if (tcgetattr(tty.fd, &tty.before) == 0) {
        struct termios quiet = tty.before;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        signals_take(old);
        (void)tcsetattr(tty.fd, TCSAFLUSH, &quiet);
        result = say(tty.fd, question) == 0 ? read_line(tty.fd, out, cap) : -1;
        (void)tcsetattr(tty.fd, TCSAFLUSH, &tty.before);
        signals_give_back(old);
        (void)say(tty.fd, "\n");
    }
    close(tty.fd);
    return result == 0 ? 0 : fail(f, SFT_EXIT_ERROR, NULL, "Nothing was entered.");
}

int
prompt_yes(const char *question, bool *yesp, struct failure *f)
{
    char line[16];
    int code = tty_open(f);
    *yesp = false;
    if (code)
        return code;
    if (say(tty.fd, question) == 0 && read_line(tty.fd, line, sizeof line) == 0)
        *yesp = strcmp(line, "y") == 0 || strcmp(line, "yes") == 0;
    close(tty.fd);
    return 0;
}

static int
lines_take(char *text, char *first, char *second, size_t cap)
{
    char *lines[2] = {text, NULL}, *outs[2] = {first, second};
    char *newline = strchr(text, '\n');
    if (newline) {
        *newline = '\0';
        lines[1] = newline + 1;
        lines[1][strcspn(lines[1], "\n")] = '\0';
    }
    for (int i = 0; i < 2; i++) {
        size_t len = lines[i] ? strcspn(lines[i], "\r") : 0;
        if (len >= cap)
            return SFT_ETOOLONG;
        if (outs[i]) {
            memcpy(outs[i], lines[i] ? lines[i] : "", len);
            outs[i][len] = '\0';
        }
    }
    return 0;
}

static int
stdin_take(char *first, char *second, size_t cap)
{
    if (read_line(STDIN_FILENO, first, cap) != 0)
        return SFT_EFORMAT;
    if (second && read_line(STDIN_FILENO, second, cap) != 0)
        second[0] = '\0';
    return 0;
}

static int
file_take(const char *path, char *first, char *second, size_t cap)
{
    char *text;
    size_t len;
    int err = fsx_read_secret(path, FILE_MAX, &text, &len);
    if (err)
        return err;
    err = strlen(text) == len ? lines_take(text, first, second, cap) : SFT_EFORMAT;
    mem_wipe(text, len);
    free(text);
    return err;
}

int
prompt_file(const char *path, char *first, char *second, size_t cap, struct failure *f)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int err = is_stdin ? stdin_take(first, second, cap) : file_take(path, first, second, cap);
    if (!err && !first[0])
        err = SFT_EFORMAT;
    return err ? fail_err(f, err, is_stdin ? "standard input" : path) : 0;
}
