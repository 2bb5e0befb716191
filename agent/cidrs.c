// SPDX-License-Identifier: Apache-2.0
#include "cidrs.h"

#include "base/cleanup.h"
#include "base/log.h"

int cidrs_open(struct agent *agent)
{
	char text[PREFIX_TEXT_MAX];
	int r;

	for (size_t i = 0; i < agent->config.pod_cidr_count; i++) {
		r = net_cidr_add(agent->net, &agent->config.pod_cidrs[i]);
		if (r < 0)
			return log_error_errno(r, "pod CIDR %s cannot be set up",
					       prefix_text(text, &agent->config.pod_cidrs[i]));
	}
	return 0;
}

static bool is_configured(const struct agent *agent, const struct prefix *cidr)
{
	for (size_t i = 0; i < agent->config.pod_cidr_count; i++)
		if (!prefix_compare(&agent->config.pod_cidrs[i], cidr))
			return true;
	return false;
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
	struct ip_addr first;

	if (net_cidr_gateway(&first, cidr) < 0)
		return false;
	for (int family = 0; family < FAMILY_MAX; family++) {
		const struct ipam_pool *pool = agent->pools[family];
		struct ip_addr gateway = pool ? ipam_pool_gateway(pool) : IP_ADDR_NONE;

		if (ip_addr_equal(&gateway, &first))
			return true;
	}
	return false;
}

void cidrs_retire(struct agent *agent)
{
	cleanup(freep) struct prefix *cidrs = NULL;
	char text[PREFIX_TEXT_MAX];
	size_t count;
	int r;

	r = net_cidrs(&cidrs, &count, agent->net);
	if (r < 0) {
		log_warn_errno(r, "former pod CIDRs cannot be read");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (is_configured(agent, &cidrs[i]))
			continue;
		prefix_text(text, &cidrs[i]);
		if (has_pods(agent, &cidrs[i])) {
			log_info("pod CIDR %s is configured no more and stays for its pods", text);
			continue;
		}
		r = net_cidr_del(agent->net, &cidrs[i], !has_gateway(agent, &cidrs[i]));
		if (r < 0)
			log_warn_errno(r, "former pod CIDR %s cannot be removed", text);
		else
			log_info("former pod CIDR %s is removed", text);
	}
}
