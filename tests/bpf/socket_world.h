/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world of the tests of socket.bpf.c: a network namespace and a cgroup of their own,
 * with the programs attached to it, and real sockets. The services' addresses have no
 * route: what is not translated does not get anywhere.
 *
 * Every test begins with empty maps and runs in a child.
 */
#pragma once

#include <check.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "weir/service.h"
#include "weir/socket.h"
#include "lib/check_main.h"
#include "socket_place.h"

/* How a socket speaks. */
enum speech {
	SPEAK_4,
	SPEAK_6,
	SPEAK_MAPPED, /* IPv4 by an IPv6 socket */
	SPEECHES,
};

struct way {
	enum speech speech;
	int type; /* SOCK_STREAM or SOCK_DGRAM */
};

extern const struct way ways[6]; /* all of them */

#define SERVICE_PORT 80
#define BACKEND_PORT 8080
#define SOCKET_WORLD_HZ 250 /* what the programs believe */

/* The network family of what the speech says. */
static inline bool is_v6(enum speech speech)
{
	return speech == SPEAK_6;
}

static inline uint8_t proto_of(int type)
{
	return type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
}

int socket_world_main(const char *title, const struct check_row *rows, int count);

/* One more set of programs on the same maps, in force until the test ends: for every namespace. */
void serve_everyone(void);

int socket_map_fd(const char *map);

/* Instructions that the verifier looked at, by the program's name. */
uint32_t socket_verified(const char *program);

/* Services, numbered from 1; their backends have the number of service and place: */
static inline uint32_t backend_of(uint32_t service, enum place place)
{
	return service * PLACES + place;
}

/* No service, no backend, nothing remembered; and node_state.services is 1. */
void services_reset(void);
void services_in_use(bool yes);
/* No service, and a service CIDR of each family, in which @place is alone. */
void service_cidr_at(enum place place);

/* @places ends with NOWHERE. */
void service_set(uint32_t service, enum service_set set, const enum place *places);
void service_empty(uint32_t service, enum service_set set, enum service_empty how);
void service_affinity(uint32_t service, uint32_t seconds);
void backend_put(uint32_t service, enum place place, struct way way, uint8_t flags);
void backend_ends(uint32_t service, enum place place);
void backend_write(uint32_t number, uint32_t service, enum place place, struct way way,
		   uint8_t flags, uint32_t generation);

/* An address of a service, and its port; without @service the address by itself. */
void frontend_put(enum place place, struct way way, uint16_t port, uint32_t service,
		  uint32_t flags);
void frontend_remove(enum place place, struct way way, uint16_t port);

/* Service 1 at SERVICE with these backends in both sets, and that address as a whole. */
void service_make(struct way way, const enum place *places);

struct service_hit service_hits(uint32_t service);

/* Clients that session affinity knows. */
unsigned int affinity_clients(bool v6);

/* All that clients are remembered for was so many seconds longer ago. */
void affinity_ages(uint32_t seconds);

/* The kernel has forgotten one half of what it knew of all sockets. */
void socket_peers_forget(enum socket_peer_kind kind);

/* Sockets. What cannot fail by weir's doing fails the test. */
int client(struct way way);
int server(struct way way, enum place place);

/* 0 or a negative errno. */
int connect_to(int fd, struct way way, enum place place, uint16_t port);
int send_to(int fd, struct way way, enum place place, uint16_t port);

/* Waits for a datagram. Where it seems to come from. */
enum place heard_from(int fd, struct way way, uint16_t *port);

/* Where a connected socket seems to be connected to. */
enum place peer_of(int fd, struct way way, uint16_t *port);

/* The servers of all backends; and which of them has a client now, which it serves. */
void servers_open(int ret[PLACES], struct way way);
enum place served_by(const int servers[PLACES], struct way way);

#define SOCKET_WORLD_MAIN(title, ...)                                                   \
	int main(void)                                                                  \
	{                                                                               \
		const struct check_row rows[] = { __VA_ARGS__ };                        \
                                                                                        \
		return socket_world_main(title, rows, CHECK_COUNT(rows));               \
	}
