/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of service.h: what the writer knows of the maps, and the steps of a change. */
#pragma once

#include "base/few.h"
#include "base/hash.h"
#include "base/slab.h"
#include "reconcile/runs.h"
#include "reconcile/service.h"

/* Slots of one set; without slots: no @count. */
struct service_run {
	uint32_t first;
	uint32_t count;
};

/*
 * A service port that the kernel holds. Its sets and backends are read from there. There
 * are as many as Services and more, and so all of these structs are kept small.
 */
struct service_number {
	struct service_owner *owner; /* NULL: of a former agent, and nobody has taken it over */
	uint32_t number;
	uint8_t proto;
	bool is_v4;
	struct service_run runs[SERVICE_SETS];
	struct few port_name; /* service_number_name(); none: "" */
	struct few backends; /* numbers (uint32_t), by address and port */
	struct few frontends; /* struct frontend_entry * */
};

/* What the kernel has of source ranges for one number of a service port. */
struct service_ranges {
	struct prefix *items; /* by prefix_compare() */
	size_t count, room;
	int64_t idle_ms; /* no frontend asks for them: when they may go; 0: they are in use */
};

/* A Service, or one that was refused: it has a problem and perhaps no ports. */
struct service_owner {
	struct hash_node node;
	struct few ports; /* struct service_number * */
	char *problem;
	uint32_t put_off : 1; /* refused once because there may be room soon */
	uint32_t name_at : 31; /* in @key */
	char key[]; /* namespace, NUL, name, NUL */
};

/* A key of the frontend maps that the kernel holds, or shall hold in a moment. */
struct frontend_entry {
	struct hash_node node;
	struct frontend_key key;
	struct frontend value; /* when @held */
	bool held;
	bool seen; /* by the plan that is under way */
	union {
		struct service_number *port; /* NULL: nonsense of a former agent */
		/* Of an address: */
		struct {
			uint32_t frontends;
			uint32_t whole; /* of them, those that make it FRONTEND_WHOLE */
		};
	};
};

struct frontends {
	struct slab entries;
	struct hash by_key;
	uint32_t held[2]; /* IPv4, IPv6; addresses too */
	uint32_t ports[2]; /* of them, those that are no addresses */
};

/* What waits for a grace period. */
enum rest_kind {
	REST_RUN, /* of slots; then free */
	REST_PORT, /* service port; then empty and free, its source ranges as well */
	REST_RANGES, /* source ranges of a service port; then gone */
	REST_LEAVING, /* backend; then its record is nobody's, and REST_NOBODYS */
	REST_NOBODYS, /* backend; then free */
};

struct rest_item {
	int64_t due_ms;
	enum rest_kind kind;
	uint32_t first;
	uint32_t count;
};

/* In the order of their time. */
struct rest {
	struct rest_item *items;
	size_t begin, end, room;
};

struct service_writer {
	struct service_maps maps;
	struct runs numbers; /* of service ports */
	struct runs backends;
	struct runs slots;
	struct rest rest;
	struct slab port_slab;
	struct service_number **ports; /* by number, NULL: none */
	struct service_ranges *ranges; /* by number; also of those that rest */
	uint32_t ranges_held[2]; /* IPv4, IPv6 */
	struct frontends frontends;
	struct hash owners;
	bool synced;
	bool added; /* frontends, since the last commit */
	uint64_t epoch; /* moves on with whatever is written to the frontends and source ranges */
};

static inline bool frontend_is_address(const struct frontend_key *key)
{
	return !key->port && !key->proto;
}

/* 0: IPv4, 1: IPv6. */
static inline int frontend_family(const struct frontend_key *key)
{
	return ip_addr_is_v4(&key->addr) ? 0 : 1;
}

static inline struct service_number **owner_ports(const struct service_owner *owner)
{
	return few_items(&owner->ports);
}

static inline const char *service_number_name(const struct service_number *port)
{
	return few_items(&port->port_name);
}

static inline uint32_t *service_number_backends(const struct service_number *port)
{
	return few_items(&port->backends);
}

static inline struct frontend_entry **service_number_frontends(const struct service_number *port)
{
	return few_items(&port->frontends);
}

/* " of Service shop/web" */
void service_owner_text(char *ret, size_t size, const struct service_owner *owner);

/* NULL: nothing is known of it. */
struct service_owner *service_find_owner(const struct service_writer *writer,
					 const char *namespace, const char *name);

/* service_frontends.c */
struct frontend_entry *frontends_find(const struct frontends *frontends,
				      const struct frontend_key *key);
void frontends_init(struct frontends *frontends);
/* Finds or makes. NULL: out of memory. */
struct frontend_entry *frontends_add(struct frontends *frontends, const struct frontend_key *key);
/* Unless something needs it. */
void frontends_forget(struct frontends *frontends, struct frontend_entry *entry);
/* @by frontends like @value more at that address, whose entry is @address. */
void frontends_count(struct frontend_entry *address, const struct frontend *value, int by);
struct frontend_entry *frontends_address(struct frontends *frontends,
					 const struct frontend_key *key);
void frontends_done(struct frontends *frontends);

/* Put @value, or delete. 0, or a negative errno and nothing has changed. */
int frontend_write(struct service_writer *writer, struct frontend_entry *entry, bool has,
		   const struct frontend *value);

/* One write to the frontend maps, and what was there before. */
struct frontend_op {
	struct frontend_entry *entry;
	bool had, has;
	struct frontend before, after;
};

struct frontend_ops {
	struct frontend_op *items;
	size_t count, room;
};

/* 0 or -ENOMEM. */
int frontend_ops_add(struct frontend_ops *ops, struct frontend_entry *entry, bool has,
		     struct frontend after);
/* All, or none: then it returns a negative errno and *@failed is the map that refused. */
int frontend_ops_run(struct service_writer *writer, const struct frontend_ops *ops,
		     enum datapath_map *failed);

/* service_rest.c */
/* Room for @count items more, so that rest_add() cannot fail. 0 or -ENOMEM. */
int rest_reserve(struct rest *rest, size_t count);
void rest_add(struct rest *rest, enum rest_kind kind, uint32_t first, uint32_t count,
	      int64_t now_ms);
/*
 * The backend ends: connections that have it choose again. What is choosing it right now
 * finds a record that is whole, and does so when that is nobody's. There is room.
 */
void rest_backend(struct service_writer *writer, uint32_t number, int64_t now_ms);
static inline bool rest_is_empty(const struct rest *rest)
{
	return rest->begin == rest->end;
}

/* service_number.c */
/* NULL: out of memory. */
struct service_number *service_number_new(struct service_writer *writer);
void service_number_free(struct service_writer *writer, struct service_number *port);
/* 0 or -ENOMEM. */
int service_number_rename(struct service_number *port, const char *name);
/* Numbers of the slots of set @set are those of @numbers. */
bool service_number_has_set(const struct service_writer *writer, const struct service_number *port,
			    enum service_set set, const uint32_t *numbers, uint32_t count);
/* By address and port. */
int service_number_compare(const struct backend *a, const struct backend *b);
/* @entry is another one's now. */
void service_number_lose(struct service_number *port, const struct frontend_entry *entry);
/* No frontend of the kernel leads to it any more: it ends. There is room to rest. */
void service_number_leave(struct service_writer *writer, struct service_number *port,
			  int64_t now_ms);

/* service_ranges.c */
struct range_key service_range_key(uint32_t number, const struct prefix *prefix);
void service_ranges_clear(struct service_writer *writer, uint32_t number);
/* They have rested (REST_RANGES). */
void service_ranges_idle(struct service_writer *writer, const struct rest_item *item);
/* After the frontends. 0 or a negative errno. */
int service_ranges_readback(struct service_writer *writer);
void service_ranges_done(struct service_writer *writer);

/* service_readback.c: what the kernel holds. 0 or a negative errno. */
int service_readback(struct service_writer *writer, int64_t now_ms);
