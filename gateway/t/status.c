/* SPDX-License-Identifier: PostgreSQL */
/*
 * status.c - docs/doors.md "Errors that escape", row by row (H18).
 */
#include "gateway/status.h"
#include "common/tap.h"

int
main(void)
{
    static const struct {
        const char *sqlstate;
        int status, retry;
    } rows[] = {
        {"40001", 503, 1}, {"40P01", 503, 1}, {"40002", 500, 0}, {"08006", 503, 0},
        {"53100", 503, 0}, {"57P01", 503, 0}, {"57P02", 503, 0}, {"57P03", 503, 0},
        {"57P04", 500, 0}, {"25006", 503, 0}, {"57014", 504, 0}, {"55P03", 504, 0},
        {"54001", 413, 0}, {"XX000", 500, 1}, {"XX001", 500, 0}, {"42883", 500, 1},
        {"42P01", 500, 1}, {"0A000", 500, 1}, {"42703", 500, 1}, {"42501", 500, 0},
        {"SF403", 500, 0}, {"22023", 500, 0}, {"", 500, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct verdict v = status_of_sqlstate(rows[i].sqlstate);
        is_int(v.refusal->status, rows[i].status, rows[i].sqlstate);
        is_int(v.retry, rows[i].retry, "... retry");
    }
    is_str(status_type(404), "resource_does_not_exist", "type of 404");
    is_str(status_type(503), "service_offline", "type of 503");
    is_str(status_type(299), "unknown_error", "type of a status that has none");
    is_str(status_reason(201), "Created", "reason of 201");
    return done_testing();
}
