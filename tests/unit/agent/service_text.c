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

static void read_frontend(struct service_image *image, char *word)
{
	struct service_frontend *frontend = &image->frontends[image->frontend_count];
	bool host_bits;

	if (*word == 'r') {
		if (prefix_parse(&image->ranges[image->range_count++], &host_bits, word + 1) < 0)
			abort();
		return;
	}
	image->frontend_count++;
	frontend->proto = IPPROTO_TCP;
	frontend->kind = *word == 'e' ? FRONTEND_EXTERNAL_IP :
			 *word == 'l' ? FRONTEND_LOAD_BALANCER : FRONTEND_CLUSTER_IP;
	frontend->flags = *word == 'e' ? FRONTEND_EXTERNAL :
			  *word == 'l' ? FRONTEND_EXTERNAL | FRONTEND_RANGES : 0;
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
