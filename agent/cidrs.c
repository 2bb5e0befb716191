// SPDX-License-Identifier: Apache-2.0
#include "cidrs.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "masquerade.h"
#include "model/node_routes.h"
#include "policy.h"

static enum family family_of(const struct prefix *cidr)
{
	return ip_addr_is_v4(&cidr->addr) ? FAMILY_IP4 : FAMILY_IP6;
}

static bool is_in_use(const struct agent *agent, const struct prefix *cidr)
{
	const struct ipam_pool *pool = agent->pools[family_of(cidr)];

	return pool && !prefix_compare(ipam_pool_prefix(pool), cidr);
}

/* Pods that are there already have their addresses from it, if they are of it. */
static void take_over(struct ipam_pool *pool, const struct agent *agent, enum family family)
{
	const struct pod_endpoint *ep;

	for (uint32_t pos = 0; (ep = endpoints_next(&agent->endpoints, &pos));)
		if (ipam_pool_contains(pool, &ep->ips[family]) &&
		    ipam_pool_take_addr(pool, &ep->ips[family]) < 0)
			log_warn("pod %s/%s has an address that no pod of its pod CIDR can have",
				 ep->namespace, ep->pod);
}

static void tell_programs(struct agent *agent, const struct prefix *cidr)
{
	volatile struct node_state *state = datapath_state(agent->dp);
	struct ip_addr gateway = ipam_gateway(cidr);

	if (family_of(cidr) == FAMILY_IP4) {
		state->gateway4 = gateway.words[3];
		return;
	}
	for (int i = 0; i < 2; i++)
		state->gateway6.halves[i] = gateway.halves[i];
}

/* From now on new pods get their addresses of it. */
static int put_in_use(struct agent *agent, const struct prefix *cidr)
{
	cleanup(ipam_pool_freep) struct ipam_pool *pool = NULL;
	enum family family = family_of(cidr);
	int r;

	r = ipam_pool_new(&pool, cidr);
	r = r ?: net_cidr_add(agent->net, cidr);
	if (r < 0)
		return r;
	take_over(pool, agent, family);
	ipam_pool_free(agent->pools[family]);
	agent->pools[family] = take_ptr(&pool);
	tell_programs(agent, cidr);
	return 0;
}

static int open_one(struct agent *agent, const struct prefix *cidr)
{
	char text[PREFIX_TEXT_MAX];
	int r = put_in_use(agent, cidr);

	return r < 0 ? log_error_errno(r, "pod CIDR %s cannot be set up", prefix_text(text, cidr)) :
		       0;
}

static const struct node *own_node(const struct agent *agent)
{
	const struct object *obj =
		store_get(agent->store, OBJECT_NODE, "", agent->config.node_name);

	return obj ? &obj->node : NULL;
}

int cidrs_open(struct agent *agent)
{
	cleanup(texts_done) struct texts doubts = {};
	const struct node *node = own_node(agent);
	int r = 0;

	for (size_t i = 0; !r && i < agent->config.pod_cidr_count; i++)
		r = open_one(agent, &agent->config.pod_cidrs[i]);
	if (agent->config.pod_cidr_count || !node)
		return r;
	/* cidrs_update() says later what is doubtful. */
	for (size_t i = 0; !r && i < node->cidr_count; i++)
		if (!node_cidr_doubt(&doubts, agent->store, &node->cidrs[i]))
			r = open_one(agent, &node->cidrs[i]);
	return r;
}

/* Others route what the Node object says, and not what is configured here. */
static void compare(const struct agent *agent, const struct node *node, struct texts *problems)
{
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < node->cidr_count; i++)
		if (!is_in_use(agent, &node->cidrs[i]))
			texts_add(problems, "pod CIDR %s of the Node object of this node is not "
				  "used, because pod-cidr is configured: other nodes route that one "
				  "here", prefix_text(text, &node->cidrs[i]));
}

static bool change(struct agent *agent, const struct prefix *cidr, struct texts *problems)
{
	char text[PREFIX_TEXT_MAX], former[PREFIX_TEXT_MAX] = "none";
	const struct ipam_pool *pool = agent->pools[family_of(cidr)];
	int r;

	if (is_in_use(agent, cidr) || node_cidr_doubt(problems, agent->store, cidr))
		return false;
	if (pool)
		prefix_text(former, ipam_pool_prefix(pool));
	prefix_text(text, cidr);
	r = put_in_use(agent, cidr);
	if (r < 0) {
		texts_add(problems, "pod CIDR %s of this node cannot be set up: %s", text,
			  strerror(-r));
		return false;
	}
	log_info("new pods get addresses of pod CIDR %s; before: %s", text, former);
	return true;
}

void cidrs_update(struct agent *agent, struct texts *problems)
{
	const struct node *node = own_node(agent);
	bool changed = false;

	if (!node)
		return;
	if (agent->config.pod_cidr_count) {
		compare(agent, node, problems);
		return;
	}
	for (size_t i = 0; i < node->cidr_count; i++)
		changed |= change(agent, &node->cidrs[i], problems);
	if (!changed)
		return;
	cidrs_retire(agent);
	policy_apply_soon(agent);
}

static bool has_pods(const struct agent *agent, const struct prefix *cidr)
{
	const struct pod_endpoint *ep;

	for (uint32_t pos = 0; (ep = endpoints_next(&agent->endpoints, &pos));)
		for (int family = 0; family < FAMILY_MAX; family++)
			if (prefix_contains(cidr, &ep->ips[family]))
				return true;
	return false;
}

/* A CIDR that only became wider or narrower has the same first address. */
static bool has_gateway(const struct agent *agent, const struct prefix *cidr)
{
	struct ip_addr first = ipam_gateway(cidr);

	for (int family = 0; family < FAMILY_MAX; family++) {
		const struct ipam_pool *pool = agent->pools[family];
		struct ip_addr gateway = pool ? ipam_pool_gateway(pool) : IP_ADDR_NONE;

		if (ip_addr_equal(&gateway, &first))
			return true;
	}
	return false;
}

static void remove_former(struct agent *agent, const struct prefix *cidr)
{
	int r = net_cidr_del(agent->net, cidr, !has_gateway(agent, cidr));
	char text[PREFIX_TEXT_MAX];

	prefix_text(text, cidr);
	if (r < 0)
		log_warn_errno(r, "former pod CIDR %s cannot be removed", text);
	else
		log_info("former pod CIDR %s is removed", text);
}

static bool was_kept(const struct agent *agent, const struct prefix *cidr)
{
	for (size_t i = 0; i < agent->kept_cidr_count; i++)
		if (!prefix_compare(&agent->kept_cidrs[i], cidr))
			return true;
	return false;
}

void cidrs_retire(struct agent *agent)
{
	cleanup(freep) struct prefix *cidrs = NULL;
	char text[PREFIX_TEXT_MAX];
	size_t count, kept = 0;
	int r;

	r = net_cidrs(&cidrs, &count, agent->net);
	if (r < 0) {
		log_warn_errno(r, "former pod CIDRs cannot be read");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (is_in_use(agent, &cidrs[i]))
			continue;
		if (!has_pods(agent, &cidrs[i])) {
			remove_former(agent, &cidrs[i]);
			continue;
		}
		if (!was_kept(agent, &cidrs[i]))
			log_info("pod CIDR %s is this node's no more and stays for its pods",
				 prefix_text(text, &cidrs[i]));
		cidrs[kept++] = cidrs[i];
	}
	free(agent->kept_cidrs);
	agent->kept_cidrs = take_ptr(&cidrs);
	agent->kept_cidr_count = kept;
}

void cidrs_housekeeping(struct agent *agent)
{
	size_t before = agent->kept_cidr_count;

	if (!before)
		return;
	cidrs_retire(agent);
	if (agent->kept_cidr_count != before)
		masquerade_follow(agent);
}
