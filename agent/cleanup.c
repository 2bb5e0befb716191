// SPDX-License-Identifier: Apache-2.0
/* weir-agent --cleanup: the machine as if weir had never been there. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "agent.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "endpoint/statefile.h"
#include "net/nat.h"
#include "source/manifest_copy.h"
#include "weir/linkname.h"

/* What another plugin made stays, and is unguarded from now on. */
static void on_state(struct pod_endpoint *ep, void *arg)
{
	struct net *net = arg;
	struct net_link link;

	if (ep->chained && !net_link_get(&link, net, ep->ifindex) &&
	    !strcmp(link.name, ep->host_ifname))
		datapath_unfilter(ep->ifindex);
	pod_endpoint_free(ep);
}

static void on_broken(const char *path, const char *why, void *arg)
{
	log_warn("%s: %s", path, why);
}

/* By their names: some may be from an ADD that was never finished. */
static int remove_links(struct net *net)
{
	cleanup(freep) struct net_link *links = NULL;
	cleanup(freep) uint32_t *ifindexes = NULL;
	size_t count, found = 0;
	int r;

	r = net_links(&links, &count, net, LINKNAME_PREFIX);
	if (r < 0)
		return r;
	ifindexes = calloc(count + 1, sizeof(*ifindexes));
	if (!ifindexes)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (linkname_is_pod(links[i].name))
			ifindexes[found++] = links[i].ifindex;
	return net_links_delete(net, ifindexes, found);
}

/* On kernels without TCX the program is a filter, and the device stays. */
static void unfilter_uplink(const struct config *config, struct net *net)
{
	struct net_link link;

	if (!(config->uplink ? net_link_find(&link, net, config->uplink) : net_uplink(&link, net)))
		datapath_unfilter(link.ifindex);
}

static int remove_network(const struct config *config)
{
	cleanup(net_freep) struct net *net = NULL;
	int r;

	r = net_new(&net);
	if (r < 0)
		return r;
	statefile_each(config->state_dir, on_state, on_broken, net);
	unfilter_uplink(config, net);
	r = remove_links(net);
	for (size_t i = 0; i < config->pod_cidr_count; i++)
		r = net_cidr_del(net, &config->pod_cidrs[i]) ?: r;
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
	rmdir(config->state_dir);
	return r;
}

int agent_cleanup(const struct config *config)
{
	struct claim claim = CLAIM_NONE;
	int r, network;

	r = claim_take(&claim, config, 0);
	if (r < 0) {
		claim_release(&claim);
		return r;
	}
	network = remove_network(config);
	if (network < 0)
		log_error_errno(network, "some links, routes or rules could not be removed");
	r = remove_directories(config);
	if (r < 0)
		log_error_errno(r, "some directories could not be removed");
	claim_release(&claim);
	return network ?: r;
}
