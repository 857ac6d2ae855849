/* SPDX-License-Identifier: PostgreSQL */
/*
 * common_text.h - common/text.h beside PostgreSQL's headers, which have a hex_encode of their own.
 */
#ifndef SFTCA_COMMON_TEXT_H
#define SFTCA_COMMON_TEXT_H

#define hex_encode sft_hex_encode
#define hex_decode sft_hex_decode
#include "common/text.h" /* IWYU pragma: export */
#undef hex_encode
#undef hex_decode

#endif
