/* SPDX-License-Identifier: PostgreSQL */
/*
 * device.h - what is told to the platform about this device.
 */
#ifndef SFT_CLIENT_DEVICE_H
#define SFT_CLIENT_DEVICE_H

#include <stdbool.h>

struct device {
    char hostname[256], os[128], description[300];
    enum { DEVICE_PLAIN, DEVICE_ENCRYPTED, DEVICE_UNKNOWN } disk; /* the one with the home folder */
};

void device_describe(struct device *d, const char *home);

#endif
