/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node without an agent: store, image compiler and reconcile over real maps and
 * programs. Pods sit on interfaces of a network namespace of this process.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "datapath/datapath.h"
#include "model/image.h"
#include "model/store.h"
#include "reconcile/reconcile.h"
#include "reconcile/service.h"

#define WORLD_PODS 24
#define WORLD_HOST_IPS 8
#define WORLD_BPFFS "/sys/fs/bpf"

struct world_pod {
	char namespace[64];
	char name[64];
	struct ip_addr ips[2];
	bool used;
};

struct world {
	struct datapath *dp;
	struct reconcile *rec;
	struct store *store;
	struct services *services;
	struct service_writer *writer;
	int64_t now_ms; /* a clock that stands still until it settles */
	char node[64];
	struct world_pod pods[WORLD_PODS];
	struct ip_addr host_ips[WORLD_HOST_IPS];
	size_t host_ip_count;
};

/* Each ends the process with a message when it fails: nothing can be judged then. */
void world_open(struct world *world);
void world_close(struct world *world);
/* As if nothing had ever been in force. */
void world_reset(struct world *world);
/* All connections; what is in force stays. */
void world_forget(struct world *world);
/* Objects of @text replace those of the same name; problems are left out of account. */
void world_put(struct world *world, const char *text, size_t length);
void world_delete(struct world *world, const char *kind, const char *namespace, const char *name);
void world_plug(struct world *world, unsigned int slot, const struct world_pod *pod);
void world_unplug(struct world *world, unsigned int slot);
/* Compile and put in force; what is left over goes when it settles. */
void world_apply(struct world *world);
void world_settle(struct world *world);
/* The agent dies and comes again: what is in force is read back. */
void world_restart(struct world *world);

/*
 * From now on this process has interfaces and a BPF file system of its own, which end with
 * it. The uplink, with world_mac(WORLD_PODS, true), leads to everybody.
 */
void world_make_place(void);
/* Interface of a pod, and of the uplink. */
uint32_t world_ifindex(unsigned int slot);
uint32_t world_uplink(void);
/* The pod with @addr, or -1. */
int world_find(const struct world *world, const struct ip_addr *addr);
/* MAC of a pod's interface, or of its host side. */
void world_mac(uint8_t ret[6], unsigned int slot, bool host);
void die(const char *what, int r) __attribute__((noreturn));
