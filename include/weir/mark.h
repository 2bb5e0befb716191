/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bits of the packet mark that weir uses between its programs and the kernel's
 * own facilities. All other bits are left alone.
 */
#pragma once

/*
 * A pod's packet that answers a connection which others opened to the pod's own
 * address. The kernel has not seen that connection's other direction (it was
 * delivered before the stack) and would take the answer for a new connection of
 * the pod: rules of the node that translate must leave it alone. Where it leaves the node
 * it may have to become the answer of a service (to_wire).
 */
#define WEIR_MARK_ANSWER 0x00100000

/*
 * A pod's packet to the outside, or an error about one from there: to_wire masquerades it.
 * It has WEIR_MARK_ANSWER as well, so that the masquerade rule of a former version of weir,
 * which knows only that one, leaves it alone.
 */
#define WEIR_MARK_MASQUERADE 0x00200000
