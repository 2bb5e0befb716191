/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world of the tests: one node with three pods, its neighbours, and scenes
 * played in it. A scene is a few packets in order, each with what must become
 * of it; every scene runs once per address family, in an empty world:
 *
 *	POD_A, POD_B	ready, everything allowed, MTU 1500
 *	POD_C		the same, on a link of another plugin
 *	POD_AWAY, HOST, NODE	peers of their kinds
 *	generation 1, no connections, no policy
 *	HOST is the node's own address for services, with SOURCE_PORT and no other port
 *
 * Classes of peers: class_of(who).
 */
#pragma once

#include <check.h>

#include "engine.h"
#include "weir/conntrack.h"
#include "weir/endpoint.h"
#include "weir/peer.h"
#include "weir/policy.h"
#include "weir/reason.h"

/* What services' connections from outside to other nodes come from. */
#define SOURCE_PORT 20000

/* Network identifier of tunnels. */
#define TUNNEL_ID 77

/* What shall become of a packet that is not dropped. */
enum fate {
	TO_PEER, /* into the receiving pod: one hop less, addressed to it */
	TO_STACK, /* unchanged */
	TO_WORLD, /* out of the uplink, past the stack: one hop less */
	SENT_BACK, /* out of the interface it came in, as an answer */
};

struct step {
	enum program via;
	struct packet packet;
	enum drop_reason why;
	enum fate fate; /* when @why is DROP_NONE */
	enum who at; /* the pod whose interface it is; NOBODY: the sender's, or the receiver's */
	bool from_socket; /* TO_POD, TO_WIRE: sent by this node itself */
	enum who through; /* TO_POD: whose interface it came in by; NOBODY: the sender's */
	uint32_t gso_size;
	bool marked; /* leaves with WEIR_MARK_ANSWER; TO_WIRE: comes with it */
	enum who next; /* EDGE: to whom it is sent; NOBODY: the receiver */
	bool masqueraded; /* the same with the marks of what is masqueraded */
	const struct packet *becomes; /* it leaves as this one; NULL: as it came */
	bool rejected; /* with @why: the sender gets an answer */
	unsigned int released; /* so many fragments that waited for this one pass behind it */
	void (*before)(bool v6); /* changes the world first */
	void (*after)(bool v6, const struct frame *out);
};

#define STEPS_MAX 12

enum families {
	BOTH,
	ONLY_V4,
	ONLY_V6,
};

struct scene {
	const char *name;
	enum families families;
	struct step steps[STEPS_MAX]; /* ends with a step whose packet has no @dst */
};

/* Empties the world. */
void world_reset(void);

/* One packet in the world as it is; @where is for messages. */
void step_play(const struct step *step, bool v6, const char *where);

/* Plays the scene for a loop test: row _i / 2, family _i % 2. */
void scene_play(const struct scene *scene, bool v6);

#define SCENES(test, table) { #test, test, 2 * CHECK_COUNT(table) }
#define PLAY(table) scene_play(&(table)[_i / 2], _i % 2)

uint32_t class_of(enum who who);
uint32_t ifindex_of(enum who pod);

struct endpoint endpoint_get(enum who pod);
void endpoint_put(enum who pod, const struct endpoint *ep);
void endpoint_clear(enum who pod);
/* In the half that is valid in @generation's parity. */
void endpoint_ruleset(enum who pod, uint32_t generation, enum policy_dir dir, uint32_t set);

void peer_put(enum who who, enum peer_kind kind, uint32_t ifindex);
void peer_clear(enum who who);

void generation_set(uint32_t generation);
/* Into node_state; it stays when the generation is set. */
void services_set(uint32_t services);
/* Service CIDRs: of each family all that differ from @who in the last bits only. NOBODY: none. */
void service_cidr_set(enum who who, uint32_t last_bits);
/* What services' connections to other nodes come from; NOBODY: there is nothing. */
void node_addresses_set(enum who who);
/* How often the IPv6 one was written; odd: it is being written. */
void node_address_turn(uint32_t turn);
/* Everybody but peers is masqueraded from @from (NOBODY: there is no address), or nobody. */
void masquerade_set(enum masquerade masquerade, enum who from);
/* Pods keep their address towards @who. */
void unmasqueraded_put(enum who who);
/* Empties the tables of services. */
void services_clear(void);
uint32_t clock_now(void);

/* The entry of the connection that @packet belongs to. False: the table has none. */
bool ct_get(const char *table_prefix, struct ct_entry *ret, const struct packet *packet, bool v6);
/* The whole value. */
bool ct_get_value(const char *table_prefix, struct ct6_value *ret, const struct packet *packet,
		  bool v6);
void ct_put_value(const char *table_prefix, const struct ct6_value *value,
		  const struct packet *packet, bool v6);
void ct_put(const char *table_prefix, const struct ct_entry *entry, const struct packet *packet,
	    bool v6);
unsigned int ct_count(const char *table);
/* Every connection there is has had its time. */
void ct_expire_all(void);

/* Name of a map of this family: "ct4_new" of "ct", "_new". */
const char *map_of(const char *prefix, bool v6, const char *suffix);

/* Events, for step.before. Policy changes are in both halves, so they are in force at once. */
void a_is_gone(bool v6);
void b_is_gone(bool v6);
void a_is_not_ready(bool v6);
void b_is_not_ready(bool v6);
void no_policy_was_loaded(bool v6);
void a_sends_to_nobody(bool v6); /* egress policy without rules */
void b_hears_nobody(bool v6); /* ingress policy without rules */
void the_generation_turns(bool v6);
void time_passes(bool v6); /* all connections are over */
