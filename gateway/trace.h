/* SPDX-License-Identifier: PostgreSQL */
/*
 * trace.h - the id that follows a request through answer (X-Trace-Id), access log, log and audit.
 */
#ifndef SFT_GATEWAY_TRACE_H
#define SFT_GATEWAY_TRACE_H

#define TRACE_ID_LEN 32

/* 128 random bits as lower-case hex; never what a client sent. */
void trace_id_make(char out[TRACE_ID_LEN + 1]);

#endif
