// SPDX-License-Identifier: Apache-2.0
/* weir-agent --cleanup: the machine as if weir had never been there. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>

#include "agent.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "endpoint/statefile.h"
#include "net/nat.h"

struct leftovers {
	struct net *net;
	uint32_t *ifindexes;
	size_t count, room;
};

static int add_link(struct leftovers *left, uint32_t ifindex)
{
	uint32_t *larger;

	if (left->count == left->room) {
		left->room = left->room ? left->room * 2 : 64;
		larger = realloc(left->ifindexes, left->room * sizeof(*larger));
		if (!larger)
			return -ENOMEM;
		left->ifindexes = larger;
	}
	left->ifindexes[left->count++] = ifindex;
	return 0;
}

/* Chained links are another plugin's, and not removed. */
static void on_state(struct pod_endpoint *ep, void *arg)
{
	struct leftovers *left = arg;
	struct net_link link;

	if (!ep->chained && !net_link_get(&link, left->net, ep->ifindex) &&
	    !strcmp(link.name, ep->host_ifname))
		add_link(left, ep->ifindex);
	pod_endpoint_free(ep);
}

static void on_broken(const char *path, const char *why, void *arg)
{
	log_warn("%s: %s", path, why);
}

static int refuse_running(const struct config *config)
{
	cleanup(closep) int fd = -1;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/lock", config->state_dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		return log_error_errno(-errno, "an agent is running on %s: stop it first",
				       config->state_dir);
	return 0;
}

static int remove_network(const struct config *config, struct leftovers *left)
{
	int r;

	statefile_each(config->state_dir, on_state, on_broken, left);
	r = net_links_delete(left->net, left->ifindexes, left->count);
	for (size_t i = 0; i < config->pod_cidr_count; i++)
		r = net_cidr_del(left->net, &config->pod_cidrs[i]) ?: r;
	r = net_routes_flush(left->net) ?: r;
	return nat_remove() ?: r;
}

int agent_cleanup(const struct config *config)
{
	struct leftovers left = {};
	char path[PATH_MAX];
	int r;

	r = refuse_running(config);
	r = r ?: net_new(&left.net);
	if (r < 0)
		return r;
	r = remove_network(config, &left);
	if (r < 0)
		log_error_errno(r, "some links, routes or rules could not be removed");
	r = datapath_remove(config->bpffs) ?: r;
	snprintf(path, sizeof(path), "%s/weir.sock", config->run_dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/deleted", config->run_dir);
	r = file_remove_tree(path) ?: r;
	rmdir(config->run_dir);
	r = file_remove_tree(config->state_dir) ?: r;
	net_free(left.net);
	free(left.ifindexes);
	return r;
}
