// SPDX-License-Identifier: Apache-2.0
/* Endpoint slots: the shadow of map `endpoint`, and the only place that writes it. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "reconcile/drift_private.h"

static struct endpoint *slot_of(struct reconcile *rec, uint32_t ifindex)
{
	return &rec->slots[ifindex & (ENDPOINT_SLOTS - 1)];
}

static int slot_write(struct reconcile *rec, const struct endpoint *ep)
{
	uint32_t slot = (uint32_t)(ep - rec->slots);

	if (bpf_map_update_elem(datapath_map_fd(rec->dp, MAP_ENDPOINT), &slot, ep, BPF_ANY))
		return -errno;
	return 0;
}

/* Write @value over the slot; the shadow follows the kernel. */
static int slot_set(struct reconcile *rec, struct endpoint *ep, const struct endpoint *value)
{
	struct endpoint old = *ep;
	int r;

	*ep = *value;
	r = slot_write(rec, ep);
	if (r < 0)
		*ep = old;
	return r;
}

int slots_read(struct reconcile *rec)
{
	int fd = datapath_map_fd(rec->dp, MAP_ENDPOINT);

	for (uint32_t slot = 0; slot < ENDPOINT_SLOTS; slot++)
		if (bpf_map_lookup_elem(fd, &slot, &rec->slots[slot]))
			return -errno;
	return 0;
}

int slots_heal(struct reconcile *rec, uint32_t first, uint32_t count,
	       void (*fn)(void *arg, uint32_t slot, int r), void *arg)
{
	int fd = datapath_map_fd(rec->dp, MAP_ENDPOINT);
	struct endpoint found;

	for (uint32_t slot = first; slot < first + count && slot < ENDPOINT_SLOTS; slot++) {
		if (bpf_map_lookup_elem(fd, &slot, &found))
			return -errno;
		if (memcmp(&found, &rec->slots[slot], sizeof(found)) != 0)
			fn(arg, slot, slot_write(rec, &rec->slots[slot]));
	}
	return 0;
}

const struct endpoint *reconcile_endpoint(const struct reconcile *rec, uint32_t ifindex)
{
	const struct endpoint *ep = reconcile_slot(rec, ifindex & (ENDPOINT_SLOTS - 1));

	return ep && ep->ifindex == ifindex ? ep : NULL;
}

const struct endpoint *reconcile_slot(const struct reconcile *rec, uint32_t slot)
{
	return rec->slots[slot].ifindex ? &rec->slots[slot] : NULL;
}

int reconcile_endpoint_open(struct reconcile *rec, const struct endpoint *ep)
{
	struct endpoint *slot = slot_of(rec, ep->ifindex);
	struct endpoint value = *ep;

	if (slot->ifindex && slot->ifindex != ep->ifindex)
		return -EBUSY;
	value.flags &= (uint16_t)~ENDPOINT_READY;
	memset(value.class, 0, sizeof(value.class));
	memset(value.ruleset, 0, sizeof(value.ruleset));
	return slot_set(rec, slot, &value);
}

int reconcile_endpoint_ready(struct reconcile *rec, uint32_t ifindex)
{
	struct endpoint *slot = slot_of(rec, ifindex);
	struct endpoint value = *slot;

	if (!ifindex || slot->ifindex != ifindex)
		return -ENOENT;
	value.flags |= ENDPOINT_READY;
	return slot_set(rec, slot, &value);
}

int reconcile_endpoint_close(struct reconcile *rec, uint32_t ifindex)
{
	static const struct endpoint none;
	struct endpoint *slot = slot_of(rec, ifindex);

	if (!ifindex || slot->ifindex != ifindex)
		return 0;
	return slot_set(rec, slot, &none);
}

static void bind_half(struct endpoint *ep, const struct image_binding *binding, uint32_t half)
{
	ep->class[half] = binding->class;
	for (int dir = 0; dir < POLICY_DIR_MAX; dir++)
		ep->ruleset[half][dir] = binding->ruleset[dir];
}

int slots_bind(struct reconcile *rec, const struct image *image, uint32_t generation, bool turn)
{
	struct endpoint *slot, value;
	int r;

	for (size_t i = 0; i < image->binding_count; i++) {
		slot = slot_of(rec, image->bindings[i].ifindex);
		if (slot->ifindex != image->bindings[i].ifindex)
			continue;
		value = *slot;
		bind_half(&value, &image->bindings[i], generation & 1);
		if (!turn)
			bind_half(&value, &image->bindings[i], (generation + 1) & 1);
		if (!memcmp(&value, slot, sizeof(value)))
			continue;
		r = slot_set(rec, slot, &value);
		if (r < 0)
			return r;
	}
	return 0;
}
