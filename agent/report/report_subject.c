// SPDX-License-Identifier: Apache-2.0
#include "report/report_subject.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/hash.h"

static const struct api_kind *find_kind(const char *name, size_t length)
{
	for (size_t i = 0; i < API_KINDS; i++)
		if (strlen(api_kinds[i].name) == length && !memcmp(api_kinds[i].name, name, length))
			return &api_kinds[i];
	return NULL;
}

/* It becomes part of a path: what cannot be a name of the API is none. */
static int copy_name(char *ret, size_t room, const char *text, size_t length)
{
	if (!length || length >= room || !isalnum((unsigned char)*text))
		return -EINVAL;
	for (size_t i = 0; i < length; i++)
		if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) &&
		    text[i] != '-' && text[i] != '.')
			return -EINVAL;
	memcpy(ret, text, length);
	ret[length] = '\0';
	return 0;
}

int report_subject_read(struct report_subject *ret, const char *text, const char **rest)
{
	size_t length = strcspn(text, " ");
	const char *name = text + length + 1, *end, *slash;
	int r;

	*ret = (struct report_subject){ .kind = find_kind(text, length) };
	if (!ret->kind || text[length] != ' ')
		return -EINVAL;
	end = rest ? strstr(name, ": ") : name + strlen(name);
	if (!end)
		return -EINVAL;
	if (ret->kind->namespaced) {
		slash = memchr(name, '/', (size_t)(end - name));
		if (!slash)
			return -EINVAL;
		r = copy_name(ret->namespace, sizeof(ret->namespace), name, (size_t)(slash - name));
		if (r < 0)
			return r;
		name = slash + 1;
	}
	if (rest)
		*rest = end + 2;
	return copy_name(ret->name, sizeof(ret->name), name, (size_t)(end - name));
}

struct ranking {
	uint32_t seed;
	uint32_t own;
	const char *node;
	uint32_t before;
};

static int count_before(const struct object *obj, void *arg)
{
	struct ranking *ranking = arg;
	uint32_t value = hash_bytes(ranking->seed, obj->name, strlen(obj->name));

	if (value < ranking->own ||
	    (value == ranking->own && strcmp(obj->name, ranking->node) < 0))
		ranking->before++;
	return 0;
}

uint32_t report_subject_rank(const struct report_subject *subject, const struct store *store,
			     const char *node)
{
	struct ranking ranking = { .node = node };

	ranking.seed = hash_bytes(0, subject->kind->name, strlen(subject->kind->name));
	ranking.seed = hash_bytes(ranking.seed, subject->namespace, strlen(subject->namespace) + 1);
	ranking.seed = hash_bytes(ranking.seed, subject->name, strlen(subject->name) + 1);
	ranking.own = hash_bytes(ranking.seed, node, strlen(node));
	store_each(store, OBJECT_NODE, count_before, &ranking);
	return ranking.before;
}
