/* SPDX-License-Identifier: Apache-2.0 */
/* Files below /proc/sys/net, which show the network namespace of the calling thread. */
#pragma once

#include <stdint.h>

/*
 * @path is relative to /proc/sys/net. 0, or the errno of the file (-ENOENT: the
 * kernel lacks it). What has the value already is not written.
 */
int net_sysctl_set(const char *path, int value);
int net_sysctl_get(int *ret, const char *path);

/* What the kernel gives to sockets that ask for no port. 0 or a negative errno. */
int net_local_ports(uint16_t *first, uint16_t *last);

/* Packets of this family (AF_INET, AF_INET6) are forwarded between links. */
int net_forwarding_on(int family);
