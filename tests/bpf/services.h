/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services of the tests' world. Tables hold both families at once: what stands here
 * for service number N is its port of either family, and a backend has one number in each.
 */
#pragma once

#include "fixture.h"
#include "weir/service.h"

/* The numbers in the tables. */
#define NUMBER_OF(n, v6) (2 * (n) + (v6))

/* Sent where its sender is, without expectations: what @via returns, and makes of @frame. */
int packet_send(enum program via, const struct packet *packet, struct frame *frame, bool v6);

/* @vip @port is service @n; and the address itself is entered, with @flags & FRONTEND_WHOLE. */
void frontend_put(enum who vip, uint16_t port, uint8_t proto, uint32_t n, uint32_t flags);
void frontend_clear(enum who vip, uint16_t port, uint8_t proto);

/* Backend @n, of service @service, in the sets of @flags. Keeps its generation. */
void backend_put(uint32_t n, uint32_t service, enum who who, uint16_t port, uint8_t flags);
/* Its generation moves on. */
void backend_end(uint32_t n);

/* The set is @count backends from number @first on; their flags are not looked at. */
void set_put(uint32_t service, enum service_set set, uint32_t first, uint32_t count);
/* The set is a run of these @count backends, each as often as it stands there: a Maglev table. */
void table_put(uint32_t service, enum service_set set, const uint32_t *backends, uint32_t count);
/* It has none. */
void set_empty(uint32_t service, enum service_set set, enum service_empty empty);
void affinity_set(uint32_t service, uint32_t seconds);
/* So many bits of @who's addresses are in its loadBalancerSourceRanges. */
void range_put(uint32_t service, enum who who, uint32_t bits4, uint32_t bits6);
