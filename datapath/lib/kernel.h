/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ground: helpers, map definitions and access to the packet.
 *
 * The same sources are compiled for the host, where tests and fuzzers run them:
 * this is the only place that knows the difference. The shim provides what the
 * BPF branch below provides: SEC, CONFIG, MAP, MAP_PRIVATE, UNROLL, the helpers, byte order, and
 * the packet's data and its end, because __sk_buff.data has only 32 bits; and the
 * protocol headers, because those of the kernel and of libc clash.
 */
#pragma once

#include <stddef.h>

#include "weir/compat.h"

#ifdef __bpf__

#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Read-only data that the agent sets before it loads the program. */
#define CONFIG const volatile

/* A map; @...: attributes that only some have. */
#define MAP_WITH(name_, type_, key_, value_, entries_, flags_, ...)                         \
	struct {                                                                            \
		__uint(type, BPF_MAP_TYPE_##type_);                                         \
		__type(key, key_);                                                          \
		__type(value, value_);                                                      \
		__uint(max_entries, entries_);                                              \
		__uint(map_flags, flags_);                                                  \
		__VA_ARGS__                                                                 \
	} name_ SEC(".maps")

/* One that all objects share and that outlives the agent: pinned by its name. */
#define MAP(...) MAP_WITH(__VA_ARGS__, __uint(pinning, LIBBPF_PIN_BY_NAME);)

/* One of this object only. */
#define MAP_PRIVATE(...) MAP_WITH(__VA_ARGS__, )

/* Before a loop of constant length: the verifier need not follow its counter. */
#define UNROLL _Pragma("clang loop unroll(full)")

/*
 * Written out, because clang 13 and 14 else keep "address of skb->data" in a register,
 * and the verifier wants the context pointer itself with a constant offset.
 */
#define CTX_LOAD(ctx, field)                                                                \
	({                                                                                  \
		void *value;                                                                \
		asm volatile("%0 = *(u32 *)(%1 + %2)"                                       \
			     : "=r"(value)                                                  \
			     : "r"(ctx), "i"(offsetof(__typeof__(*(ctx)), field)));         \
		value;                                                                      \
	})

static __always_inline void *skb_data(const struct __sk_buff *skb)
{
	return CTX_LOAD(skb, data);
}

static __always_inline void *skb_data_end(const struct __sk_buff *skb)
{
	return CTX_LOAD(skb, data_end);
}

static __always_inline void *xdp_data(const struct xdp_md *xdp)
{
	return CTX_LOAD(xdp, data);
}

static __always_inline void *xdp_data_end(const struct xdp_md *xdp)
{
	return CTX_LOAD(xdp, data_end);
}

#else

#include "hostsim/shim.h"

#endif

/*
 * Ends a branch that calls a map helper, in a choice between maps; @number differs
 * from the other branch's. The compiler would merge the calls into one, and the
 * kernel inlines a call only where it always sees the same map: the rest goes
 * through the map's table of operations and costs several times as much.
 */
#define BRANCH_APART(number) asm volatile("" : : "i"(number))

/* A constant that the compiler may not reason about. */
#define OPAQUE(number)                                                                      \
	({                                                                                  \
		__u64 opaque = (number);                                                    \
		asm volatile("" : "+r"(opaque));                                            \
		opaque;                                                                     \
	})

/*
 * A function that the verifier proves once by itself and not again for every
 * path that leads to a call. Its arguments are numbers or pointers to structs
 * that may be NULL. Weak keeps the compiler from specialising it.
 */
#define SUBPROGRAM __attribute__((noinline, weak))
