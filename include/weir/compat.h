/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Constants of the kernel's interface that are newer than the headers of the
 * oldest supported build host (Linux 6.1), or that no UAPI header exports.
 */
#pragma once

/* enum bpf_attach_type since Linux 6.6: for bpf_link_create() of TC programs. */
#define WEIR_TCX_INGRESS 46
#define WEIR_TCX_EGRESS 47

/* Flag of bpf_l4_csum_replace() since Linux 6.16: BPF_F_IPV6. */
#define WEIR_CSUM_IPV6 (1ULL << 7)

/* IANA numbers and bits that are only in kernel-internal headers. */
#define IP_FRAG_MORE 0x2000
#define IP_FRAG_OFFSET 0x1fff
#define IP6_FRAG_MORE 0x0001
#define IP6_FRAG_OFFSET 0xfff8
