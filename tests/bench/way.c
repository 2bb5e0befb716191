// SPDX-License-Identifier: Apache-2.0
#include "way.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/ether.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "figure.h"

static char *copy(const char *text, const char *what)
{
	char *data = text ? strdup(text) : NULL;

	if (!data)
		die(what, EINVAL);
	return data;
}

static char *text_of(const json_t *json, const char *key)
{
	return copy(json_string_value(json_object_get(json, key)), key);
}

static void read_mac(uint8_t mac[ETH_ALEN], const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	if (!text || !ether_aton_r(text, (struct ether_addr *)mac))
		die(key, EINVAL);
}

static void read_end(struct end *end, const json_t *json)
{
	const json_t *ips = json_object_get(json, "ips");

	end->netns = text_of(json, "netns");
	end->ifname = text_of(json, "ifname");
	end->host_netns = text_of(json, "host_netns");
	end->host_ifname = text_of(json, "host_ifname");
	read_mac(end->mac, json, "mac");
	read_mac(end->host_mac, json, "host_mac");
	for (size_t i = 0; i < 2; i++)
		end->ips[i] = copy(json_string_value(json_array_get(ips, i)), "ips");
}

size_t ways_read(struct way ways[static WAYS_MAX])
{
	json_t *list = json_loadf(stdin, 0, NULL);
	size_t count = json_array_size(list);

	if (count < 2 || count > WAYS_MAX)
		die("no list of ways on stdin", 0);
	for (size_t i = 0; i < count; i++) {
		const json_t *json = json_array_get(list, i);

		ways[i].name = text_of(json, "name");
		if (json_object_get(json, "target"))
			ways[i].target = text_of(json, "target");
		ways[i].forward = json_is_true(json_object_get(json, "forward"));
		read_end(&ways[i].ends[0], json_object_get(json, "a"));
		read_end(&ways[i].ends[1], json_object_get(json, "b"));
	}
	json_decref(list);
	return count;
}

static void end_done(struct end *end)
{
	free(end->netns);
	free(end->ifname);
	free(end->host_netns);
	free(end->host_ifname);
	free(end->ips[0]);
	free(end->ips[1]);
}

void ways_free(struct way *ways, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(ways[i].name);
		free(ways[i].target);
		end_done(&ways[i].ends[0]);
		end_done(&ways[i].ends[1]);
	}
}

void enter(const char *netns)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(netns, errno);
	close(fd);
}
