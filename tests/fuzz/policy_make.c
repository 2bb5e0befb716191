// SPDX-License-Identifier: Apache-2.0
#include "policy_make.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 3
#define CHOOSE(in, words) (words)[bytes_below(in, sizeof(words) / sizeof((words)[0]))]

static const char *const keys[] = { "app", "tier" };
static const char *const values[] = { "1", "2", "" };

static json_t *make_labels(struct bytes *in)
{
	json_t *labels = json_object();

	for (size_t n = bytes_below(in, LIST_MAX); n; n--)
		json_object_set_new(labels, CHOOSE(in, keys), json_string(CHOOSE(in, values)));
	return labels;
}

static json_t *make_expression(struct bytes *in)
{
	static const char *const operators[] = { "In", "NotIn", "Exists", "DoesNotExist" };
	size_t op = bytes_below(in, 4);
	json_t *list = json_array();

	for (size_t n = op < 2 ? 1 + bytes_below(in, LIST_MAX) : 0; n; n--)
		json_array_append_new(list, json_string(CHOOSE(in, values)));
	return json_pack("{s:s,s:s,s:o}", "key", CHOOSE(in, keys), "operator", operators[op],
			 "values", list);
}

static json_t *make_selector(struct bytes *in)
{
	uint8_t shape = bytes_take(in);
	json_t *selector = json_object(), *list;

	if (shape & 1)
		json_object_set_new(selector, "matchLabels", make_labels(in));
	if (!(shape & 2))
		return selector;
	list = json_array();
	for (size_t n = bytes_below(in, LIST_MAX); n; n--)
		json_array_append_new(list, make_expression(in));
	json_object_set_new(selector, "matchExpressions", list);
	return selector;
}

static json_t *make_block(struct bytes *in)
{
	static const struct {
		const char *cidr;
		const char *except[2];
	} blocks[] = {
		{ "0.0.0.0/0", { "10.0.0.0/8", "10.0.0.1/32" } },
		{ "10.0.0.0/24", { "10.0.0.2/32", "10.0.0.0/25" } },
		{ "::/0", { "fd00::/16", "fd00::1/128" } },
		{ "192.0.2.0/24", { "192.0.2.128/25", "192.0.2.9/32" } },
	};
	size_t i = bytes_below(in, sizeof(blocks) / sizeof(blocks[0]));
	json_t *block = json_pack("{s:s}", "cidr", blocks[i].cidr), *list = json_array();

	for (size_t n = bytes_below(in, 3); n; n--)
		json_array_append_new(list, json_string(blocks[i].except[n - 1]));
	if (json_array_size(list))
		json_object_set(block, "except", list);
	json_decref(list);
	return json_pack("{s:o}", "ipBlock", block);
}

static json_t *make_peer(struct bytes *in)
{
	switch (bytes_below(in, 4)) {
	case 0:
		return make_block(in);
	case 1:
		return json_pack("{s:o}", "podSelector", make_selector(in));
	case 2:
		return json_pack("{s:o}", "namespaceSelector", make_selector(in));
	default:
		return json_pack("{s:o,s:o}", "namespaceSelector", make_selector(in),
				 "podSelector", make_selector(in));
	}
}

static json_t *make_port(struct bytes *in)
{
	static const char *const protocols[] = { "TCP", "UDP", "SCTP" };
	static const char *const names[] = { "http", "dns" };
	uint8_t shape = bytes_take(in);
	json_t *port = json_object();

	if (shape & 1)
		json_object_set_new(port, "protocol", json_string(CHOOSE(in, protocols)));
	if ((shape & 6) == 2)
		json_object_set_new(port, "port", json_string(CHOOSE(in, names)));
	if ((shape & 6) == 4)
		json_object_set_new(port, "port", json_integer(shape & 8 ? 80 : 53));
	if ((shape & 22) == 20)
		json_object_set_new(port, "endPort", json_integer(shape & 32 ? 81 : 8080));
	return port;
}

static json_t *make_list(struct bytes *in, json_t *(*make)(struct bytes *in))
{
	json_t *list = json_array();

	for (size_t n = bytes_below(in, LIST_MAX); n; n--)
		json_array_append_new(list, make(in));
	return list;
}

static json_t *make_rules(struct bytes *in, const char *peers)
{
	json_t *rules = json_array();

	for (size_t n = bytes_below(in, LIST_MAX); n; n--) {
		uint8_t shape = bytes_take(in);
		json_t *rule = json_object();

		if (shape & 1)
			json_object_set_new(rule, peers, make_list(in, make_peer));
		if (shape & 2)
			json_object_set_new(rule, "ports", make_list(in, make_port));
		json_array_append_new(rules, rule);
	}
	return rules;
}

json_t *policy_make(struct bytes *in)
{
	uint8_t shape = bytes_take(in);
	json_t *spec = json_pack("{s:o}", "podSelector", make_selector(in)), *types = json_array();

	if (shape & 1)
		json_array_append_new(types, json_string("Ingress"));
	if (shape & 2)
		json_array_append_new(types, json_string("Egress"));
	if (shape & 4)
		json_object_set(spec, "policyTypes", types);
	json_decref(types);
	if (shape & 8)
		json_object_set_new(spec, "ingress", make_rules(in, "from"));
	if (shape & 16)
		json_object_set_new(spec, "egress", make_rules(in, "to"));
	return json_pack("{s:s,s:s,s:{s:s,s:s},s:o}", "apiVersion", "networking.k8s.io/v1", "kind",
			 "NetworkPolicy", "metadata", "name", "p", "namespace", "a", "spec", spec);
}

/* What a slip of the hand leaves. */
static json_t *make_nonsense(struct bytes *in)
{
	static const char *const texts[] = {
		"null", "true", "-1", "0", "1", "65535", "65536", "18446744073709551616", "80.5",
		"\"\"", "\"80\"", "\"http\"", "\"HTTP_\"", "\"Ingress\"", "\"egress\"", "\"TCP\"",
		"\"tcp\"", "\"10.0.0.0/33\"", "\"10.0.0.0\"", "\"10.0.0.1/8\"", "\"::/0\"", "\"0.0.0.0/0\"",
		"\"In\"", "\"-\"", "\"app\"", "[]", "{}", "[[]]", "[null]", "[{}]", "[\"1\"]",
		"{\"\": null}", "{\"app\": 1}", "{\"app\": \"1\"}", "{\"matchLabels\": {}}",
		"{\"matchlabels\": {\"app\": \"1\"}}", "{\"podSelector\": {}}", "{\"port\": 80}",
		"{\"ports\": []}", "{\"from\": null}", "{\"to\": [{}]}", "{\"cidr\": \"::/0\"}",
	};

	return json_loads(CHOOSE(in, texts), JSON_DECODE_ANY, NULL);
}

/* A place in the tree: an element of a list, or a member of a mapping. */
struct place {
	json_t *parent;
	size_t index;
	const char *key; /* NULL: of a list */
};

/* Counts places through the tree, from *@left down to 0, which is the one in @ret. */
static void find_place(struct place *ret, json_t *parent, long *left)
{
	const char *key;
	json_t *value;
	size_t i;

	json_array_foreach(parent, i, value) {
		if (!(*left)--)
			*ret = (struct place){ parent, i, NULL };
		find_place(ret, value, left);
	}
	json_object_foreach(parent, key, value) {
		if (!(*left)--)
			*ret = (struct place){ parent, 0, key };
		find_place(ret, value, left);
	}
}

/* Of the spec itself and all within it, one. */
static struct place choose_place(json_t *policy, struct bytes *in)
{
	struct place place = { policy, 0, "spec" };
	long left = -1;

	find_place(&place, json_object_get(policy, "spec"), &left);
	left = bytes_take(in) % -left - 1;
	find_place(&place, json_object_get(policy, "spec"), &left);
	return place;
}

static json_t *place_value(const struct place *place)
{
	return place->key ? json_object_get(place->parent, place->key) :
			    json_array_get(place->parent, place->index);
}

static void place_set(const struct place *place, json_t *value)
{
	if (place->key)
		json_object_set_new(place->parent, place->key, value);
	else
		json_array_set_new(place->parent, place->index, value);
}

/* One letter more, or the case of the first one. */
static void mistype(const struct place *place, bool longer)
{
	json_t *value = json_incref(place_value(place));
	char key[64];

	snprintf(key, sizeof(key), "%s%s", place->key, longer ? "s" : "");
	if (!longer)
		key[0] ^= 0x20;
	json_object_del(place->parent, place->key);
	json_object_set_new(place->parent, key, value);
}

void policy_spoil(json_t *policy, struct bytes *in)
{
	struct place place = choose_place(policy, in);
	uint8_t how = bytes_take(in);
	json_t *value = place_value(&place), *nonsense = make_nonsense(in);

	if (place.key && how % 4 == 1)
		mistype(&place, how & 4);
	else if (how % 4 == 2 && json_is_object(value))
		json_object_set(value, how & 4 ? "port" : "unknown", nonsense);
	else if (how % 4 == 2 && json_is_array(value))
		json_array_append(value, nonsense);
	else
		place_set(&place, json_incref(nonsense));
	json_decref(nonsense);
}
