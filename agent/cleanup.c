// SPDX-License-Identifier: Apache-2.0
/* weir-agent --cleanup: the machine as if weir had never been there. */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "agent.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "cniconf.h"
#include "endpoint/statefile.h"
#include "net/nat.h"
#include "source/api_state.h"
#include "source/manifest_copy.h"
#include "unguard.h"
#include "weir/linkname.h"

/*
 * Pods' links by their names: some may be from an ADD that was never finished. What
 * others made stays, and is unguarded from now on.
 */
static int leave_links(struct net *net, const char *bpffs)
{
	cleanup(freep) struct net_link *links = NULL;
	cleanup(freep) uint32_t *ifindexes = NULL;
	size_t count, found = 0;
	int r;

	r = net_links(&links, &count, net, "");
	if (r < 0)
		return r;
	ifindexes = calloc(count + 1, sizeof(*ifindexes));
	if (!ifindexes)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (linkname_is_pod(links[i].name))
			ifindexes[found++] = links[i].ifindex;
		else
			unguard(net, bpffs, links[i].ifindex);
	return net_links_delete(net, ifindexes, found);
}

/* Those of former configurations as well. */
static int remove_cidrs(struct net *net)
{
	cleanup(freep) struct prefix *cidrs = NULL;
	size_t count;
	int r;

	r = net_cidrs(&cidrs, &count, net);
	for (size_t i = 0; !r && i < count; i++)
		r = net_cidr_del(net, &cidrs[i], true);
	return r;
}

static int remove_network(const struct config *config)
{
	cleanup(net_freep) struct net *net = NULL;
	int r;

	r = net_new(&net);
	if (r < 0)
		return r;
	r = leave_links(net, config->bpffs);
	r = net_vxlan_del(net, OVERLAY_LINK) ?: r;
	r = remove_cidrs(net) ?: r;
	r = net_routes_flush(net) ?: r;
	return nat_remove() ?: r;
}

/* By name: a directory of something else that was named by mistake is not lost. */
static int remove_directories(const struct config *config)
{
	char path[PATH_MAX];
	int r;

	r = datapath_remove(config->bpffs);
	snprintf(path, sizeof(path), "%s/weir.sock", config->run_dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/deleted", config->run_dir);
	r = file_remove_tree(path) ?: r;
	rmdir(config->run_dir);
	r = statefile_remove_all(config->state_dir) ?: r;
	r = copies_remove_all(config->state_dir) ?: r;
	r = api_state_remove_all(config->state_dir) ?: r;
	rmdir(config->state_dir);
	return r;
}

int agent_cleanup(const struct config *config)
{
	struct claim claim = CLAIM_NONE;
	int r, network;

	datapath_hush();
	r = claim_take(&claim, config, 0);
	if (r < 0) {
		claim_release(&claim);
		return r;
	}
	/* First: no runtime shall start a pod from now on. */
	r = cniconf_remove(config);
	if (r < 0)
		log_error_errno(r, "%s could not be removed", config->cni_conf);
	network = remove_network(config) ?: r;
	if (network < 0)
		log_error_errno(network, "some links, routes or rules could not be removed");
	r = remove_directories(config);
	if (r < 0)
		log_error_errno(r, "some directories could not be removed");
	claim_release(&claim);
	return network ?: r;
}
