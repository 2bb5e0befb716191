/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The address that a system call is about, for both families alike: that of an IPv6
 * socket which speaks IPv4 is v4-mapped anyway.
 */
#pragma once

#include "lib/flow.h"

struct socket_addr {
	struct ip_addr addr;
	__be16 port;
};

static __always_inline void socket_addr_get(struct socket_addr *ret,
					    const struct bpf_sock_addr *ctx,
					    enum flow_family family)
{
	if (family == FLOW_IP4) {
		ip_addr_set_v4(&ret->addr, ctx->user_ip4);
	} else {
		ret->addr.words[0] = ctx->user_ip6[0];
		ret->addr.words[1] = ctx->user_ip6[1];
		ret->addr.words[2] = ctx->user_ip6[2];
		ret->addr.words[3] = ctx->user_ip6[3];
	}
	ret->port = (__be16)ctx->user_port;
}

static __always_inline void socket_addr_set(struct bpf_sock_addr *ctx, enum flow_family family,
					    const struct ip_addr *addr, __be16 port)
{
	if (family == FLOW_IP4) {
		ctx->user_ip4 = addr->words[3];
	} else {
		ctx->user_ip6[0] = addr->words[0];
		ctx->user_ip6[1] = addr->words[1];
		ctx->user_ip6[2] = addr->words[2];
		ctx->user_ip6[3] = addr->words[3];
	}
	ctx->user_port = port;
}
