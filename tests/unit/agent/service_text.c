// SPDX-License-Identifier: Apache-2.0
#include "service_text.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"

#define WORDS_MAX 64

/* "ADDRESS#PORT", and what follows. */
static char *read_place(struct ip_addr *addr, uint16_t *port, char *word)
{
	char *mark = strchr(word, '#'), *end = word;

	if (!mark)
		abort();
	*mark = '\0';
	if (addr_parse(addr, word) < 0)
		abort();
	*port = (uint16_t)strtoul(mark + 1, &end, 10);
	return end;
}

static void read_range(struct service_image *image, const char *word)
{
	if (prefix_parse(&image->ranges[image->range_count++], NULL, word) < 0)
		abort();
}

static void read_frontend(struct service_image *image, char *word)
{
	struct service_frontend *frontend;

	if (*word == 'r') {
		read_range(image, word + 1);
		return;
	}
	frontend = &image->frontends[image->frontend_count++];
	frontend->proto = IPPROTO_TCP;
	switch (*word) {
	case 'e':
		frontend->kind = FRONTEND_EXTERNAL_IP;
		break;
	case 'n':
		frontend->kind = FRONTEND_NODE_PORT;
		frontend->flags = FRONTEND_LOCAL;
		break;
	case 'l':
		frontend->kind = FRONTEND_LOAD_BALANCER;
		frontend->flags = FRONTEND_RANGES;
		break;
	default:
		frontend->kind = FRONTEND_CLUSTER_IP;
	}
	if (*word != 'c')
		frontend->flags |= FRONTEND_EXTERNAL;
	read_place(&frontend->addr, &frontend->port, word + 1);
	image->is_v4 = ip_addr_is_v4(&frontend->addr);
}

static void read_backend(struct service_image *image, char *word)
{
	struct service_backend *backend = &image->backends[image->backend_count++];

	switch (*read_place(&backend->addr, &backend->port, word)) {
	case 'L':
		backend->flags = BACKEND_IN_LOCAL;
		break;
	case 'B':
		backend->flags = BACKEND_IN_LOCAL | BACKEND_IN_CLUSTER;
		break;
	case 'T':
		backend->flags = 0;
		break;
	default:
		backend->flags = BACKEND_IN_CLUSTER;
	}
}

static int compare_ranges(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static void read_port(struct service_image *image, char *text)
{
	void (*read)(struct service_image *image, char *word) = read_frontend;
	char *rest, *word = strtok_r(text, " ", &rest);

	*image = (struct service_image){ .port_name = word, .proto = IPPROTO_TCP };
	image->frontends = calloc(WORDS_MAX, sizeof(*image->frontends));
	image->backends = calloc(WORDS_MAX, sizeof(*image->backends));
	image->ranges = calloc(WORDS_MAX, sizeof(*image->ranges));
	while ((word = strtok_r(NULL, " ", &rest))) {
		if (*word == '>')
			read = read_backend;
		else
			read(image, word);
	}
	qsort(image->ranges, image->range_count, sizeof(*image->ranges), compare_ranges);
}

void service_text_read(struct service_text *ret, const char *line)
{
	struct service_images *images = &ret->images;
	char *rest, *port;

	*ret = (struct service_text){ .copy = strdup(line) };
	images->namespace = "shop";
	images->name = strtok_r(ret->copy, ":", &rest);
	/* Not a colon of IPv6. */
	images->items = calloc(WORDS_MAX, sizeof(*images->items));
	for (port = strtok_r(NULL, "|", &rest); port; port = strtok_r(NULL, "|", &rest))
		if (port[strspn(port, " ")])
			read_port(&images->items[images->count++], port);
	for (size_t i = 0; i < images->count; i++) {
		images->items[i].namespace = images->namespace;
		images->items[i].name = images->name;
	}
}

void service_text_done(struct service_text *text)
{
	for (size_t i = 0; i < text->images.count; i++) {
		free(text->images.items[i].frontends);
		free(text->images.items[i].backends);
		free(text->images.items[i].ranges);
	}
	free(text->images.items);
	free(text->copy);
}
