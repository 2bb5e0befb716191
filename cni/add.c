// SPDX-License-Identifier: Apache-2.0
/*
 * ADD: the agent reserves, the plugin makes the link, the agent puts the pod's
 * policy in force, and only then the host side goes up. Until that moment the pod
 * has no carrier: there is no packet that policy could have missed.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "cni/agent_call.h"
#include "cni/chain.h"
#include "cni/ipam.h"
#include "cni/podnet.h"
#include "cni/release.h"
#include "cni/result.h"

/* What a failure has to take back. */
struct progress {
	const struct cni_call *call;
	struct netlink host;
	struct netlink pod;
	int netns;
	json_t *delegated; /* the IPAM plugin's result, or NULL */
	struct agent_lease lease;
	bool reserved;
	bool linked;
};

static void progress_done(struct progress *progress)
{
	netlink_close(&progress->host);
	netlink_close(&progress->pod);
	closep(&progress->netns);
	json_decref(progress->delegated);
}

/* Policy goes before the address is anybody else's: the delegate comes last. */
static void take_back(struct progress *progress)
{
	struct cni_error ignored;

	if (progress->linked)
		netlink_delete_link(&progress->host, progress->lease.host_ifname);
	if (progress->reserved)
		endpoint_release(progress->call, &ignored);
	ipam_run(NULL, progress->call, "DEL", &ignored);
}

static int open_sockets(struct progress *progress, struct cni_error *error)
{
	int r;

	r = cni_env_open_netns(&progress->netns, &progress->call->env, error);
	if (r < 0)
		return r;
	r = netlink_open(&progress->host, -1);
	if (r < 0)
		return cni_fail_errno(error, CNI_IO_FAILURE, r, "cannot open a netlink socket");
	r = netlink_open(&progress->pod, progress->netns);
	if (r < 0)
		return cni_fail_errno(error, CNI_BAD_NETNS, r, "cannot enter CNI_NETNS \"%s\"",
				      progress->call->env.netns);
	return 0;
}

static int refuse_existing(struct progress *progress, struct cni_error *error)
{
	const char *ifname = progress->call->env.ifname;
	struct netlink_link link;
	int r;

	r = netlink_get_link(&link, &progress->pod, ifname, 0);
	if (!r)
		return cni_fail(error, CNI_LINK_FAILURE,
				"interface \"%s\" exists already in CNI_NETNS", ifname);
	if (r != -ENODEV)
		return cni_fail_errno(error, CNI_LINK_FAILURE, r, "cannot look for \"%s\"", ifname);
	return 0;
}

/* The addresses that the delegate chose, as the agent wants them; NULL without a delegate. */
static int delegated_ips(json_t **ret, const struct progress *progress, struct cni_error *error)
{
	struct result_ip ips[RESULT_IPS_MAX];
	int count;

	if (!progress->delegated)
		return 0;
	count = result_ips(ips, progress->delegated, progress->call->env.ifname);
	if (count <= 0)
		return cni_fail(error, CNI_BAD_CONFIG, "%s gave no valid address",
				progress->call->conf.ipam_type);
	*ret = json_array();
	for (int i = 0; i < count; i++)
		json_array_append_new(*ret, json_string(ips[i].text));
	return 0;
}

static int reserve(struct progress *progress, struct cni_error *error)
{
	cleanup(json_decrefp) json_t *delegated = NULL;
	int r;

	r = ipam_run(&progress->delegated, progress->call, "ADD", error);
	r = r ?: delegated_ips(&delegated, progress, error);
	r = r ?: agent_add(&progress->lease, progress->call, delegated, NULL, error);
	progress->reserved = !r;
	return r;
}

static int connect_pod(struct progress *progress, struct cni_error *error)
{
	const struct cni_call *call = progress->call;
	const struct agent_lease *lease = &progress->lease;
	char mac[MAC_TEXT_MAX];
	int r;

	r = podnet_create(&progress->host, lease, call->env.ifname, progress->netns, error);
	if (r < 0)
		return r;
	progress->linked = true;
	r = podnet_configure(&progress->pod, lease, call->env.ifname, progress->netns, error);
	if (r < 0)
		return r;
	r = agent_attach(call, lease->host_ifindex, mac_text(mac, lease->mac), error);
	return r ?: podnet_open(&progress->host, lease->host_ifindex, error);
}

/* Both ends of the link; addresses point at the second. */
static json_t *result_interfaces(const struct progress *progress)
{
	const struct agent_lease *lease = &progress->lease;
	const struct cni_env *env = &progress->call->env;
	char mac[MAC_TEXT_MAX], host_mac[MAC_TEXT_MAX];

	return json_pack("[{s:s, s:s, s:i}, {s:s, s:s, s:i, s:s}]", "name", lease->host_ifname,
			 "mac", mac_text(host_mac, lease->host_mac), "mtu", (int)lease->mtu, "name",
			 env->ifname, "mac", mac_text(mac, lease->mac), "mtu", (int)lease->mtu,
			 "sandbox", env->netns);
}

static int make_result(json_t **ret, const struct progress *progress)
{
	const struct agent_lease *lease = &progress->lease;
	const json_t *dns = progress->call->conf.dns ?: json_object_get(progress->delegated, "dns");
	cleanup(json_decrefp) json_t *result = NULL;
	json_t *ips = json_array(), *routes = json_array();

	for (int i = 0; i < lease->ip_count; i++) {
		const struct lease_ip *ip = &lease->ips[i];
		char addr[ADDR_TEXT_MAX], gateway[ADDR_TEXT_MAX], text[PREFIX_TEXT_MAX];

		snprintf(text, sizeof(text), "%s/%u", addr_text(addr, &ip->addr), ip->bits);
		addr_text(gateway, &ip->gateway);
		json_array_append_new(ips, json_pack("{s:i, s:s, s:s}", "interface", 1, "address",
						     text, "gateway", gateway));
		json_array_append_new(routes,
				      json_pack("{s:s, s:s}", "dst",
						ip_addr_is_v4(&ip->addr) ? "0.0.0.0/0" : "::/0",
						"gw", gateway));
	}
	result = json_pack("{s:o, s:o, s:o, s:O*}", "interfaces", result_interfaces(progress),
			   "ips", ips, "routes", routes, "dns", dns);
	if (!result)
		return -ENOMEM;
	return result_format(ret, result, progress->call->conf.version);
}

int cni_add(json_t **ret, const struct cni_call *call, struct cni_error *error)
{
	cleanup(progress_done) struct progress progress = {
		.call = call,
		.host.fd = -1,
		.pod.fd = -1,
		.netns = -1,
	};
	int r;

	r = open_sockets(&progress, error);
	if (r < 0)
		return r;
	if (call->conf.prev_result)
		return chain_add(ret, call, &progress.host, &progress.pod, error);
	r = refuse_existing(&progress, error);
	if (r < 0)
		return r;
	r = reserve(&progress, error);
	r = r ?: connect_pod(&progress, error);
	if (!r && make_result(ret, &progress) < 0)
		r = cni_fail(error, CNI_IO_FAILURE, "CNI_NETNS is not UTF-8");
	if (r < 0)
		take_back(&progress);
	return r;
}
