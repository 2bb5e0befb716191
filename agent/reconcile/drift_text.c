// SPDX-License-Identifier: Apache-2.0
/* Pure: entries that have drifted, with the object that they are about where it is known. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "reconcile/drift_private.h"
#include "reconcile/misfit.h"

static void frontend_text(char ret[static DRIFT_TEXT_MAX], const struct service_writer *writer,
			  enum datapath_map map, const void *raw)
{
	char addr[ADDR_TEXT_MAX], owner[DRIFT_TEXT_MAX / 2];
	struct frontend_key key;

	service_maps_widen(&key, map == MAP_FRONTEND4, raw);
	service_frontend_owner(owner, sizeof(owner), writer, map, raw);
	if (!key.port && !key.proto)
		snprintf(ret, DRIFT_TEXT_MAX, "address %s", addr_text(addr, &key.addr));
	else
		snprintf(ret, DRIFT_TEXT_MAX, "frontend %s port %u protocol %u%s",
			 addr_text(addr, &key.addr), ntohs(key.port), key.proto, owner);
}

static void range_text(char ret[static DRIFT_TEXT_MAX], const struct service_writer *writer,
		       enum datapath_map map, const void *raw)
{
	const struct service_range4_key *v4 = raw;
	const struct service_range6_key *v6 = raw;
	char addr[ADDR_TEXT_MAX], owner[DRIFT_TEXT_MAX / 2];
	struct ip_addr ip;

	if (map == MAP_SERVICE_RANGE4)
		ip_addr_set_v4(&ip, v4->addr);
	else
		ip = v6->addr;
	service_number_owner(owner, sizeof(owner), writer, ntohl(v4->service));
	snprintf(ret, DRIFT_TEXT_MAX, "source range %s/%u%s", addr_text(addr, &ip),
		 v4->prefixlen - SERVICE_RANGE_BITS, owner);
}

static void policy_text(char ret[static DRIFT_TEXT_MAX], const struct reconcile *rec,
			enum datapath_map map, const void *key)
{
	struct misfit what = {};
	char addr[ADDR_TEXT_MAX];

	misfit_describe(&what, rec->image, map, key);
	if (!ip_addr_is_none(&what.addr))
		snprintf(ret, DRIFT_TEXT_MAX, "peer %s", addr_text(addr, &what.addr));
	else
		snprintf(ret, DRIFT_TEXT_MAX, "an entry of rules%s%s",
			 what.policies[0] ? " of " : "", what.policies);
}

void drift_entry_text(char ret[static DRIFT_TEXT_MAX], const struct reconcile *rec,
		      const struct service_writer *writer, enum datapath_map map,
		      const void *key)
{
	switch (map) {
	case MAP_FRONTEND4:
	case MAP_FRONTEND6:
		frontend_text(ret, writer, map, key);
		return;
	case MAP_SERVICE_RANGE4:
	case MAP_SERVICE_RANGE6:
		range_text(ret, writer, map, key);
		return;
	default:
		policy_text(ret, rec, map, key);
	}
}

void drift_element_text(char ret[static DRIFT_TEXT_MAX], const struct service_writer *writer,
			enum datapath_map map, uint32_t index)
{
	const struct service_maps *maps = service_writer_maps(writer);
	char addr[ADDR_TEXT_MAX], owner[DRIFT_TEXT_MAX / 2];
	struct backend backend;

	switch (map) {
	case MAP_SERVICE_PORT:
		service_number_owner(owner, sizeof(owner), writer, index);
		snprintf(ret, DRIFT_TEXT_MAX, "service port %u%s", index, owner);
		return;
	case MAP_BACKEND:
		backend = service_maps_backend(maps, index);
		service_number_owner(owner, sizeof(owner), writer, backend.service);
		snprintf(ret, DRIFT_TEXT_MAX, "backend %u, %s port %u%s", index,
			 addr_text(addr, &backend.addr), ntohs(backend.port), owner);
		return;
	default:
		backend = service_maps_backend(maps, service_maps_slot(maps, index));
		service_number_owner(owner, sizeof(owner), writer, backend.service);
		snprintf(ret, DRIFT_TEXT_MAX, "slot %u%s", index, owner);
	}
}
