// SPDX-License-Identifier: Apache-2.0
/*
 * weir's view of services: manifests as text go through the decoder and the store into
 * the model, which says what the datapath shall hold. Commands on stdin, a line each:
 *
 *	node NAME ADDRESS...
 *	put BYTES (the manifests follow), delete KIND NAMESPACE NAME ("-": none)
 *	changes		a line of JSON a Service that has changed since, ended by "."
 *	problems	a line a problem, ended by "."
 *	reset		as if there had never been anything
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/service.h"
#include "source/decode.h"

#define HOST_IPS 8

static struct store *store;
static struct services *services;

static void die(const char *what, int r)
{
	fprintf(stderr, "weir-services: %s: %s\n", what, strerror(r < 0 ? -r : r));
	exit(EXIT_FAILURE);
}

static char *word(void)
{
	char *text = strtok(NULL, " \n");

	if (!text)
		die("a word is missing", EINVAL);
	return text;
}

static void open_model(void)
{
	int r = store_new(&store);

	r = r ?: services_new(&services, store);
	if (r < 0)
		die("opening", r);
}

static void close_model(void)
{
	services_free(services);
	store_free(store);
}

static void on_node(void)
{
	struct ip_addr ips[HOST_IPS];
	struct service_node node = { .name = word(), .ips = ips };
	int r;

	for (char *text; (text = strtok(NULL, " \n")) && node.ip_count < HOST_IPS;) {
		r = addr_parse(&ips[node.ip_count++], text);
		if (r < 0)
			die(text, r);
	}
	r = services_set_node(services, &node);
	if (r < 0)
		die("node", r);
}

static void on_object(void *arg, struct object *obj)
{
	if (store_put(store, obj) < 0)
		die("store", ENOMEM);
}

static void on_decode_problem(void *arg, const struct decode_problem *problem)
{
	if (getenv("JUDGE_PROBLEMS"))
		fprintf(stderr, "%s: %s: %s\n", problem->object, problem->field, problem->text);
}

static void on_put(void)
{
	const struct decode_sink sink = { NULL, on_object, on_decode_problem };
	size_t length = strtoul(word(), NULL, 10);
	cleanup(freep) char *text = malloc(length + 1);

	if (!text || fread(text, 1, length, stdin) != length)
		die("put", EIO);
	if (decode_text(&sink, text, length) < 0)
		die("decode", ENOMEM);
}

static void on_delete(void)
{
	const char *kind = word(), *namespace = word(), *name = word();

	if (!strcmp(namespace, "-"))
		namespace = "";
	for (int i = 0; i < OBJECT_KIND_MAX; i++)
		if (!strcmp(object_kind_name((enum object_kind)i), kind))
			store_delete(store, (enum object_kind)i, namespace, name);
}

static json_t *addr_json(const struct ip_addr *addr)
{
	char text[ADDR_TEXT_MAX];

	return json_string(addr_text(text, addr));
}

static json_t *frontend_json(const struct service_frontend *frontend)
{
	return json_pack("{s:o, s:i, s:i, s:i, s:i}", "addr", addr_json(&frontend->addr),
			 "port", frontend->port, "proto", frontend->proto, "kind", frontend->kind,
			 "flags", frontend->flags);
}

static json_t *backend_json(const struct service_backend *backend)
{
	return json_pack("{s:o, s:i, s:i, s:i, s:b, s:s?}", "addr", addr_json(&backend->addr),
			 "port", backend->port, "flags", backend->flags, "conditions",
			 backend->conditions, "local", backend->local, "node", backend->node);
}

static json_t *range_json(const struct prefix *range)
{
	char text[PREFIX_TEXT_MAX];

	return json_string(prefix_text(text, range));
}

static json_t *image_json(const struct service_image *image)
{
	json_t *frontends = json_array(), *backends = json_array(), *ranges = json_array();

	for (size_t i = 0; i < image->frontend_count; i++)
		json_array_append_new(frontends, frontend_json(&image->frontends[i]));
	for (size_t i = 0; i < image->backend_count; i++)
		json_array_append_new(backends, backend_json(&image->backends[i]));
	for (size_t i = 0; i < image->range_count; i++)
		json_array_append_new(ranges, range_json(&image->ranges[i]));
	return json_pack("{s:s, s:s, s:s, s:i, s:b, s:i, s:[i, i], s:o, s:o, s:o}",
			 "namespace", image->namespace, "name", image->name,
			 "port_name", image->port_name, "proto", image->proto, "v4", image->is_v4,
			 "affinity_s", image->affinity_s,
			 "empty", image->empty[SERVICE_CLUSTER], image->empty[SERVICE_LOCAL],
			 "frontends", frontends, "backends", backends, "ranges", ranges);
}

static int print_images(const struct service_images *images, void *arg)
{
	json_t *items = json_array(), *all;

	for (size_t i = 0; i < images->count; i++)
		if (!service_image_is_others(&images->items[i]))
			json_array_append_new(items, image_json(&images->items[i]));
	all = json_pack("{s:s, s:s, s:i, s:i, s:o}", "namespace", images->namespace,
			"name", images->name, "health_port", images->health_port,
			"ready_local", (int)images->ready_local, "items", items);
	if (!all)
		die("printing", ENOMEM);
	json_dumpf(all, stdout, JSON_COMPACT);
	json_decref(all);
	putchar('\n');
	return 0;
}

static void on_changes(void)
{
	int r = services_each_change(services, print_images, NULL);

	if (r < 0)
		die("changes", r);
	puts(".");
	fflush(stdout);
}

static void print_problem(const char *text, void *arg)
{
	puts(text);
}

static void on_problems(void)
{
	services_each_problem(services, print_problem, NULL);
	puts(".");
	fflush(stdout);
}

static void on_reset(void)
{
	close_model();
	open_model();
}

static const struct {
	const char *name;
	void (*fn)(void);
} commands[] = {
	{ "node", on_node },	   { "put", on_put },		{ "delete", on_delete },
	{ "changes", on_changes }, { "problems", on_problems }, { "reset", on_reset },
};

static void obey(char *line)
{
	const char *name = strtok(line, " \n");

	for (size_t i = 0; name && i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(name, commands[i].name)) {
			commands[i].fn();
			return;
		}
	die(name ?: "empty line", EINVAL);
}

int main(void)
{
	cleanup(freep) char *line = NULL;
	size_t room = 0;

	open_model();
	while (getline(&line, &room, stdin) > 0)
		obey(line);
	close_model();
	return EXIT_SUCCESS;
}
