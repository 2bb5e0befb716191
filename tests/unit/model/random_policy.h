/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of random clusters, and policies in it. */
#pragma once

#include <netinet/in.h>

#include "random_world.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PICK(world, array) (array)[world_random((world), COUNT(array))]
#define TEXT_MAX 256
#define WORLD_POLICIES 7 /* a namespace, a kind */

static const char *const world_namespaces[] = { "a", "b", "c" };
static const char *const world_keys[] = { "app", "tier", "x" };
static const char *const world_values[] = { "1", "2", "" };
static const char *const world_port_names[] = { "http", "dns" };
static const uint8_t world_protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
static const uint16_t world_ports[] = { 1, 53, 79, 80, 81, 1023, 8080, 32768, 65534, 65535 };

struct object *random_policy(struct world *world);
/* Of the Admin or Baseline tier. */
struct object *random_ordered_policy(struct world *world);
