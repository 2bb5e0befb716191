// SPDX-License-Identifier: Apache-2.0
#include "cni/chain.h"

#include <errno.h>

#include "base/cleanup.h"
#include "cni/agent_call.h"
#include "cni/release.h"
#include "cni/result.h"

/*
 * The host side of the veth: the pod's side names its index, and that link must
 * name the pod's side in turn, else the peer is in a third namespace.
 */
static int find_sides(struct netlink_link *inner, struct netlink_link *outer,
		      const struct cni_call *call, struct netlink *host, struct netlink *pod,
		      struct cni_error *error)
{
	int r;

	r = netlink_get_link(inner, pod, call->env.ifname, 0);
	if (r < 0)
		return cni_fail_errno(error, CNI_LINK_FAILURE, r,
				      "the plugin before left no %s in the pod", call->env.ifname);
	if (!inner->veth || !inner->peer)
		return cni_fail(error, CNI_BAD_CONFIG, "%s is no veth: weir guards only those",
				call->env.ifname);
	r = netlink_get_link(outer, host, NULL, inner->peer);
	if (r == -ENODEV || (!r && (!outer->veth || outer->peer != inner->ifindex)))
		return cni_fail(error, CNI_BAD_CONFIG, "the other end of %s is not on the node",
				call->env.ifname);
	if (r < 0)
		return cni_fail_errno(error, CNI_LINK_FAILURE, r, "cannot look up link %u",
				      inner->peer);
	return 0;
}

static int chained_ips(json_t **ret, const struct cni_call *call, const json_t *result,
		       struct cni_error *error)
{
	struct result_ip ips[RESULT_IPS_MAX];
	int count = result_ips(ips, result, call->env.ifname);

	if (count <= 0)
		return cni_fail(error, CNI_BAD_CONFIG, "prevResult has no %saddress of %s",
				count < 0 ? "valid " : "", call->env.ifname);
	*ret = json_array();
	for (int i = 0; i < count; i++)
		json_array_append_new(*ret, json_string(ips[i].text));
	return 0;
}

int chain_add(json_t **ret, const struct cni_call *call, struct netlink *host, struct netlink *pod,
	      struct cni_error *error)
{
	cleanup(json_decrefp) json_t *chained = NULL;
	cleanup(json_decrefp) json_t *result = NULL;
	cleanup(json_decrefp) json_t *out = NULL;
	struct netlink_link inner, outer;
	struct cni_error ignored;
	char mac[MAC_TEXT_MAX];
	json_t *ips = NULL;
	int r;

	if (call->conf.ipam_type)
		return cni_fail(error, CNI_BAD_CONFIG,
				"`ipam` has no meaning after another plugin");
	if (result_parse(&result, call->conf.prev_result, call->conf.version) < 0)
		return cni_fail(error, CNI_DECODE_FAILURE, "prevResult is no CNI result");
	if (result_format(&out, result, call->conf.version) < 0)
		return cni_fail(error, CNI_IO_FAILURE, "out of memory");
	r = find_sides(&inner, &outer, call, host, pod, error);
	r = r ?: chained_ips(&ips, call, result, error);
	if (r < 0)
		return r;
	chained = json_pack("{s:i, s:s, s:o}", "ifindex", (int)outer.ifindex, "mac",
			    mac_text(mac, inner.mac), "ips", ips);
	r = agent_add(NULL, call, NULL, chained, error);
	if (r < 0)
		return r;
	r = agent_attach(call, outer.ifindex, mac, error);
	if (r < 0) {
		endpoint_release(call, &ignored);
		return r;
	}
	*ret = take_ptr(&out);
	return 0;
}
