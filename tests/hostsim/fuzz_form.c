// SPDX-License-Identifier: Apache-2.0
#include "hostsim/fuzz_form.h"

#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <string.h>

#include "bpf/fixture.h"
#include "hostsim/fuzz_world.h"

#define ETH_BYTES 14
#define HOPS4 (ETH_BYTES + 8)
#define CHECK4 (ETH_BYTES + 10)
#define HOPS6 (ETH_BYTES + 7)

static bool is_v6(const struct frame *frame)
{
	return frame->data[12] == 0x86;
}

static bool header4_fits(const struct frame *frame)
{
	size_t length = (size_t)(frame->data[ETH_BYTES] & 15) * 4;
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i += 2)
		sum += (uint32_t)(frame->data[ETH_BYTES + i] << 8 | frame->data[ETH_BYTES + i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

void form_is_unchanged(const struct sim_visit *visit, const struct frame *before)
{
	PROMISE(visit->action == TC_ACT_OK && !visit->redirect);
	PROMISE(visit->frame.len == before->len &&
		!memcmp(visit->frame.data, before->data, before->len));
}

void form_is_delivered(const struct sim_visit *visit, const struct frame *before, enum who pod)
{
	struct frame expected = *before;
	bool v6 = is_v6(before);
	uint8_t *hops = &expected.data[v6 ? HOPS6 : HOPS4];

	PROMISE(visit->program != TO_POD && pod_is_ready(pod));
	PROMISE(visit->redirect == ifindex_of(pod));
	PROMISE(*hops > 1);
	--*hops;
	who_mac(expected.data, pod);
	who_mac(expected.data + 6, GATEWAY);
	if (!v6) {
		PROMISE(header4_fits(&visit->frame) == header4_fits(before));
		memcpy(&expected.data[CHECK4], &visit->frame.data[CHECK4], 2);
	}
	PROMISE(visit->frame.len == expected.len &&
		!memcmp(visit->frame.data, expected.data, expected.len));
}

bool form_is_answer(const struct sim_visit *visit, const struct reading *question)
{
	return visit->program == FROM_POD && visit->redirect == visit->ifindex &&
	       (question->kind == READ_ARP ||
		(question->tuple.proto == IPPROTO_ICMPV6 && question->icmp_type == 135));
}

/* Any address of the node is as good as the gateway's, which has one by its MAC as well. */
static bool is_gateway6(const uint8_t *addr)
{
	struct ip_addr gateway = who_addr(GATEWAY, true), local = who_addr(LOCAL_GATEWAY, true);
	struct ip_addr host = who_addr(HOST, true);

	return !memcmp(addr, &gateway, 16) || !memcmp(addr, &local, 16) || !memcmp(addr, &host, 16);
}

static bool is_gateway4(const uint8_t *addr)
{
	struct ip_addr gateway = who_addr(GATEWAY, false), host = who_addr(HOST, false);

	return !memcmp(addr, &gateway.words[3], 4) || !memcmp(addr, &host.words[3], 4);
}

static void arp_answers(const struct frame *answer, const struct frame *question)
{
	const uint8_t *arp = answer->data + ETH_BYTES, *asked = question->data + ETH_BYTES;

	PROMISE(answer->len == question->len && !memcmp(arp, asked, 6));
	PROMISE(arp[6] == 0 && arp[7] == 2);
	PROMISE(!memcmp(arp + 8, answer->data + 6, 6) && is_gateway4(arp + 14));
	PROMISE(!memcmp(arp + 18, asked + 8, 10) && !memcmp(asked + 24, arp + 14, 4));
}

static void nd_answers(const struct frame *answer, const struct frame *question)
{
	const uint8_t *ip = answer->data + ETH_BYTES, *asked = question->data + ETH_BYTES;

	PROMISE(answer->len == 86 && frame_checksums_fit(answer));
	PROMISE(ip[40] == 136 && ip[7] == 255);
	PROMISE(!memcmp(ip + 8, ip + 48, 16) && !memcmp(ip + 24, asked + 8, 16));
	PROMISE(is_gateway6(ip + 48) && !memcmp(ip + 66, answer->data + 6, 6));
}

void form_answers(const struct sim_visit *visit, const struct frame *question)
{
	uint8_t gateway[6];

	who_mac(gateway, GATEWAY);
	PROMISE(!memcmp(visit->frame.data, question->data + 6, 6));
	PROMISE(!memcmp(visit->frame.data + 6, gateway, 6));
	if (is_v6(question))
		nd_answers(&visit->frame, question);
	else
		arp_answers(&visit->frame, question);
}
