// SPDX-License-Identifier: Apache-2.0
/*
 * CHECK: is the pod as ADD left it? Asked of the pod's namespace here, and of the
 * datapath by the agent. What later plugins of the chain added is not weir's.
 */
#include <strings.h>

#include "base/cleanup.h"
#include "cni/agent_call.h"
#include "cni/ipam.h"
#include "cni/netlink.h"
#include "cni/result.h"

/* The container's addresses in prevResult, both ways. */
struct expected {
	struct result_ip ips[RESULT_IPS_MAX];
	int count;
	const char *mac; /* NULL: not told */
	json_t *texts; /* without prefix length */
};

static void expected_done(struct expected *expected)
{
	json_decref(expected->texts);
}

static int read_expected(struct expected *ret, const json_t *result, const struct cni_call *call,
			 struct cni_error *error)
{
	char text[ADDR_TEXT_MAX];

	ret->count = result_ips(ret->ips, result, call->env.ifname);
	if (ret->count <= 0)
		return cni_fail(error, CNI_BAD_CONFIG, "prevResult has no valid address of %s",
				call->env.ifname);
	ret->mac = result_mac(result, call->env.ifname);
	ret->texts = json_array();
	for (int i = 0; i < ret->count; i++)
		json_array_append_new(ret->texts, json_string(addr_text(text, &ret->ips[i].addr)));
	return 0;
}

static int check_link(struct netlink_link *ret, const struct expected *expected,
		      struct netlink *pod, const char *ifname, struct cni_error *error)
{
	char mac[MAC_TEXT_MAX];
	int r;

	r = netlink_get_link(ret, pod, ifname, 0);
	if (r < 0)
		return cni_fail_errno(error, CNI_CHECK_FAILURE, r, "the pod has no %s", ifname);
	if (!ret->up)
		return cni_fail(error, CNI_CHECK_FAILURE, "%s is down", ifname);
	mac_text(mac, ret->mac);
	if (expected->mac && *expected->mac && strcasecmp(mac, expected->mac))
		return cni_fail(error, CNI_CHECK_FAILURE, "%s has the MAC address %s instead of %s",
				ifname, mac, expected->mac);
	return 0;
}

static int check_addrs(const struct expected *expected, struct netlink *pod, uint32_t ifindex,
		       const char *ifname, struct cni_error *error)
{
	for (int i = 0; i < expected->count; i++) {
		int r = netlink_has_addr(pod, ifindex, &expected->ips[i].addr);

		if (r < 0)
			return cni_fail_errno(error, CNI_IO_FAILURE, r, "cannot list addresses");
		if (!r)
			return cni_fail(error, CNI_CHECK_FAILURE, "%s has lost its address %s",
					ifname, expected->ips[i].text);
	}
	return 0;
}

static int check_routes(const struct expected *expected, struct netlink *pod, uint32_t ifindex,
			const char *ifname, struct cni_error *error)
{
	for (int i = 0; i < expected->count; i++) {
		const struct ip_addr *gateway = &expected->ips[i].gateway;
		char text[ADDR_TEXT_MAX];
		int r;

		if (!(gateway->halves[0] | gateway->halves[1]))
			continue;
		r = netlink_has_default_route(pod, ifindex, gateway);
		if (r < 0)
			return cni_fail_errno(error, CNI_IO_FAILURE, r, "cannot list routes");
		if (!r)
			return cni_fail(error, CNI_CHECK_FAILURE,
					"%s has lost the default route through %s", ifname,
					addr_text(text, gateway));
	}
	return 0;
}

static int check_pod(const struct expected *expected, const struct cni_call *call,
		     struct cni_error *error)
{
	cleanup(closep) int netns = -1;
	struct netlink_link link;
	struct netlink pod;
	int r;

	r = cni_env_open_netns(&netns, &call->env, error);
	if (r < 0)
		return r;
	r = netlink_open(&pod, netns);
	if (r < 0)
		return cni_fail_errno(error, CNI_BAD_NETNS, r, "cannot enter CNI_NETNS \"%s\"",
				      call->env.netns);
	r = check_link(&link, expected, &pod, call->env.ifname, error);
	r = r ?: check_addrs(expected, &pod, link.ifindex, call->env.ifname, error);
	r = r ?: check_routes(expected, &pod, link.ifindex, call->env.ifname, error);
	netlink_close(&pod);
	return r;
}

int cni_check(json_t **ret, const struct cni_call *call, struct cni_error *error)
{
	cleanup(expected_done) struct expected expected = {};
	cleanup(json_decrefp) json_t *result = NULL;
	int r;

	if (!call->conf.prev_result)
		return cni_fail(error, CNI_BAD_CONFIG, "CHECK needs prevResult");
	if (result_parse(&result, call->conf.prev_result, call->conf.version) < 0)
		return cni_fail(error, CNI_DECODE_FAILURE, "prevResult is no CNI result");
	r = read_expected(&expected, result, call, error);
	r = r ?: check_pod(&expected, call, error);
	r = r ?: agent_check(call, expected.texts, error);
	return r ?: ipam_run(NULL, call, "CHECK", error);
}
