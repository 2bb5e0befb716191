// SPDX-License-Identifier: Apache-2.0
#include "fake_kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "endpoint/adopt.h"
#include "endpoint/statefile.h"
#include "fuzz.h"
#include "masquerade.h"
#include "net/nat.h"
#include "nodes.h"
#include "patrol.h"
#include "sockets.h"

#define FOREIGN_LINKS 512 /* interface indexes below are there, and are no pod's */

static struct {
	const struct endpoint_table *endpoints;
	struct image *image; /* in force */
	struct endpoint slots[ENDPOINT_SLOTS]; /* of the datapath */
	uint32_t purged[ENDPOINT_SLOTS]; /* interfaces that it was told to forget */
	size_t purged_count;
	unsigned int requests_left; /* until one is refused; 0: none will be */
} kernel;

/* What a request to the kernel returns. */
static int request(void)
{
	if (!kernel.requests_left || --kernel.requests_left)
		return 0;
	return -EIO;
}

/* Links. */

int net_link_get(struct net_link *ret, struct net *net, uint32_t ifindex)
{
	if (ifindex >= FOREIGN_LINKS && !endpoints_at(kernel.endpoints, ifindex))
		return -ENODEV;
	*ret = (struct net_link){ .ifindex = ifindex, .mtu = 1500, .up = true };
	snprintf(ret->name, sizeof(ret->name), ifindex % 8 == FAKE_LINK_NO_TEXT ? "\xff%u" : "link%u",
		 ifindex);
	return 0;
}

int net_link_find(struct net_link *ret, struct net *net, const char *name)
{
	return -ENODEV;
}

int net_link_prepare(struct net *net, const char *name)
{
	PROMISE(*name && strlen(name) < IFNAMSIZ);
	return request();
}

int net_link_route_localnet(struct net *net, uint32_t ifindex)
{
	const struct pod_endpoint *ep = endpoints_at(kernel.endpoints, ifindex);

	PROMISE(ep && !ep->chained);
	return request();
}

int net_link_up(struct net *net, uint32_t ifindex)
{
	PROMISE(endpoints_at(kernel.endpoints, ifindex));
	return request();
}

int net_links_delete(struct net *net, const uint32_t *ifindexes, size_t count)
{
	return request();
}

int net_pod_add(struct net *net, const struct net_pod *pod)
{
	PROMISE(!ip_addr_is_none(&pod->ips[0]) || !ip_addr_is_none(&pod->ips[1]));
	return request();
}

int net_pod_del(struct net *net, const struct net_pod *pod)
{
	return 0;
}

static bool same_host_port(const struct nat_port *a, const struct nat_port *b)
{
	bool overlap = ip_addr_is_none(&a->host_ip) || ip_addr_is_none(&b->host_ip) ||
		       ip_addr_equal(&a->host_ip, &b->host_ip);

	return overlap && a->proto == b->proto && a->host_port == b->host_port &&
	       ip_addr_is_v4(&a->pod_ip) == ip_addr_is_v4(&b->pod_ip);
}

int nat_forget_datagrams(uint16_t host_port)
{
	return 0;
}

int nat_apply(const struct nat *nat)
{
	for (size_t i = 0; i < nat->port_count; i++)
		for (size_t j = 0; j < i; j++)
			PROMISE(!same_host_port(&nat->ports[i], &nat->ports[j]) ||
				ip_addr_equal(&nat->ports[i].pod_ip, &nat->ports[j].pod_ip));
	return request();
}

int linkwork_delete(struct linkwork *work, uint32_t ifindex)
{
	PROMISE(ifindex >= FOREIGN_LINKS);
	return 0;
}

int linkwork_promote(struct linkwork *work, uint32_t ifindex)
{
	return 0;
}

void linkwork_forget(struct linkwork *work, uint32_t ifindex)
{
}

/* Files. */

int statefile_write(const char *state_dir, const struct pod_endpoint *ep)
{
	PROMISE(!strchr(ep->key, '/') && ep->key[0] != '.');
	return request();
}

void statefile_remove(const char *state_dir, const char *key)
{
	PROMISE(!strchr(key, '/') && key[0] != '.');
}

void adopt_drop_note(struct agent *agent, const char *key)
{
	PROMISE(!strchr(key, '/') && key[0] != '.');
}

void adopt_waiting(struct agent *agent)
{
}

void sockets_end_orphans(struct agent *agent)
{
}

/* Other nodes: there are none. */
void nodes_update(struct agent *agent)
{
}

void nodes_each_problem(const struct agent *agent, void (*fn)(const char *text, void *arg),
			void *arg)
{
}

/* Drift: nobody looks for any. */
json_t *patrol_to_json(const struct agent *agent)
{
	return json_object();
}

void masquerade_follow(struct agent *agent)
{
}

/* The datapath. */

int datapath_attach_pod(struct datapath *dp, uint32_t ifindex)
{
	PROMISE(reconcile_endpoint(NULL, ifindex));
	return request();
}

void datapath_detach(struct datapath *dp, uint32_t ifindex)
{
}

bool datapath_unfilter(const char *bpffs, uint32_t ifindex)
{
	return false;
}

int datapath_clock(uint32_t *ret, struct datapath *dp)
{
	*ret = 0;
	return request();
}

uint32_t datapath_hz(const struct datapath *dp)
{
	return 250;
}

const char *datapath_map_name(enum datapath_map map)
{
	return "map";
}

uint32_t datapath_map_entries_max(const struct datapath *dp, enum datapath_map map)
{
	return 1;
}

volatile struct node_state *datapath_state(struct datapath *dp)
{
	static struct node_state state = { .generation = 1 };

	return &state;
}

int datapath_map_fd(const struct datapath *dp, enum datapath_map map)
{
	return -1;
}

volatile void *datapath_element(struct datapath *dp, enum datapath_map map, uint32_t index)
{
	return NULL;
}

int datapath_metrics(struct datapath *dp, struct metric ret[static METRIC_MAX])
{
	memset(ret, 0xff, METRIC_MAX * sizeof(*ret));
	return request();
}

int expiry_each_flow(struct datapath *dp, expiry_fn fn, void *arg)
{
	struct ct_entry entry = { .expires = 1, .flags = CT_SERVICE };
	struct ct6_nat nat = {};
	struct ct6_key key = {};
	int r = 0;

	for (int table = 0; !r && table < CT_TABLE_MAX; table++)
		r = fn((enum ct_table)table, &key, &entry, &nat, arg);
	return r ?: request();
}

int expiry_flush(struct datapath *dp)
{
	return request();
}

uint32_t expiry_count(const struct expiry *expiry, enum ct_table table)
{
	return 1;
}

int expiry_purge(struct expiry *expiry, uint32_t ifindex)
{
	PROMISE(kernel.purged_count < ENDPOINT_SLOTS);
	kernel.purged[kernel.purged_count++] = ifindex;
	return 0;
}

const struct image *reconcile_image(const struct reconcile *rec)
{
	return kernel.image;
}

bool reconcile_in_force(const struct reconcile *rec)
{
	return true;
}

int reconcile_compile(struct image **ret, const struct reconcile *rec,
		      const struct image_input *input)
{
	return image_compile(ret, input, kernel.image);
}

int reconcile_apply(struct reconcile *rec, struct image *image, struct misfit *misfit)
{
	if (request()) {
		*misfit = (struct misfit){ .table = "map", .size = 1 };
		image_free(image);
		return -ENOSPC;
	}
	image_free(kernel.image);
	kernel.image = image;
	return 0;
}

void reconcile_settle(struct reconcile *rec)
{
}

void reconcile_judge_again(struct reconcile *rec)
{
}

static struct endpoint *slot_of(uint32_t ifindex)
{
	return &kernel.slots[ifindex & (ENDPOINT_SLOTS - 1)];
}

int reconcile_endpoint_open(struct reconcile *rec, const struct endpoint *ep)
{
	PROMISE(!slot_of(ep->ifindex)->ifindex && !(ep->flags & ENDPOINT_READY));
	if (request())
		return -EBUSY;
	*slot_of(ep->ifindex) = *ep;
	return 0;
}

static bool is_bound(uint32_t ifindex)
{
	for (size_t i = 0; i < kernel.image->binding_count; i++)
		if (kernel.image->bindings[i].ifindex == ifindex)
			return true;
	return false;
}

int reconcile_endpoint_ready(struct reconcile *rec, uint32_t ifindex)
{
	/* From its first packet under policy. */
	PROMISE(slot_of(ifindex)->ifindex == ifindex && is_bound(ifindex));
	slot_of(ifindex)->flags |= ENDPOINT_READY;
	return request();
}

int reconcile_endpoint_close(struct reconcile *rec, uint32_t ifindex)
{
	if (slot_of(ifindex)->ifindex == ifindex)
		*slot_of(ifindex) = (struct endpoint){};
	return 0;
}

const struct endpoint *reconcile_endpoint(const struct reconcile *rec, uint32_t ifindex)
{
	return slot_of(ifindex)->ifindex == ifindex ? slot_of(ifindex) : NULL;
}

/* For the tests. */

void fake_kernel_begin(const struct endpoint_table *endpoints)
{
	kernel.endpoints = endpoints;
	PROMISE(!image_new_resting(&kernel.image, NULL, 0, NULL, 0, NULL, 0));
}

void fake_kernel_fails(unsigned int requests)
{
	kernel.requests_left = requests + 1;
}

void fake_kernel_heals(void)
{
	kernel.requests_left = 0;
}

bool fake_kernel_guards(uint32_t ifindex)
{
	return slot_of(ifindex)->ifindex == ifindex && slot_of(ifindex)->flags & ENDPOINT_READY &&
	       is_bound(ifindex);
}

size_t fake_kernel_purge(uint32_t ret[static ENDPOINT_SLOTS])
{
	size_t count = kernel.purged_count;

	memcpy(ret, kernel.purged, count * sizeof(*ret));
	kernel.purged_count = 0;
	return count;
}
