/* SPDX-License-Identifier: PostgreSQL */
/*
 * status.c - SQLSTATE to status, status to words.
 */
#include "gateway/status.h"

#include <stddef.h>
#include <string.h>

#define REFUSAL(name, status, error, message)                                                      \
    const struct refusal refusal_##name = {status, error, message}

REFUSAL(path_malformed, 400, "path_malformed", "The request's path or query is malformed.");
REFUSAL(path_unknown, 404, "path_unknown", "There is nothing at this path.");
REFUSAL(method, 405, "method_not_allowed", "This path does not take this method.");
REFUSAL(head_malformed, 400, "header_malformed", "The request's head is malformed.");
REFUSAL(head_too_large, 431, "header_too_large", "The request's head is too large.");
REFUSAL(host, 400, "host_malformed", "Exactly one well-formed Host header is needed.");
REFUSAL(length, 400, "length_malformed", "The length of the request's body is stated wrongly.");
REFUSAL(header_repeated, 400, "header_repeated", "A header that may come once came twice.");
REFUSAL(body_too_large, 413, "body_too_large", "The request's body is too large.");
REFUSAL(body_not_allowed, 400, "body_not_allowed", "This call takes no body.");
REFUSAL(content_type, 415, "content_type_unsupported", "The body must be JSON.");
REFUSAL(content_encoding, 415, "content_encoding_unsupported", "The body must not be encoded.");
REFUSAL(overloaded, 503, "overloaded", "Too much is waiting. Try again in a moment.");
REFUSAL(database, 503, "database_unavailable", "The database is away. Try again in a moment.");
REFUSAL(outcome_unknown, 503, "outcome_unknown",
        "Whether this was done is not known. Ask again with the same request_id.");
REFUSAL(conflict, 503, "conflict", "Others changed the same things. Try again in a moment.");
REFUSAL(timeout, 504, "timeout", "This took too long and was given up.");
REFUSAL(too_much, 413, "too_much", "The request asks for more than the database can take.");
REFUSAL(internal, 500, "internal", "Something is wrong on our side.");
REFUSAL(not_ready, 503, "not_ready", "Not ready yet.");
REFUSAL(stopping, 503, "stopping", "This gateway is stopping. Try again in a moment.");

REFUSAL(expectation, 417, "expectation_unknown",
        "The request expects what this server does not know.");

/* The first prefix that fits decides. */
static const struct {
    const char *prefix;
    struct verdict verdict;
} states[] = {
    {"40001", {true, &refusal_conflict, false}},  {"40P01", {true, &refusal_conflict, false}},
    {"57014", {false, &refusal_timeout, false}},  {"55P03", {false, &refusal_timeout, true}},
    {"57P01", {false, &refusal_database, false}}, {"57P02", {false, &refusal_database, false}},
    {"57P03", {false, &refusal_database, false}}, {"25006", {false, &refusal_database, false}},
    {"XX000", {true, &refusal_internal, false}},  {"42883", {true, &refusal_internal, false}},
    {"42P01", {true, &refusal_internal, false}},  {"0A000", {true, &refusal_internal, false}},
    {"42703", {true, &refusal_internal, false}},  {"08", {false, &refusal_database, false}},
    {"53", {false, &refusal_database, false}},    {"54", {false, &refusal_too_much, false}},
};

struct verdict
status_of_sqlstate(const char *sqlstate)
{
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (strncmp(sqlstate, states[i].prefix, strlen(states[i].prefix)) == 0)
            return states[i].verdict;
    return (struct verdict){false, &refusal_internal, false};
}

static const struct {
    int status;
    const char *type, *reason;
} names[] = {
    {200, "", "OK"},
    {201, "", "Created"},
    {202, "", "Accepted"},
    {204, "", "No Content"},
    {302, "", "Found"},
    {303, "", "See Other"},
    {304, "", "Not Modified"},
    {400, "invalid_request", "Bad Request"},
    {401, "authentication_error", "Unauthorized"},
    {403, "forbidden_error", "Forbidden"},
    {404, "resource_does_not_exist", "Not Found"},
    {405, "method_not_allowed", "Method Not Allowed"},
    {409, "resource_already_exists", "Conflict"},
    {410, "resource_does_not_exist", "Gone"},
    {413, "invalid_request", "Content Too Large"},
    {415, "unsupported_content_type", "Unsupported Media Type"},
    {417, "invalid_request", "Expectation Failed"},
    {422, "invalid_request", "Unprocessable Content"},
    {426, "client_too_old", "Upgrade Required"},
    {429, "too_many_requests", "Too Many Requests"},
    {431, "invalid_request", "Request Header Fields Too Large"},
    {500, "unknown_error", "Internal Server Error"},
    {503, "service_offline", "Service Unavailable"},
    {504, "gateway_timeout", "Gateway Timeout"},
};

const char *
status_type(int status)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].status == status)
            return names[i].type;
    return "unknown_error";
}

const char *
status_reason(int status)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].status == status)
            return names[i].reason;
    return "Other";
}
