/* SPDX-License-Identifier: Apache-2.0 */
/* Network namespaces for one test; they vanish with the process that check forks for it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/net.h"

/* A new, empty namespace, in which the caller is from now on; its descriptor. */
int world_enter_new(void);
void world_enter(int ns);

/* Runs a shell command in the current namespace; the test fails when it fails. */
void world_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Whether @text appears in what the command prints. */
bool world_shows(const char *command, const char *text);

/* A namespace and a connection to it. */
struct net *world_net(void);
uint32_t world_ifindex(const char *name);
struct ip_addr world_addr(const char *text);
struct prefix world_prefix(const char *text);
