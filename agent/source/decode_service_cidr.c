// SPDX-License-Identifier: Apache-2.0
/*
 * ServiceCIDR: prefixes from which an API server gives ClusterIPs. One that is unusable is left out
 * and reported; the other one counts.
 */
#include "model/service_cidr.h"
#include "source/decode_parts.h"

static int check_cidr(const struct service_cidr_spec *spec, const struct field *field,
		      const struct prefix *cidr)
{
	const char *why = service_cidr_doubt(cidr);
	char text[PREFIX_TEXT_MAX];

	prefix_text(text, cidr);
	if (why)
		return field_error(field, "%s %s", text, why);
	for (size_t i = 0; i < spec->count; i++)
		if (ip_addr_is_v4(&spec->cidrs[i].addr) == ip_addr_is_v4(&cidr->addr))
			return field_error(field, "%s is a second one of the same family", text);
	return 0;
}

int decode_service_cidr(struct object *obj, const struct field *root)
{
	struct field spec = field_get(root, "spec");
	struct field list = field_get(&spec, "cidrs");
	int r = field_object(&spec) ?: field_list(&list);

	for (size_t i = 0; r >= 0 && i < field_count(&list); i++) {
		struct field element = field_at(&list, i);
		struct prefix cidr;

		/* Of each family one, so that there is room. */
		if (!decode_prefix(&cidr, &element) &&
		    !check_cidr(&obj->service_cidr, &element, &cidr))
			obj->service_cidr.cidrs[obj->service_cidr.count++] = cidr;
	}
	return r;
}
