/* SPDX-License-Identifier: PostgreSQL */
/*
 * reserved.c - names that belong to the operating system and its packages.
 *
 * A group "docker" made by us today is root for its members on the day that Docker is installed; an
 * account "postgres" owns the database then. The platform refuses such names as well
 * (sft.server_user_name), but sftd does not depend on it.
 */
#include "agent/reserved.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Sorted. */
static const char *const reserved[] = {
    "_apt",
    "_ssh",
    "adm",
    "audio",
    "backup",
    "bin",
    "cdrom",
    "containerd",
    "crontab",
    "daemon",
    "dialout",
    "dip",
    "disk",
    "docker",
    "fax",
    "floppy",
    "games",
    "gnats",
    "halt",
    "incus",
    "incus-admin",
    "input",
    "irc",
    "kmem",
    "kvm",
    "libvirt",
    "libvirt-qemu",
    "list",
    "lp",
    "lpadmin",
    "lxd",
    "mail",
    "man",
    "messagebus",
    "mysql",
    "netdev",
    "news",
    "nobody",
    "nogroup",
    "nslcd",
    "operator",
    "plugdev",
    "polkitd",
    "postgres",
    "proxy",
    "render",
    "root",
    "sasl",
    "sft",
    "sft-admin",
    "sft-gateway",
    "sftd",
    "sgx",
    "shadow",
    "shutdown",
    "src",
    "ssh",
    "sshd",
    "sssd",
    "staff",
    "sudo",
    "sync",
    "sys",
    "systemd-coredump",
    "systemd-journal",
    "systemd-network",
    "systemd-resolve",
    "systemd-timesync",
    "tape",
    "toor",
    "tss",
    "tty",
    "users",
    "utmp",
    "uucp",
    "video",
    "voice",
    "wheel",
    "wireshark",
    "www-data",
};

static int
compare(const void *name, const void *row)
{
    return strcmp(name, *(const char *const *)row);
}

bool
name_is_reserved(const char *name)
{
    return bsearch(name, reserved, sizeof reserved / sizeof reserved[0], sizeof reserved[0],
                   compare) != NULL;
}
