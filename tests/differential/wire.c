// SPDX-License-Identifier: Apache-2.0
#include "wire.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "datapath/private.h"

void wire_frame_read(struct wire_frame *ret, const char *text)
{
	ret->length = 0;
	for (; text[0] && text[1]; text += 2) {
		unsigned int byte;

		if (ret->length == sizeof(ret->data) || sscanf(text, "%2x", &byte) != 1)
			die("a frame in hex", EINVAL);
		ret->data[ret->length++] = (uint8_t)byte;
	}
}

static int run(struct wire_frame *frame, const struct world *world,
	       enum datapath_program program, struct __sk_buff *skb)
{
	uint8_t out[WIRE_FRAME_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data, .data_size_in = frame->length,
		    .data_out = out, .data_size_out = sizeof(out), .ctx_in = skb,
		    .ctx_size_in = sizeof(*skb), .ctx_out = skb, .ctx_size_out = sizeof(*skb),
		    .repeat = 1);

	if (bpf_prog_test_run_opts(world->dp->programs[program], &opts))
		die("BPF_PROG_TEST_RUN", errno);
	memcpy(frame->data, out, opts.data_size_out);
	frame->length = opts.data_size_out;
	frame->mark = skb->mark;
	return (int)opts.retval;
}

/* The way in: who puts another program in front of this one has it run here first. */
static int arrive(struct wire_frame *frame, const struct world *world)
{
	struct __sk_buff skb = { .ifindex = world_uplink(), .ingress_ifindex = world_uplink(),
				 .mark = frame->mark };

	return run(frame, world, PROGRAM_FROM_WIRE, &skb);
}

/* What comes without a mark is of a socket of the node. */
static int leave(struct wire_frame *frame, const struct world *world)
{
	struct __sk_buff skb = { .ifindex = world_uplink(), .mark = frame->mark,
				 .ingress_ifindex = frame->mark ? world_ifindex(0) : 0 };

	return run(frame, world, PROGRAM_TO_WIRE, &skb);
}

static int leave_pod(struct wire_frame *frame, const struct world *world, unsigned int slot)
{
	struct __sk_buff skb = { .ifindex = world_ifindex(slot),
				 .ingress_ifindex = world_ifindex(slot) };

	return run(frame, world, PROGRAM_FROM_POD, &skb);
}

int wire_send(struct wire_frame *frame, const struct world *world, enum wire_place place,
	      unsigned int slot)
{
	switch (place) {
	case WIRE_ARRIVES:
		return arrive(frame, world);
	case WIRE_LEAVES:
		return leave(frame, world);
	case WIRE_FROM_POD:
		return leave_pod(frame, world, slot);
	}
	die("a place of the wire", EINVAL);
}
